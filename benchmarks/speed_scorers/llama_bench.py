"""llama-bench: prompt or generation tokens/s at a depth, all layers on the GPU."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Skip
from benchmarks.speed_scorers.names import number, whole
from benchmarks.speed_scorers.runs import Reader, Run
from benchmarks.speed_scorers.serving import run
from qwenpick.memory.cache import KvCache

UNNAMED = ("device not", "chip not", "CPU only", "name not")


def h200(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """llamacpp_h200.csv."""
    for row in rows:
        prompt, generated, cache = whole(row["n_prompt"]), whole(row["n_gen"]), KvCache(row["kv_type"], row["kv_type"])
        label = f"{row['model']} {row['ftype']} pp{prompt} tg{generated} d{row['depth']} {cache} fa{row['flash_attn']} ub{row['n_ubatch']}"
        yield from run(
            label, "llamacpp", row["model"], row["ftype"], ["H200"], "prefill" if prompt else "decode", number(row["tok_s"]), prompt=prompt,
            cached=whole(row["depth"]), generated=generated, cache=cache, options={"n_ubatch": whole(row["n_ubatch"])}, size=whole(row["file_bytes"]),
        )  # fmt: skip


def misc(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_llama_bench_misc.csv."""
    for row in rows:
        label = f"{row['model']} {row['quant']} {row['gpu']} {row['backend']} {row['test']} d{row['depth']}"
        prompt, generated = _test(row["test"])
        if prompt and generated:
            yield Skip("llamacpp", "prompt and generation in one figure", label)
        elif any(words in row["gpu"] for words in UNNAMED) and (
            "Strix Halo" not in row["gpu"] or "CPU only" in row["gpu"]
        ):
            yield Skip("llamacpp", "the device is not named", label)
        elif prompt and row["backend"] == "SYCL" and "b9739" in row["build"] and not _is_mixture(row["model"]):
            # ggml-org/llama.cpp#22078: the same card reads a 31B of 4 bits at 759 tokens/s, where this build reads a 14B at 497
            yield Skip("llamacpp", "SYCL built without GGML_SYCL_F16: a third of what the card reads with it", label)
        else:
            count = re.match(r"(\d)x ", row["gpu"])
            yield from run(
                label, "llamacpp", row["model"], row["quant"], row["gpu"].split(" + ") * (int(count[1]) if count else 1),
                "prefill" if prompt else "decode", number(row["speed_tok_s"]), prompt=prompt, cached=whole(row["depth"]), generated=generated,
                size=round(float(row["file_size_GiB"]) * 2**30) if row["file_size_GiB"] else None, vulkan=row["backend"] == "Vulkan",
            )  # fmt: skip


def _is_mixture(name: str) -> bool:
    return re.search(r"-A\d+B", name) is not None


def strix_halo(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """strix_halo_llamacpp.csv."""
    for row in rows:
        backend = row["runtime_version"].split(", ")[-1]
        label = f"{row['model']} {row['quant']} {backend} {row['speed_what']}"
        prompt, generated = _test(row["speed_what"])
        if prompt == 1 or generated == 1:
            yield Skip("llamacpp", "a single token: start-up, not speed", label)
            continue
        depth, ubatch = re.search(r"@ (?:d|depth )(\d+)", row["speed_what"]), re.search(r"n_ubatch (\d+)", row["notes"])
        size, stated = None, re.search(r"model_size (\d+) B", row["notes"])
        if row["memory_what"].startswith("llama-bench"):
            size = round(number(row["memory_value"]) * (2**30 if row["memory_unit"] == "GiB" else 1))
        elif stated:
            size = int(stated[1])
        yield from run(
            label, "llamacpp", row["model"], row["quant"], [row["gpu"]], "prefill" if prompt else "decode", number(row["speed_tok_s"]), prompt=prompt,
            cached=int(depth[1]) if depth else 0, generated=generated, size=size, vulkan="vulkan" in row["runtime_version"].casefold(),
            options={"n_ubatch": int(ubatch[1])} if ubatch else {},
        )  # fmt: skip


def _test(text: str) -> tuple[int, int]:
    """(prompt, generated) tokens of pp512, tg128, pp8192+tg128."""
    prompt, generated = re.search(r"pp(\d+)", text), re.search(r"tg(\d+)", text)
    return int(prompt[1]) if prompt else 0, int(generated[1]) if generated else 0


TABLES: dict[str, Reader] = {
    "llamacpp_h200.csv": h200,
    "speed_llama_bench_misc.csv": misc,
    "strix_halo_llamacpp.csv": strix_halo,
}
