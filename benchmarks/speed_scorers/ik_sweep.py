"""ik_llama.cpp's sweeps: generation at n_kv tokens and the prompt speed there; experts in RAM, or CPU only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Skip
from benchmarks.speed_scorers.names import gpu_of, model_of, number, whole
from benchmarks.speed_scorers.runs import Reader, Run
from benchmarks.speed_scorers.serving import run


def sweep(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_ik_sweep.csv: rows with every layer on named cards; where experts lie in RAM the host's bandwidth is not in the table."""
    for row in rows:
        label = f"{row['model']} {row['gpu']} n_kv{row['n_kv']} ub{row['ubatch']}"
        if not row["gpu"]:
            yield Skip("llamacpp", "the device is not named", label)
            continue
        names = re.split(r"\+", row["gpu"]) if "+" in row["gpu"] else [row["gpu"]] * (whole(row["gpu_count"]) or 1)
        found, cards = model_of(row["model"]), [gpu_of(name) for name in names]
        if found is None or "235B" in row["model"]:
            yield Skip("llamacpp", "experts in RAM whose bandwidth is not known", label)
            continue
        if any(card is None for card in cards):
            yield Skip("llamacpp", "the device's bandwidth is not known", label)
            continue
        cached, ubatch = whole(row["n_kv"]), (whole(row["ubatch"]) or 512)
        yield from run(
            label,
            "llamacpp",
            row["model"],
            row["quant"],
            names,
            "decode",
            number(row["speed_tok_s"]),
            cached=cached,
            generated=ubatch // 4,
        )
        yield from run(
            label, "llamacpp", row["model"], row["quant"], names, "prefill", number(row["prefill_tok_s"]), cached=cached, prompt=ubatch,
            options={"n_ubatch": ubatch},
        )  # fmt: skip


TABLES: dict[str, Reader] = {"speed_ik_sweep.csv": sweep}
