"""How far an engine's estimate has been from real runs: the bands that `fit` prints and `--strict` takes the upper edge of.

The figures are data/accuracy.json, written by `benchmarks/accuracy.py --write` from the scoreboard.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from qwenpick.values import dataclass


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
