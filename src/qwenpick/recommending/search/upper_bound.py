"""What no plan of a model can exceed, as points of the wait: on any machine, or in one format on some devices.

The bounds leave out what only takes points: a tight fit, and all that lies in memory beside the weights.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qwenpick.memory.quantization import FORMATS
from qwenpick.recommending.effort import THINKING_TOKENS
from qwenpick.recommending.quality import Quality, load_abilities, quality
from qwenpick.recommending.quantization_loss import Retention
from qwenpick.recommending.scoring import (
    BARELY,
    EXPERIMENTAL,
    PREFERENCES,
    UNKNOWN_SPEED,
    Weights,
    beyond_doubt,
    kept_of,
    size_points,
    speed_points,
    standing,
)
from qwenpick.recommending.thinking import efforts_for, seconds_wanted
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Model
    from qwenpick.memory.cache import KvCache
    from qwenpick.recommending.request import Request
    from qwenpick.recommending.tasks import Task

UNTOUCHED = Retention(1.0, 1.0, 1.0, "high", True, "16-bit weights")
FEWEST_BITS = 1.0  # no format stores a weight in less: IQ1_S takes 1.56
NOTHING = 1e-9  # seconds: faster than anything


@dataclass(frozen=True, slots=True)
class UpperBound:
    """The most points that a model gives, by how long one waits; and the quality (points out of 100) that no plan exceeds.

    `efforts` are (points of quality, tokens written, quality) of each effort to think, `written` the least of those tokens. Waits of `usable` and of
    `comfortable` seconds are the task's, `last_usable` the doublings between them (a negative number). `assumed` are the least seconds a token,
    and for the prompt, where the speed is not known.
    """

    quality: float
    fixed: float
    written: float
    efforts: tuple[tuple[float, float, Quality], ...]
    usable: float
    comfortable: float
    last_usable: float
    weights: Weights
    assumed: tuple[float, float]

    def points(self, seconds: float | None, reading: float = 0.0) -> float:
        """With at least `seconds` a token after `reading` the prompt for so long; None is a speed that is not known."""
        best, least = -math.inf, NOTHING
        if seconds is None:
            (seconds, reading), least = self.assumed, self.usable * BARELY
        comfortable, last_usable, weights = self.comfortable, self.last_usable, self.weights
        for points, written, _worth in self.efforts:
            wait = written * seconds + reading
            if wait < least:
                wait = least
            value = points + speed_points(math.log2(comfortable / wait), last_usable, weights)
            if value > best:
                best = value
        return self.fixed + best


def upper_bound(model: Model, task: Task, request: Request, context: int) -> UpperBound | None:
    """The model's upper bound in a task, whatever it runs on; None where nothing is known of its quality, so that it has no place at all."""
    if model.parameters is None:
        return None
    return _upper_bound(
        model, task, request, context, UNTOUCHED, int(model.parameters.active * FEWEST_BITS / 8), FEWEST_BITS
    )


def upper_bound_in(
    model: Model,
    architecture: Architecture,
    format_name: str,
    cache: KvCache,
    held: int,
    task: Task,
    request: Request,
    context: int,
) -> UpperBound | None:
    """The same in one format, of which any run holds `held` bytes; what the engine costs is left out."""
    if model.parameters is None:
        return None
    kept = kept_of(model, architecture, format_name, cache)
    return _upper_bound(model, task, request, context, kept, held, FORMATS[format_name].bits)


def _upper_bound(
    model: Model, task: Task, request: Request, context: int, kept: Retention, least: int, bits: float
) -> UpperBound | None:
    """Of any run that holds `least` bytes, with `bits` a weight."""
    assert model.parameters is not None
    weights, abilities = PREFERENCES[request.prefer], load_abilities()
    usable, comfortable = seconds_wanted(task)
    thinks = model.thinking in ("hybrid", "always")
    efforts, best = list[tuple[float, float, Quality]](), 0.0
    for effort in efforts_for(model, task, request.thinking):
        worth = quality(abilities, model.id, thinks, task, effort, kept)
        if worth is None:
            return None
        seen = quality(abilities, model.id, thinks, task, effort, beyond_doubt(kept)) or worth
        efforts.append((weights.quality * seen.value, task.answer * THINKING_TOKENS[effort], worth))
        best = max(best, worth.value)
    fixed = sum(standing(model).values()) + size_points(least, task, weights) - (0.0 if kept.advised else EXPERIMENTAL)
    if weights.context:
        most = (model.context.extended or model.context.native) if model.context else context
        fixed += weights.context * math.log2(max(1.0, most / task.context))
    written = min(tokens for _, tokens, _ in efforts)
    assumed = model.parameters.active * bits / 8 / max(UNKNOWN_SPEED.values()), task.prompt / task.prefill
    return UpperBound(
        best, fixed, written, tuple(efforts), usable, comfortable, math.log2(comfortable / usable), weights, assumed
    )
