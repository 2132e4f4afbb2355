"""transformers on a real H200 and the vendor's own inference tables: torch's peak allocation against ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers import training
from benchmarks.scorers.catalogue import found
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.machine.hardware import Device
from qwenpick.runtimes import transformers
from qwenpick.units import GIB, MIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

ENGINE = "transformers"
H200 = Device("NVIDIA H200", "nvidia", 143771 * MIB, 143771 * MIB, compute_capability="9.0")


def h200(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """transformers_h200.csv: weights after loading, torch's peak, the allocator's reserve and the driver's number; training rows too."""
    for row in rows:
        label = f"{row['task']} {row['model'].split('/')[-1]} {row['quant']} {row['batch']}x{row['context']}"
        pair = found(row["model"])
        if pair is None:
            yield Skip(ENGINE, "the model is not in the catalogue", label)
        elif row["task"] == "inference":
            yield from _inference(row, label, *pair)
        else:
            yield from training.h200(row, label, *pair)


def _inference(row: Row, label: str, model: Model, architecture: Architecture) -> Iterator[Score]:
    work = Serving(int(row["context"]), int(row["batch"]), options={"attn_implementation": row["attn"]})
    memory = transformers.memory(model, architecture, Checkpoint(format=row["quant"]), work, Placement((H200,)))
    # the process kept 32 MiB of cuBLAS workspace per thread from runs before, up to 64 MiB: the same model alone read 2 MiB over its parameters
    yield Score(ENGINE, "weights", label, memory.of("weights") / GIB, float(row["weights_gib"]), slack=64 * MIB / GIB)
    yield Score(
        ENGINE, "peak allocation", label, transformers.allocated(memory.parts) / GIB, float(row["peak_alloc_gib"])
    )
    yield Score(ENGINE, "device used", label, memory.total / GIB, float(row["device_used_gib"]))


# the tables' names of formats, where they are not ours
FORMAT_OF = {"awq": "awq-int4", "bnb-int8": "int8", "int4": "nf4"}
SUFFIXES = ("-GPTQ-Int4", "-GPTQ-Int8", "-AWQ")
A100 = Device("NVIDIA A100-SXM4-80GB", "nvidia", 80 * GIB, 80 * GIB, compute_capability="8.0")
DEVICES = {
    "NVIDIA H20 96GB": Device("NVIDIA H20", "nvidia", 96 * GIB, 96 * GIB, compute_capability="9.0"),
}
# where a row states none, or one that did not have the model: Qwen2-VL came with 4.45
VERSION_OF = {"qwen1.5-docs-hf-infer": "4.38", "qwen2-vl-readme-speed": "4.44"}


def base_name(name: str) -> str:
    """The model a quantized repository was made from."""
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def official(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """official_speed_benchmarks.csv: the vendor's tables of transformers, summed over GPUs. "MB" are MiB and "GB" GiB, as its script divides."""
    for row in rows:
        if row["runtime"] == "transformers" and row["memory_value"]:
            label = f"{row['model'].split('/')[-1]} {row['quant']} {row['input_len']} x{row['gpu_count']}"
            pair = found(base_name(row["model"]))
            if pair is None:
                yield Skip(ENGINE, "the model is not in the catalogue", label)
            else:
                yield _official(row, label, *pair)


def _official(row: Row, label: str, model: Model, architecture: Architecture) -> Score:
    """The Qwen3 tables show no prefill: every row is weights, cache and a workspace, so that is what they are held against."""
    image = 256 if row["source_id"] == "qwen-vl-readme-mem" else 0  # its prompt is text beside one picture
    prompt, answer = (
        int(row["input_len"] or 1) + (image if row["output_len"] == "1" else 0),
        int(row["output_len"] or 0),
    )
    release = VERSION_OF.get(row["source_id"]) or row["runtime_version"].removeprefix("transformers ")
    if architecture.model_type == "qwen":
        # they state torch's version; Qwen began with 4.31
        release = "4.31" if "2023-08" in row["source_id"] else "4.37"
    options = {"transformers_version": release, "max_new_tokens": answer, "bnb_4bit_use_double_quant": False}
    checkpoint = Checkpoint(format=FORMAT_OF.get(row["quant"], row["quant"]))
    placement = Placement((DEVICES.get(row["gpu"], A100),) * int(row["gpu_count"] or 1))
    memory = transformers.memory(model, architecture, checkpoint, Serving(prompt + answer, options=options), placement)
    peak = transformers.allocated(memory.parts)
    if row["source_id"].endswith("-load"):
        return Score(ENGINE, "weights", label, memory.of("weights") / GIB, float(row["memory_value"]))
    if row["source_id"] == "qwen3-docs-speed":
        return Score(
            ENGINE, "weights and cache", label, (peak - memory.of("compute")) / MIB, float(row["memory_value"])
        )
    return Score(ENGINE, "peak allocation", label, peak / GIB, float(row["memory_value"]))


NOT_SCORED = {
    "qwen2.5-omni-readme-min": "theoretical minimum for a video, as its source says",
    "qwen2.5-omni-min-thirdparty-quote": "theoretical minimum for a video, as its source says",
    "qwen3-omni-readme-min": "theoretical minimum for a video, as its source says",
    "qwen2.5-vl-readme-theory": "weights by accelerate's estimator, not a run",
    "qwen1-readme-kvquant": "the source states no prompt length, and its batches do not add up",
}


def readme(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """official_readme_tables.csv: Qwen 1's inference and Qwen2-VL's; its fine-tuning rows are scored by the training scorer."""
    for row in rows:
        if row["runtime"] == "vllm" or not row["memory_value"]:
            continue
        label = f"{row['source_id']} {row['model'].split('/')[-1]} {row['quant']} {row['input_len']}+{row['output_len']} x{row['gpu_count']}"
        pair = found(row["model"])
        if reason := NOT_SCORED.get(row["source_id"]):
            yield Skip(ENGINE, reason, label)
        elif pair is None:
            yield Skip(ENGINE, "the model is not in the catalogue", label)
        elif row["task"] == "inference":
            yield _official(row, label, *pair)
        else:
            yield from training.readme(row, label, *pair)


TABLES: dict[str, Scorer] = {
    "transformers_h200.csv": h200,
    "official_speed_benchmarks.csv": official,
    "official_readme_tables.csv": readme,
}
