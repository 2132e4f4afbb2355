"""What earlier comparisons on this machine taught, kept in one JSON file: shown when asked for, used only when asked for."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwenpick.bounded import read_json
from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import N_, _
from qwenpick.memory.account import RAM, Memory, memory
from qwenpick.storage import locked, user_directory, write_whole
from qwenpick.values import dataclass

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


def store_path() -> Path | None:
    """The file of this person on this machine; None where there is no directory for it."""
    directory = user_directory("data")
    return directory / "corrections.json" if directory else None


def load(path: Path | None) -> tuple[Correction, ...]:
    """All corrections; () where there is no file. Raises QwenpickError for one that is damaged, or that no run can have taught."""
    if path is None or not path.exists():
        return ()
    try:
        document = read_json(path, FILE_LIMIT)
        if document.get("version") != VERSION:
            raise ValueError(
                _("its version is {version}, not {known}", version=shown(document.get("version")), known=VERSION)
            )
        return tuple(map(_correction, document["corrections"]))
    except (QwenpickError, ValueError, KeyError, TypeError) as problem:
        raise QwenpickError(
            _("'{path}' cannot be read ({problem}); delete it to start afresh", path=path, problem=problem)
        ) from None


def _correction(row: object) -> Correction:
    """One entry of the file. Raises ValueError for anything that `learned` would not have written."""
    match row:
        case {
            "engine": str(engine),
            "device": str(device),
            "kind": str(kind),
            "ratios": [_first, *_others] as ratios,
        } if all(type(ratio) in (int, float) and PLAUSIBLE[0] <= ratio <= PLAUSIBLE[1] for ratio in ratios):
            return Correction(engine, device, kind, tuple(map(float, ratios))[-KEPT:])
    raise ValueError(
        _(
            "a correction needs an engine, a device, a kind and ratios from {low} to {high}",
            low=PLAUSIBLE[0],
            high=PLAUSIBLE[1],
        )
    )


def save(path: Path, corrections: tuple[Correction, ...]) -> None:
    """Write them all, so that a reader sees the old file or the new one. Raises OSError."""
    rows = [
        {"engine": c.engine, "device": c.device, "kind": c.kind, "ratios": list(c.ratios)}
        for c in sorted(corrections, key=_key)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps({"version": VERSION, "corrections": rows}, indent=1) + "\n").encode())


def learn(engine: str, device: str, comparison: Comparison) -> bool:
    """Keep what one run teaches beside what others did, one writer after the other. False where it cannot be kept."""
    path = store_path()
    if path is None:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(path):
            save(path, learned(load(path), engine, device, comparison))
    except OSError:
        return False
    return True


def teaches(comparison: Comparison) -> bool:
    """Whether a run has anything to keep: ratios so far off that something else was compared are dropped."""
    return any(True for _kind, _ratio in _ratios(comparison))


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
