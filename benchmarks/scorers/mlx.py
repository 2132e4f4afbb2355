"""MLX on Apple silicon: the peak that mlx_lm.benchmark prints, decimal GB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from qwenpick.catalog import Checkpoint, find_model, load
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device
from qwenpick.runtimes import mlx
from qwenpick.units import GB, GIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

ENGINE = "mlx"


def apple(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """mlx_apple.csv. A speed row repeats its run's memory: each (model, format, prompt) is scored once."""
    catalog, seen = load(), set()
    for row in rows:
        label = f"{row['model'].split('/')[-1]} {row['quant']} {row['input_len']}+{row['output_len']}"
        if "not fit" in row["status"]:
            yield from _refused(row, label)
            continue
        if not row["memory_value"]:
            yield Skip(ENGINE, "the row states a speed, no memory", label)
            continue
        if "get_peak_memory" not in row["memory_what"]:
            yield Skip(ENGINE, "the source does not say what its memory column is", label)
            continue
        key = (row["model"], row["quant"], row["input_len"], row["memory_value"])
        if key in seen:
            yield Skip(ENGINE, "the same run's memory is scored in another row", label)
            continue
        seen.add(key)
        try:
            model = find_model(catalog, re.sub(r"-(MLX-)?\d+bit(-g\d+)?$|-(MLX-)?bf16$", "", row["model"]))
        except QwenpickError:
            yield Skip(ENGINE, "the model is not in the catalogue", label)
            continue
        version = match[1] if (match := re.search(r"mlx-lm (\d+\.\d+)", row["runtime_version"])) else None
        options: dict[str, object] = {"version": version} if version else {}
        work = Serving(int(row["input_len"] or 0), int(row["batch"] or 1), options=options)
        memory = mlx.memory(
            model, catalog.architecture(model), Checkpoint(format=format_of(row["quant"])), work, Placement()
        )
        yield Score(ENGINE, "peak memory", label, memory.total / GB, float(row["memory_value"]))


def _refused(row: Row, label: str) -> Iterator[Score | Skip]:
    """A row that says the model does not fit: 1 where ours says so too."""
    catalog = load()
    model = find_model(catalog, row["model"])
    ram = int(match[1]) * GIB if (match := re.search(r"(\d+)GB", row["gpu"])) else 0
    # Metal's working set: 75 % of RAM from 36 GB up
    device = Device(row["gpu"], "apple", ram * 3 // 4, None, unified=True)
    work = Serving(int(row["input_len"] or 1), 1)
    memory = mlx.memory(
        model, catalog.architecture(model), Checkpoint(format=format_of(row["quant"])), work, Placement((device,))
    )
    yield Score(ENGINE, "refused", label, float(memory.total > (mlx.budget(device, work) or 0)), 1.0)


def format_of(quant: str) -> str:
    """The table's name of a format as ours: mlx-q4 is mlx-4bit, bf16 is mlx-bf16."""
    if match := re.fullmatch(r"mlx-q(\d)(-g\d+)?", quant):
        return f"mlx-{match[1]}bit{match[2] or ''}"
    return quant if quant.startswith("mlx-") else f"mlx-{quant}"


TABLES: dict[str, Scorer] = {"mlx_apple.csv": apple}
