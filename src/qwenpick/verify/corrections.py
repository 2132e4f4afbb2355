"""What earlier comparisons on this machine taught, kept in one JSON file: shown when asked for, used only when asked for."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.memory.account import RAM, Memory, memory

if TYPE_CHECKING:
    from qwenpick.verify.compare import Comparison

VERSION = 1
KEPT = 20  # ratios of the last runs; their median is the correction
PLAUSIBLE = (0.5, 2.0)  # a ratio outside means that something else was compared, not that the estimate is off
FILE_LIMIT = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Correction:
    """actual / predicted of one kind of memory, engine and device, run by run, latest last."""

    engine: str
    device: str
    kind: str
    ratios: tuple[float, ...]

    @property
    def factor(self) -> float:
        """What estimates are multiplied by: the median."""
        return statistics.median(self.ratios)


def store_path() -> Path:
    """The file of this person on this machine."""
    from platformdirs import user_data_path

    return user_data_path("qwenpick") / "corrections.json"


def load(path: Path) -> tuple[Correction, ...]:
    """All corrections; () where there is no file. Raises QwenpickError for a file that is damaged."""
    try:
        text = path.read_bytes() if path.stat().st_size <= FILE_LIMIT else b"{}"
        document = json.loads(text)
        if document["version"] != VERSION:
            raise ValueError(f"version {document['version']}")
        return tuple(
            Correction(c["engine"], c["device"], c["kind"], tuple(map(float, c["ratios"])))
            for c in document["corrections"]
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise QwenpickError(
            _("'{path}' cannot be read ({problem}); delete it to start afresh", path=path, problem=problem)
        ) from None


def save(path: Path, corrections: tuple[Correction, ...]) -> None:
    """Write them all, so that a reader sees the old file or the new one."""
    rows = [
        {"engine": c.engine, "device": c.device, "kind": c.kind, "ratios": list(c.ratios)}
        for c in sorted(corrections, key=_key)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"version": VERSION, "corrections": rows}, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def learned(
    corrections: tuple[Correction, ...], engine: str, device: str, comparison: Comparison
) -> tuple[Correction, ...]:
    """The corrections with one run more."""
    known = {_key(c): c for c in corrections}
    for kind, ratio in _ratios(comparison):
        old = known.get((engine, device, kind), Correction(engine, device, kind, ()))
        known[engine, device, kind] = replace(old, ratios=(*old.ratios, round(ratio, 5))[-KEPT:])
    return tuple(sorted(known.values(), key=_key))


def corrected(estimate: Memory, corrections: tuple[Correction, ...], engine: str, device: str) -> Memory:
    """The estimate with each kind on GPUs (in RAM for a run without) multiplied by what was learned of it there; formulas say so."""
    factors: Mapping[str, float] = {c.kind: c.factor for c in corrections if (c.engine, c.device) == (engine, device)}
    on_gpu = any(part.where != RAM for part in estimate.parts)
    return memory(
        replace(
            part,
            bytes=round(part.bytes * factors[part.kind]),
            formula=N_("({formula}) x {factors:.4g}, learned here", formula=part.formula, factors=factors[part.kind]),
        )
        if part.kind in factors and (part.where != RAM or not on_gpu)
        else part
        for part in estimate.parts
    )


def _ratios(comparison: Comparison) -> Iterator[tuple[str, float]]:
    """(kind, actual / predicted) over all GPUs, or over RAM for a run without."""
    rows = [row for row in comparison.rows if row.counts and row.unit == "bytes" and row.predicted and row.actual]
    on_gpu = [row for row in rows if row.where != RAM] or rows
    for kind in dict.fromkeys(row.kind for row in on_gpu):
        mine = [row for row in on_gpu if row.kind == kind]
        ratio = sum(row.actual or 0 for row in mine) / sum(row.predicted or 0 for row in mine)
        if PLAUSIBLE[0] <= ratio <= PLAUSIBLE[1]:
            yield kind, ratio


def _key(correction: Correction) -> tuple[str, str, str]:
    return correction.engine, correction.device, correction.kind
