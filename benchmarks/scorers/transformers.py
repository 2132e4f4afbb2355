"""transformers on a real H200 and the vendor's own inference tables: torch's peak allocation against ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from qwenpick import catalog
from qwenpick.catalog import Architecture, Checkpoint, Model
from qwenpick.errors import QwenpickError
from qwenpick.hardware import Device
from qwenpick.placement import Placement
from qwenpick.runtimes import transformers
from qwenpick.units import GIB, MIB
from qwenpick.workload import Serving

ENGINE = "transformers"
H200 = Device("NVIDIA H200", "nvidia", 143771 * MIB, 143771 * MIB, compute_capability="9.0")


@cache
def found(name: str) -> tuple[Model, Architecture] | None:
    """The model of a row, and its architecture; None where the catalogue has none."""
    known = catalog_of_rows()
    try:
        model = catalog.find_model(known, name)
    except QwenpickError:
        return None
    return (model, known.architecture(model)) if model.architecture else None


@cache
def catalog_of_rows() -> catalog.Catalog:
    """The shipped catalogue."""
    return catalog.load()


def h200(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """transformers_h200.csv: weights after loading, torch's peak, the allocator's reserve and the driver's number; training rows too."""
    for row in rows:
        label = f"{row['task']} {row['model'].split('/')[-1]} {row['quant']} {row['batch']}x{row['context']}"
        pair = found(row["model"])
        if pair is None:
            yield Skip(ENGINE, "the model is not in the catalogue", label)
        elif row["task"] == "inference":
            yield from _inference(row, label, *pair)


def _inference(row: Row, label: str, model: Model, architecture: Architecture) -> Iterator[Score]:
    work = Serving(int(row["context"]), int(row["batch"]), options={"attn_implementation": row["attn"]})
    memory = transformers.memory(model, architecture, Checkpoint(format=row["quant"]), work, Placement((H200,)))
    # the process kept 32 MiB of cuBLAS workspace per thread from runs before, up to 64 MiB: the same model alone read 2 MiB over its parameters
    yield Score(ENGINE, "weights", label, memory.of("weights") / GIB, float(row["weights_gib"]), slack=64 * MIB / GIB)
    yield Score(
        ENGINE, "peak allocation", label, transformers.allocated(memory.parts) / GIB, float(row["peak_alloc_gib"])
    )
    yield Score(ENGINE, "device used", label, memory.total / GIB, float(row["device_used_gib"]))


TABLES: dict[str, Scorer] = {"transformers_h200.csv": h200}
