"""What benchmarks/measured/measure_transformers.py measured: generation and training of classes that the other tables have no rows of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers.catalogue import found
from benchmarks.scorers.training import H200
from qwenpick import training
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.memory.account import Part
from qwenpick.runtimes import transformers
from qwenpick.training.estimate import band_of
from qwenpick.units import MIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving, Training

TABLE = "transformers_h200_2026_11.csv"


def measured(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """Every row of the given table, or of the one in this repository: torch's peak without what the process held before the case began."""
    for row in rows:
        shape = f"{row['task']} {row['model']} {row['quant']} {row['batch']}x{row['context']} {row['attn']}"
        how = (
            f"r{row['rank']} {row['target']} {row['optimizer']} {row['precision']} {row['loss']} images {row['images']}"
        )
        label = f"{shape} {how}" + ("" if row["checkpointing"] == "True" else " no checkpointing")
        pair = found(row["model"])
        if pair is None:
            yield Skip("transformers", "the model is not in the catalogue", label)
        elif row["task"] in ("inference", "embed"):
            yield from _generation(row, label, *pair)
        else:
            yield from _training(row, label, *pair)


def _generation(row: Row, label: str, model: Model, architecture: Architecture) -> Iterator[Score]:
    options: dict[str, object] = {"attn_implementation": row["attn"], "max_new_tokens": 24}
    if row["task"] == "embed":
        options = {"use_cache": False}
    work = Serving(int(row["context"]), int(row["batch"]), options=options, image_tokens=int(row["images"]))
    memory = transformers.memory(model, architecture, Checkpoint(format=row["quant"]), work, Placement((H200,)))
    yield from _scores("transformers", label, memory.parts, transformers.allocated(memory.parts), row, 32 * MIB)


def _training(row: Row, label: str, model: Model, architecture: Architecture) -> Iterator[Score]:
    work = Training(
        method=row["task"],
        seq=int(row["context"]),
        batch=int(row["batch"]),
        grad_accum=int(row["grad_accum"]),
        rank=int(row["rank"]),
        target=row["target"],
        optimizer=row["optimizer"],
        precision=row["precision"],
        checkpointing=row["checkpointing"] == "True",
        chunked_loss=row["loss"] == "chunked",
        attention=row["attn"],
        trainer="torch",
        # peft's all-linear adapts the tower too; a tower that sees no image gets no gradients
        train_vision=architecture.vision is not None and (row["task"] != "full" or int(row["images"]) > 0),
        image_tokens=int(row["images"]),
    )
    memory = training.memory(model, architecture, work, Placement((H200,)), Checkpoint(format=row["quant"]))
    yield from _scores(work.method, label, memory.parts, training.allocated(memory.parts), row, 64 * MIB, band_of(work))


def _scores(
    engine: str, label: str, parts: Iterable[Part], allocated: int, row: Row, workspaces: int, band: str = ""
) -> Iterator[Score]:
    """Peak and reserve. Of what the process held before the case began, the workspaces that a fresh one makes are counted."""
    others = max(0, int(row["before_bytes"]) - workspaces)
    yield Score(engine, "peak allocation", label, allocated / MIB, (int(row["peak_bytes"]) - others) / MIB)
    reserved = sum(part.bytes for part in parts if part.where == "gpu0" and part.name != "CUDA context")
    yield Score(engine, "reserved", label, reserved / MIB, (int(row["reserved_bytes"]) - others) / MIB, band=band)


TABLES: dict[str, Scorer] = {TABLE: measured}
