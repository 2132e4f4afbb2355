"""Fine-tuning on a real H200, the vendor's own tables and the trainers': peak memory against ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers.catalogue import found
from qwenpick import training
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.machine.hardware import Device
from qwenpick.training.estimate import band_of
from qwenpick.units import GIB, MIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Training

ENGINE = "training"  # of rows that are not scored; a score's engine is its method: full, lora, qlora
H200 = Device("NVIDIA H200", "nvidia", 143771 * MIB, 143771 * MIB, compute_capability="9.0")


def h200(row: Row, label: str, model: Model, architecture: Architecture) -> Iterator[Score]:
    """A training row of transformers_h200.csv."""
    settings = dict(part.split("=", 1) for part in row["note"].split(";"))
    work = Training(
        method=row["task"],
        seq=int(row["context"]),
        batch=int(row["batch"]),
        rank=int(settings["r"] or 16),
        optimizer=settings["optim"],
        checkpointing=settings["ckpt"] == "True",
        attention=row["attn"],
        trainer="torch",
    )
    label += "" if work.checkpointing else " no checkpointing"
    memory = training.memory(model, architecture, work, Placement((H200,)), Checkpoint(format=row["quant"]))
    yield Score(
        work.method, "peak allocation", label, training.allocated(memory.parts) / GIB, float(row["peak_alloc_gib"])
    )
    yield Score(
        work.method, "device used", label, memory.on("gpu0") / GIB, float(row["device_used_gib"]), band=band_of(work)
    )


# finetune.py of QwenLM/Qwen: LoRA of rank 64 on every linear layer, AdamW
QWEN1 = Training(rank=64, attention="flash", trainer="ms-swift")
A100 = Device("NVIDIA A100-SXM4-80GB", "nvidia", 80 * GIB, 80 * GIB, compute_capability="8.0")


def readme(row: Row, label: str, model: Model, architecture: Architecture) -> Iterator[Score | Skip]:
    """A fine-tuning row of official_readme_tables.csv: the memory of all GPUs together, in GiB as its figures divide."""
    raw = row["quant_raw"]
    gpus = int(row["gpu_count"] or 1)
    zero3 = "Zero3" in raw or (row["task"] == "full" and gpus > 1)
    work = replace(
        QWEN1,
        method=row["task"],
        seq=int(row["input_len"]),
        batch=int(row["batch"] or 1),
        grad_accum=8,
        gpus=gpus,
        zero=3 if zero3 else 2 if row["task"] in ("full", "qlora") or "multinode" in raw else 0,
        precision="fp16-mixed" if row["task"] == "qlora" else "bf16",
        train_embeddings="emb" in raw or "Base" in raw,
        trainer="qwen-1" if row["task"] == "qlora" or (row["task"] == "lora" and zero3) else QWEN1.trainer,
    )
    memory = training.memory(model, architecture, work, Placement((A100,) * gpus), Checkpoint(format=row["quant"]))
    shown = sum(peak.within(A100.total).process for peak in training.peaks(memory))
    yield Score(work.method, "total", f"{label} {raw}", shown / GIB, float(row["memory_value"]))


SUFFIXES = ("-GPTQ-Int4", "-GPTQ-Int8", "-AWQ", "-Int4", "-Int8")
SKIPS = (  # (what a row's settings contain, why such rows are not scored)
    ("model_parallel_size", "Megatron: other parallelism than a recipe here has"),
    ("sequence_parallel_size", "sequence parallelism is not modelled"),
    ("galore", "GaLore, LISA and other tuners are not recipes here"),
    ("lisa", "GaLore, LISA and other tuners are not recipes here"),
    ("dora=True", "GaLore, LISA and other tuners are not recipes here"),
    ("task_type", "not a language-model loss: embeddings, rerankers, classification"),
    ("offload", "offload depends on RAM that the source does not state"),
    ("not stated", "the source states no length or batch"),
    ("video", "a video whose tokens are not stated"),
    ("VIDEO", "images or video whose tokens are not stated"),
    ("MAX_PIXELS", "images or video whose tokens are not stated"),
)


def trainers(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """finetune_memory.csv: ms-swift's benchmark (torch's reserve) and what its example scripts say they take (per GPU, rounded by their authors)."""
    for row in rows:
        label = f"{row['model'].split('/')[-1]} {row['task']} {row['quant']} {row['batch']}x{row['input_len']} x{row['gpu_count']}"
        if reason := _left_out(row):
            yield Skip(ENGINE, reason, label)
            continue
        pair = found(_base(row["model"]))
        if pair is None:
            yield Skip(ENGINE, "the model is not in the catalogue", label)
        else:
            yield _trainer(row, label, *pair)


def _left_out(row: Row) -> str | None:
    """The class of rows that this one belongs to, if it is not scored."""
    if row["status"] != "ok" or not row["memory_value"]:
        return "no measurement: out of memory, the card's capacity or an estimate"
    if row["task"] not in ("full", "lora", "qlora"):
        return "preference training, inference and adapters of other kinds"
    notes, gpus = row["notes"], int(row["gpu_count"] or 1)
    if "megatron" in row["runtime"]:
        return SKIPS[0][1]
    if row["quant"] in ("hqq-int4", "int2"):
        return "a format that no recipe here reads"
    if not row["input_len"] or not row["batch"]:
        return "the source states no length or batch"
    if gpus > 1 and "deepspeed" not in notes:
        return "several GPUs without ZeRO: layers over GPUs, or not stated"
    return next((reason for word, reason in SKIPS if word in notes), None)


def _base(name: str) -> str:
    """The model that a quantized repository was made from."""
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def _trainer(row: Row, label: str, model: Model, architecture: Architecture) -> Score:
    notes = row["notes"]
    rank = re.search(r"(?:lora_rank=|LoRA Rank=)(\d+)", notes)
    stage = re.search(r"zero(\d)", notes)
    # DEFAULT and c_attn of ms-swift 2 are the queries', keys' and values' projections
    everything = any(word in notes for word in ("target_modules=all-linear", "Modules=ALL", "modules=ALL"))
    work = Training(
        method=row["task"],
        seq=int(row["input_len"]),
        batch=int(row["batch"]),
        grad_accum=16,
        rank=int(rank[1]) if rank else 8,
        target="all-linear" if everything else "attention",
        checkpointing="Gradient Checkpointing=✘" not in notes,
        chunked_loss="use_liger_kernel=true" in notes,
        attention="flash",
        gpus=int(row["gpu_count"] or 1),
        zero=int(stage[1]) if stage else 0,
        trainer="ms-swift",
    )
    form = {"awq": "awq-int4"}.get(row["quant"], row["quant"])
    memory = training.memory(model, architecture, work, Placement((A100,) * work.gpus), Checkpoint(format=form))
    context = sum(part.bytes for part in memory.parts if part.name == "CUDA context" and part.where == "gpu0")
    if row["source_id"] == "swift-2.x-benchmark":  # torch.cuda.max_memory_reserved, which knows nothing of the context
        return Score(
            work.method,
            "reserved, lengths vary",
            label,
            (memory.on("gpu0") - context) / GIB,
            float(row["memory_value"]),
        )
    return Score(work.method, "per GPU, as scripts say", label, memory.on("gpu0") / GIB, float(row["memory_value"]))


TABLES: dict[str, Scorer] = {"finetune_memory.csv": trainers}
