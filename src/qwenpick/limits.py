"""How far a model and a plan stretch: the contexts it reads, the longest that still fits, the most sequences at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import say
from qwenpick.plan import Plan, judge, longest_allowed
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_tokens

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.hardware import Machine
    from qwenpick.workload import Serving


def check_context(model: Model, context: int) -> str | None:
    """A note where the context needs stretching; raises QwenpickError where it is longer than the model can be stretched to."""
    if not model.context:
        return None
    longest = longest_allowed(model) or context
    if context > longest:
        limit = say("{longest} ({exactly:,} tokens)", longest=format_tokens(longest), exactly=longest)
        raise QwenpickError(
            say(
                "{name} reads at most {limit}; {context:,} tokens is too long",
                name=model.name,
                limit=limit,
                context=context,
            )
        )
    if context > model.context.native:
        method = model.context.method or "YaRN"
        return say(
            "{context:,} tokens is beyond the native {native:,}: switch on {method}, which can cost quality on short texts",
            context=context,
            native=model.context.native,
            method=method,
        )
    return None


def longest_context(plan: Plan, machine: Machine, strict: bool = False) -> int | None:
    """The longest context (tokens per sequence, a multiple of 256) that still fits in the plan's own placement; None if not even 256 does."""
    limit = longest_allowed(plan.model) or max(plan.work.context, 131072)
    if _still_holds(plan, machine, strict, replace(plan.work, context=limit)):
        return limit
    steps = most(limit // 256, lambda n: _still_holds(plan, machine, strict, replace(plan.work, context=n * 256)))
    return steps * 256 or None


def most_sequences(plan: Plan, machine: Machine, strict: bool = False, limit: int = 1024) -> int:
    """How many sequences of the plan's context fit at once in its own placement, up to `limit`."""
    return most(limit + 1, lambda n: _still_holds(plan, machine, strict, replace(plan.work, sequences=n)))


def _still_holds(plan: Plan, machine: Machine, strict: bool, work: Serving) -> bool:
    engine = find_runtime(plan.runtime)
    return judge(plan.model, plan.architecture, plan.checkpoint, engine, work, plan.placement, machine).holds(strict)


def most(beyond: int, holds: Callable[[int], bool]) -> int:
    """The largest number below `beyond` for which `holds`, which is true up to some number and false from there on; 0 if it holds for none."""
    low, high = 0, beyond
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
