"""How far an engine's estimate has been from real runs: the bands that `fit` prints and `--strict` takes the upper edge of.

The figures are data/accuracy.json, written by `benchmarks/accuracy.py --write` from the scoreboard.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.memory.account import Memory
    from qwenpick.memory.quantization.recipes import Estimate


@dataclass(frozen=True, slots=True)
class Band:
    """What was really needed lies between `low` and `high` times the estimate, in 95 % of `rows` scored runs."""

    low: float
    high: float
    rows: int
    source: str


@cache
def _figures() -> dict[str, Any]:
    from qwenpick.catalog.read import data_directory

    content: dict[str, Any] = json.loads((data_directory() / "accuracy.json").read_text(encoding="utf-8"))
    return content


@cache
def band(engine: str) -> Band:
    """The band of an engine (llamacpp, vllm, …) or of a kind of training run (training-zero, training-dora, …)."""
    return Band(**_figures()["bands"][engine])


def widened(edge: Band, needed: Memory, weights: Estimate) -> Band:
    """The band where the size of the weights is a rule's: wider by what they may be off, at the place where they are most of the need."""
    held = {
        where: sum(p.bytes for p in needed.parts if p.where == where and p.kind == "weights") for where in needed.places
    }
    share = max((size / needed.on(where) for where, size in held.items() if size), default=0.0)
    return replace(edge, low=edge.low - share * (1 - weights.low), high=edge.high + share * (weights.high - 1))
