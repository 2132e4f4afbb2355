"""What Unsloth's own notebooks print of torch's reserve (unslothai/notebooks bdda2efc, 2026-08-18, nb/): those of Qwen's texts since 2025.

Each is predicted as `fit` answers where no release is named, for texts as long as the limit, which theirs are not; pictures' lengths are not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Score, Scorer, Skip
from benchmarks.scorers.catalogue import catalog_of_rows, found
from qwenpick.machine.simulate import simulate
from qwenpick.training import peaks
from qwenpick.training.answer import tune
from qwenpick.training.estimate import band_of
from qwenpick.units import GIB
from qwenpick.work.serving import Training

TABLE = "unsloth_notebooks.csv"


def measured(rows: Iterable[Row]) -> Iterator[Score | Skip]:
    """One Score a notebook: the allocator's reserve at the peak, in GiB."""
    catalog = catalog_of_rows()
    for row in rows:
        pair = found(row["model"])
        if pair is None:
            yield Skip("training-unsloth", "the model is not in the catalogue", row["notebook"])
            continue
        work = Training(
            method=row["method"],
            rank=int(row["rank"] or 16),
            seq=int(row["seq"]),
            batch=int(row["batch"]),
            grad_accum=int(row["accum"]),
            optimizer=row["optimizer"],
            trainer="unsloth",
        )
        run = tune(catalog, simulate(catalog, [row["gpu"]], None, 64 * GIB, False), pair[0], work, reach=False)
        label = f"{row['notebook']} {row['release']}"
        yield Score(
            "training-unsloth",
            "reserved",
            label,
            peaks(run.memory)[0].reserved / GIB,
            float(row["peak_reserved_gib"]),
            band=band_of(work),
        )


TABLES: dict[str, Scorer] = {TABLE: measured}
