"""What no plan of a model can exceed on any machine: most models need not be planned at all to know that they are not among the first.

The bounds leave out what only takes points (a tight fit, a format that costs quality, a slow engine) and assume the fastest machine there is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from qwenpick.quality import load_abilities, quality
from qwenpick.retention import Retention
from qwenpick.scoring import MOST_DOUBLINGS, PREFERENCES, Prefer, standing
from qwenpick.tasks import find_task
from qwenpick.thinking import efforts_for

if TYPE_CHECKING:
    from qwenpick.catalog import Model

UNTOUCHED = Retention(1.0, 1.0, 1.0, "high", True, "16-bit weights")
FEWEST_BITS = 1.0  # no format stores a weight in less: IQ1_S takes 1.56


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Points that no plan of the model exceeds, and the quality (points out of 100) that none does."""

    points: float
    quality: float


@lru_cache(maxsize=4096)
def ceiling(
    model: Model, task_name: str, prefer: Prefer, thinking: Literal["yes", "no", "either"], context: int
) -> Ceiling | None:
    """The model's ceiling in a task; None where nothing is known of its quality, so that it has no place at all."""
    task, weights, abilities = find_task(task_name), PREFERENCES[prefer], load_abilities()
    if model.parameters is None:
        return None
    thinks = model.thinking in ("hybrid", "always")
    found = [
        quality(abilities, model.id, thinks, task, effort, UNTOUCHED) for effort in efforts_for(model, task, thinking)
    ]
    best = max((worth.value for worth in found if worth), default=None)
    if best is None:
        return None
    least = model.parameters.active * FEWEST_BITS / 8  # bytes: the weights that every token reads, in any format
    points = (
        weights.quality * best
        + weights.faster * MOST_DOUBLINGS
        + sum(standing(model).values())
        - (weights.smaller + task.smaller) * math.log2(least / 2**30)
    )
    if weights.context:
        most = (model.context.extended or model.context.native) if model.context else context
        points += weights.context * math.log2(max(1.0, most / task.context))
    return Ceiling(points, best)
