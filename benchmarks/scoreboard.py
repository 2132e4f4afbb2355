"""What a scorer yields, and the figures drawn from it: median and 95th percentile of |error|, bias, worst under- and over-estimate."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

Row = dict[str, str]
MEASURED = Path(__file__).parent / "measured"  # tables of our own runs
TOLERANCE = {"training peak": 0.10}  # 5 % elsewhere


@dataclass(frozen=True, slots=True)
class Score:
    """One prediction beside what was measured, in the same unit. `row` is a short label a reader can find the row by.

    `slack` is an absolute error (same unit) that counts as none, for targets like "2 % or 64 MiB". `band` is the band of training runs that the row
    stands behind (estimate.py band_of), if any.
    """

    engine: str
    quantity: str
    row: str
    predicted: float
    actual: float
    slack: float = 0.0
    band: str = ""

    @property
    def error(self) -> float:
        """(predicted - actual) / actual; 0 within the slack."""
        difference = self.predicted - self.actual
        if abs(difference) <= self.slack:
            return 0.0
        return difference / self.actual if self.actual else float("inf")


@dataclass(frozen=True, slots=True)
class Skip:
    """A row that is not scored, and the reason, which must hold for a class of rows."""

    engine: str
    reason: str
    row: str


Scorer = Callable[[Iterable[Row]], Iterator[Score | Skip]]


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one (table, engine, quantity). Errors are fractions; `right` is the share of rows that are off by TOLERANCE at most."""

    table: str
    engine: str
    quantity: str
    rows: int
    median: float
    p95: float
    bias: float
    worst_under: tuple[float, str]
    worst_over: tuple[float, str]
    right: float


def read(directory: Path, table: str) -> list[Row]:
    """The rows of a truth table, or of one that we measured; none where there is no such table."""
    path = next((at for at in (directory / table, MEASURED / table) if at.exists()), directory / table)
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def summarize(table: str, scores: Iterable[Score]) -> list[Summary]:
    """One Summary per (engine, quantity), in order of first appearance."""
    groups: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for score in scores:
        groups[score.engine, score.quantity].append(score)
    return [_summary(table, engine, quantity, group) for (engine, quantity), group in groups.items()]


def _summary(table: str, engine: str, quantity: str, scores: list[Score]) -> Summary:
    absolute = sorted(abs(s.error) for s in scores)
    low, high = min(scores, key=lambda s: s.error), max(scores, key=lambda s: s.error)
    return Summary(
        table, engine, quantity, len(scores), statistics.median(absolute), percentile(absolute, 95), statistics.median(s.error for s in scores),
        (min(low.error, 0.0), low.row), (max(high.error, 0.0), high.row),
        statistics.mean(a <= TOLERANCE.get(quantity, 0.05) for a in absolute),
    )  # fmt: skip


def percentile(ordered: list[float], percent: float) -> float:
    """The nearest-rank percentile of ordered values."""
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100).__int__() - 1))]
