"""Fine-tuning on a real H200, the vendor's own tables and the trainers': peak memory against ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from qwenpick import training
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.hardware import Device
from qwenpick.placement import Placement
from qwenpick.units import GIB, MIB
from qwenpick.workload import Training

ENGINE = "training"
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
    yield Score(ENGINE, "peak allocation", label, training.allocated(memory.parts) / GIB, float(row["peak_alloc_gib"]))
    yield Score(ENGINE, "device used", label, memory.on("gpu0") / GIB, float(row["device_used_gib"]))


QWEN1 = Training(
    rank=64, attention="flash", trainer="ms-swift"
)  # finetune.py of QwenLM/Qwen: LoRA of rank 64 on every linear layer, AdamW
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
    )
    memory = training.memory(model, architecture, work, Placement((A100,) * gpus), Checkpoint(format=row["quant"]))
    yield Score(ENGINE, "total", f"{label} {raw}", memory.total / GIB, float(row["memory_value"]))


TABLES: dict[str, Scorer] = {}
