"""What benchmarks/measured/measure_transformers.py measured: generation and training of classes that the other tables have no rows of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.scoreboard import Row, Score, Scorer, Skip, read
from benchmarks.scorers.catalogue import found
from benchmarks.scorers.training import H200
from qwenpick import training
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.placement import Placement
from qwenpick.runtimes import transformers
from qwenpick.units import MIB
from qwenpick.workload import Serving, Training

TABLE = "transformers_h200_2026_11.csv"
DIRECTORY = Path(__file__).resolve().parents[1] / "measured"


def measured(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """Every row of the given table, or of the one in this repository: torch's peak without what the process held before the case began."""
    for row in list(rows) or read(DIRECTORY, TABLE):
        shape = f"{row['task']} {row['model']} {row['quant']} {row['batch']}x{row['context']} {row['attn']}"
        how = (
            f"r{row['rank']} {row['target']} {row['optimizer']} {row['precision']} {row['loss']} images {row['images']}"
        )
        label = f"{shape} {how}" + ("" if row["checkpointing"] == "True" else " no checkpointing")
        pair = found(row["model"])
        if pair is None:
            yield Skip("transformers", "the model is not in the catalogue", label)
        elif row["task"] == "embed":
            yield Skip("transformers", "an embedding model that is pooled keeps no cache: not a generation", label)
        elif row["task"] == "inference":
            yield _generation(row, label, *pair)
        else:
            yield _training(row, label, *pair)


def _generation(row: Row, label: str, model: Model, architecture: Architecture) -> Score:
    options = {"attn_implementation": row["attn"], "max_new_tokens": 24}
    work = Serving(int(row["context"]), int(row["batch"]), options=options, image_tokens=int(row["images"]))
    memory = transformers.memory(model, architecture, Checkpoint(format=row["quant"]), work, Placement((H200,)))
    return _score("transformers", label, transformers.allocated(memory.parts), row)


def _training(row: Row, label: str, model: Model, architecture: Architecture) -> Score:
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
        train_vision=architecture.vision is not None,  # peft's all-linear adapts the tower too
        image_tokens=int(row["images"]),
    )
    memory = training.memory(model, architecture, work, Placement((H200,)), Checkpoint(format=row["quant"]))
    return _score("training", label, training.allocated(memory.parts), row)


def _score(engine: str, label: str, predicted: int, row: Row) -> Score:
    """The process already held `before_bytes`, workspaces that our figure counts once more; without the first ones it is the same."""
    workspaces = int(row["before_bytes"])
    return Score(
        engine,
        "peak allocation",
        label,
        predicted / MIB,
        (int(row["peak_bytes"]) - max(0, workspaces - 64 * MIB)) / MIB,
    )


TABLES: dict[str, Scorer] = {TABLE: measured}
