"""When one model's plan outdoes another's: better beyond doubt, no larger, no slower and no less free, so that nothing speaks for the other."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.recommending.scoring import LICENCE, TUNED, Scored
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.recommending.quality import Quality

CLOSE = 1.05  # within 5 % two sizes or two waits are the same
NEWER_CLOSE = 1.25  # and for a newer generation within a quarter: sizes move a little between generations (8B -> 9B, 30B-A3B -> 35B-A3B)
SURE = 1 + 1e-9  # two ways to add up the same seconds are rounded otherwise
SAME_SHAPE = 0.02  # relative difference of parameter counts between two generations of one size


def beats(other: Scored, row: Scored) -> bool:
    """Whether the other model's plan is better beyond doubt, no larger, no slower and no less free."""
    if other.quality.value < row.quality.value - math.hypot(other.quality.deviation, row.quality.deviation):
        return False  # whatever the two are to each other
    how = relation(other.plan.model, row.plan.model)
    if how is None or not how.good_enough(other.quality, row.quality):
        return False
    return _no_slower(other, row, how.close) or (how.succeeds and _writes_as_fast(other, row, how.close))


@dataclass(frozen=True, slots=True)
class Relation:
    """How a model could outdo another: as its successor of the same size, else by its quality; `close` times as long a wait is the same."""

    close: float
    succeeds: bool

    def good_enough(self, better: Quality, worse: Quality) -> bool:
        """Whether the quality of the one leaves nothing to say for the other's: a successor's need not be clearly better, nor for a smaller share."""
        gap, doubt = better.value - worse.value, math.hypot(better.deviation, worse.deviation)
        return gap > doubt or (self.succeeds and gap >= -doubt)

    def surely_holds(self, other: Scored, quality: Quality, token: float, seconds: float) -> bool:
        """Whether `other` outdoes any plan of that quality, or less, which takes no less than those seconds a token, and in all."""
        if other.seconds is None or other.plan.speed is None or not self.good_enough(other.quality, quality):
            return False
        written = other.plan.speed.each.value * self.close * token
        return other.seconds * SURE <= seconds * self.close or (self.succeeds and written >= SURE)

    def may_hold(self, quality: float, seconds: float, row: Scored) -> bool:
        """Whether a model worth `quality` points that keeps one waiting `seconds` at best could outdo the other's row."""
        if self.succeeds:
            return True
        if row.seconds is not None and seconds > row.seconds * self.close:
            return False
        return quality - row.quality.value > row.quality.deviation


@lru_cache(maxsize=65536)
def relation(better: Model, worse: Model) -> Relation | None:
    """How `better` could outdo `worse`; None where it cannot, however it runs."""
    if not _may_succeed(better, worse):
        return None
    newer = _newer(better, worse)
    alike = worse.successor == better.id or _same_shape(better, worse) or (newer and _same_work(better, worse))
    return None if alike and not newer else Relation(_close(better, worse), alike)


def _may_succeed(better: Model, worse: Model) -> bool:
    """Whether it is no less free, tuned for nothing else, and no larger."""
    if worse.kind == "vision" and better.kind != "vision":
        return False  # small things and many pictures are what it was made for: an all-rounder stands beside it
    if better.variant in TUNED or LICENCE[better.licence.commercial_use] < LICENCE[worse.licence.commercial_use]:
        return False
    return _size(better) <= _size(worse) * _close(better, worse)


def _newer(better: Model, worse: Model) -> bool:
    return (better.released or "") > (worse.released or "")


def _close(better: Model, worse: Model) -> float:
    return NEWER_CLOSE if _newer(better, worse) else CLOSE


def _size(model: Model) -> int:
    """Parameters: the size of a model whatever format it was given here."""
    return model.parameters.total if model.parameters else 0


def _no_slower(other: Scored, row: Scored, close: float) -> bool:
    """Whether the wait is no longer; where a speed is not known, whether as little is read from the same kind of memory."""
    if other.seconds is not None and row.seconds is not None:
        return other.seconds <= row.seconds * close
    a, b = other.plan.model.parameters, row.plan.model.parameters
    return other.plan.mode == row.plan.mode and a is not None and b is not None and a.active <= b.active * close


def _writes_as_fast(other: Scored, row: Scored, close: float) -> bool:
    """Whether it writes no fewer tokens/s, whatever it thinks first."""
    a, b = other.plan.speed, row.plan.speed
    return a is not None and b is not None and a.each.value * close >= b.each.value


def _same_work(one: Model, two: Model) -> bool:
    """Whether two general models do the same work a token as generations go: 30B-A3B and 35B-A3B, 8B and 9B, 80B-A3B and 35B-A3B.

    In our table of experts' picks what replaced Qwen3-Next-80B-A3B is Flash-Next or Qwen3.6-35B-A3B.
    """
    a, b = one.parameters, two.parameters
    if a is None or b is None or one.kind != two.kind or one.kind != "chat":
        return False
    return a.active <= b.active * NEWER_CLOSE and b.active <= a.active * NEWER_CLOSE


def _same_shape(one: Model, two: Model) -> bool:
    a, b = one.parameters, two.parameters
    if a is None or b is None:
        return False
    return all(abs(x - y) <= SAME_SHAPE * y for x, y in ((a.total, b.total), (a.active, b.active)))
