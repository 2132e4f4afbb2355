"""llama-bench: prompt or generation tokens/s at a depth, all layers on the GPU."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Skip
from benchmarks.speed_scorers.names import device, format_of, gpu_of, model_of
from benchmarks.speed_scorers.runs import Reader, Run
from qwenpick.catalog.schema import Checkpoint
from qwenpick.hardware import Machine
from qwenpick.placement import Placement
from qwenpick.workload import KvCache, Serving


def h200(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """llamacpp_h200.csv."""
    for row in rows:
        label = f"{row['model']} {row['ftype']} pp{row['n_prompt']} tg{row['n_gen']} d{row['depth']} {row['kv_type']} fa{row['flash_attn']} ub{row['n_ubatch']}"
        yield from _run(
            label, row["model"], row["ftype"], "H200", int(row["file_bytes"]), int(row["n_prompt"]), int(row["n_gen"]), int(row["depth"]),
            float(row["tok_s"]), KvCache(row["kv_type"], row["kv_type"]), int(row["n_ubatch"]),
        )  # fmt: skip


def misc(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_llama_bench_misc.csv."""
    for row in rows:
        label = f"{row['model']} {row['quant']} {row['gpu']} {row['backend']} {row['test']} d{row['depth']}"
        prompt, generated = _test(row["test"])
        if prompt and generated:
            yield Skip("llamacpp", "prompt and generation in one figure", label)
            continue
        if (
            "device not" in row["gpu"]
            or "chip not" in row["gpu"]
            or "CPU only" in row["gpu"]
            or "name not" in row["gpu"]
        ):
            if "Strix Halo" not in row["gpu"] or "CPU only" in row["gpu"]:
                yield Skip("llamacpp", "the device is not named", label)
                continue
        size = round(float(row["file_size_GiB"]) * 2**30) if row["file_size_GiB"] else None
        yield from _run(
            label,
            row["model"],
            row["quant"],
            row["gpu"],
            size,
            prompt,
            generated,
            int(row["depth"] or 0),
            float(row["speed_tok_s"]),
            KvCache(),
            None,
        )


def strix_halo(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """strix_halo_llamacpp.csv."""
    for row in rows:
        backend = row["runtime_version"].split(", ")[-1]
        label = f"{row['model']} {row['quant']} {backend} {row['speed_what']}"
        prompt, generated = _test(row["speed_what"])
        depth = re.search(r"@ (?:d|depth )(\d+)", row["speed_what"])
        size = None
        if row["memory_what"].startswith("llama-bench"):
            size = round(float(row["memory_value"]) * (2**30 if row["memory_unit"] == "GiB" else 1))
        elif stated := re.search(r"model_size (\d+) B", row["notes"]):
            size = int(stated[1])
        if prompt == 1 or generated == 1:
            yield Skip("llamacpp", "a single token: start-up, not speed", label)
            continue
        yield from _run(
            label,
            row["model"],
            row["quant"],
            row["gpu"],
            size,
            prompt,
            generated,
            int(depth[1]) if depth else 0,
            float(row["speed_tok_s"]),
            KvCache(),
            None,
        )


def _test(text: str) -> tuple[int, int]:
    """(prompt, generated) tokens of pp512, tg128, pp8192+tg128."""
    prompt, generated = re.search(r"pp(\d+)", text), re.search(r"tg(\d+)", text)
    return int(prompt[1]) if prompt else 0, int(generated[1]) if generated else 0


def _run(
    label: str, model: str, quant: str, gpu_name: str, size: int | None, prompt: int, generated: int, depth: int, measured: float, cache: KvCache,
    ubatch: int | None,
) -> Iterator[Run | Skip]:  # fmt: skip
    found, form, gpu_names = model_of(model), format_of(quant, "llamacpp"), gpu_name.split(" + ")
    gpus = [gpu_of(name) for name in gpu_names]
    count = re.match(r"(\d)x ", gpu_name)
    if count:
        gpus *= int(count[1])
    if found is None:
        yield Skip("llamacpp", "not a Qwen of the catalogue", label)
    elif form is None:
        yield Skip("llamacpp", "the format has no formula", label)
    elif any(gpu is None or gpu.bandwidth is None for gpu in gpus):
        yield Skip("llamacpp", "the device's bandwidth is not known", label)
    else:
        devices = tuple(device(gpu) for gpu in gpus if gpu)
        work = Serving(depth + prompt + generated, kv_cache=cache, options={"ubatch": ubatch} if ubatch else {})
        yield Run(
            label, "llamacpp", "prefill" if prompt else "decode", measured, found[1], Checkpoint(format=form, bytes=size), work, Placement(devices),
            Machine(devices), prompt=prompt, cached=depth, generated=generated, device=devices[0].gpu or "", model=found[0],
        )  # fmt: skip


TABLES: dict[str, Reader] = {
    "llamacpp_h200.csv": h200,
    "speed_llama_bench_misc.csv": misc,
    "strix_halo_llamacpp.csv": strix_halo,
}
