"""What no plan of a model can exceed, as points of the wait: on any machine, or in one format on some devices.

The bounds leave out what only takes points: a tight fit, the reading of the prompt, all that lies in memory beside the weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from qwenpick.quality import load_abilities, quality
from qwenpick.retention import Retention
from qwenpick.scoring import (
    BARELY,
    EXPERIMENTAL,
    PREFERENCES,
    Prefer,
    Weights,
    kept_of,
    size_points,
    speed_points,
    standing,
)
from qwenpick.tasks import find_task
from qwenpick.thinking import THINKING_TOKENS, efforts_for, seconds_wanted

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Model
    from qwenpick.tasks import Task
    from qwenpick.workload import KvCache

Thinking = Literal["yes", "no", "either"]
UNTOUCHED = Retention(1.0, 1.0, 1.0, "high", True, "16-bit weights")
FEWEST_BITS = 1.0  # no format stores a weight in less: IQ1_S takes 1.56
NOTHING = 1e-9  # seconds a token: faster than anything


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most points that a model gives, by how long one waits for a token; and the quality (points out of 100) that no plan exceeds.

    `efforts` are (points of quality, doublings that a second a token is faster than comfortable) of each effort to think, and `written` tokens the
    least of them. At `barely` doublings is the wait that is taken where no speed is known, and below `usable` nobody would wait.
    """

    quality: float
    fixed: float
    written: float
    efforts: tuple[tuple[float, float], ...]
    barely: float
    usable: float
    weights: Weights

    def points(self, seconds: float | None) -> float:
        """With at least `seconds` a token; None is a speed that is not known."""
        if seconds is None:
            return self.fixed + max(
                points + speed_points(self.barely, self.usable, self.weights) for points, _ in self.efforts
            )
        doublings = -math.log2(max(seconds, NOTHING))
        return self.fixed + max(
            points + speed_points(doublings + at_one, self.usable, self.weights) for points, at_one in self.efforts
        )


@lru_cache(maxsize=4096)
def ceiling(model: Model, task_name: str, prefer: Prefer, thinking: Thinking, context: int) -> Ceiling | None:
    """The model's ceiling in a task, whatever it runs on; None where nothing is known of its quality, so that it has no place at all."""
    if model.parameters is None:
        return None
    least = model.parameters.active * FEWEST_BITS / 8  # bytes: the weights that every token reads, in any format
    return _ceiling(model, find_task(task_name), prefer, thinking, context, UNTOUCHED, int(least))


@lru_cache(maxsize=16384)
def ceiling_in(
    model: Model,
    architecture: Architecture,
    format_name: str,
    cache: KvCache,
    held: int,
    task_name: str,
    prefer: Prefer,
    thinking: Thinking,
    context: int,
) -> Ceiling | None:
    """The same in one format, of which any run holds `held` bytes; what the engine costs is left out."""
    if model.parameters is None:
        return None
    kept = kept_of(model, architecture, format_name, cache)
    return _ceiling(model, find_task(task_name), prefer, thinking, context, kept, held)


def _ceiling(
    model: Model, task: Task, prefer: Prefer, thinking: Thinking, context: int, kept: Retention, least: int
) -> Ceiling | None:
    weights, abilities = PREFERENCES[prefer], load_abilities()
    usable, comfortable = seconds_wanted(task)
    thinks = model.thinking in ("hybrid", "always")
    efforts, tokens, best = list[tuple[float, float]](), list[float](), 0.0
    for effort in efforts_for(model, task, thinking):
        worth = quality(abilities, model.id, thinks, task, effort, kept)
        if worth is None:
            return None
        written = task.answer * THINKING_TOKENS[effort]
        at_one = math.log2(comfortable / written) if written else math.inf
        efforts.append((weights.quality * worth.value, at_one))
        tokens.append(written)
        best = max(best, worth.value)
    fixed = sum(standing(model).values()) + size_points(least, task, weights) - (0.0 if kept.advised else EXPERIMENTAL)
    if weights.context:
        most = (model.context.extended or model.context.native) if model.context else context
        fixed += weights.context * math.log2(max(1.0, most / task.context))
    barely, last_usable = math.log2(comfortable / (usable * BARELY)), math.log2(comfortable / usable)
    return Ceiling(best, fixed, min(tokens), tuple(efforts), barely, last_usable, weights)
