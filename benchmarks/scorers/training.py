"""Fine-tuning on a real H200, the vendor's own tables and the trainers': peak memory against ours."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.scoreboard import Row, Score, Scorer
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


TABLES: dict[str, Scorer] = {}
