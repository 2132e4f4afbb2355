"""How far a model and a plan stretch: the contexts it reads, the longest that still fits, the most sequences at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.planning.plan import Plan, evaluate, judge, longest_allowed
from qwenpick.planning.verdict import UNCHECKED_RAM
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_tokens

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.serving import Serving


CONFIG_POSITIONS = 40960


def check_context(model: Model, context: int) -> str | None:
    """A note where the context needs stretching; raises QwenpickError where it is longer than the model can be stretched to."""
    if not model.context:
        return None
    plain = unstretched(model) or context
    longest = max(longest_allowed(model) or context, plain)
    if context > longest:
        limit = _("{longest} ({exactly:,} tokens)", longest=format_tokens(longest), exactly=longest)
        raise QwenpickError(
            _(
                "{name} reads at most {limit}; {context:,} tokens is too long",
                name=model.name,
                limit=limit,
                context=context,
            )
        )
    if context > plain:
        method = _stretched(model.context.method or "YaRN", context / model.context.native)
        return _(
            "{context} tokens is beyond the native {native}: switch on {method}, which can cost quality on short texts",
            context=format_tokens(context),
            native=format_tokens(model.context.native),
            method=method,
        )
    return None


def unstretched(model: Model) -> int | None:
    """Tokens that the model's config takes without stretching positions; None where they are not known.

    The first Qwen3's cards say 32,768, for a prompt; max_position_embeddings of their config.json is 40,960, the answer's 8,192 included.
    """
    if model.context is None:
        return None
    native = model.context.native
    return CONFIG_POSITIONS if model.series == "Qwen3" and native == 32768 else native


def _stretched(method: str, factor: float) -> str:
    """The method with the factor that this context needs, as the cards advise, instead of the one that the longest context needs.

    >>> _stretched("YaRN factor 4.0 (original 32768)", 65536 / 32768), _stretched("YaRN", 2.0)
    ('YaRN factor 2.0 (original 32768)', 'YaRN')
    """
    return re.sub(r"(?<=YaRN factor )[\d.]+", str(round(factor, 4)), method)


def longest_context(plan: Plan, machine: Machine, strict: bool, gpu_only: bool) -> int | None:
    """The longest context (tokens per sequence, a multiple of 256) that still fits in the plan's own placement; None if not even 256 does.

    It is what the same command grants: one that is asked for looks for a placement anew, which has to find one that holds.
    """
    longest = _longest_here(plan, machine, strict)

    def granted(context: int) -> bool:
        work = replace(plan.work, context=context)
        found = evaluate(
            plan.model, plan.architecture, plan.checkpoint, find_runtime(plan.runtime), work, machine, gpu_only, strict
        )
        return found is not None and found.holds(strict)

    if longest is None or granted(longest):
        return longest
    return most(longest // 256, lambda n: granted(256 * n)) * 256 or None


def _longest_here(plan: Plan, machine: Machine, strict: bool) -> int | None:
    """The longest context in the plan's own placement."""
    limit = longest_allowed(plan.model) or max(plan.work.context, 131072)

    def spare(context: int) -> float:
        return _spare(plan, machine, strict, replace(plan.work, context=context))

    outgrown = _outgrown(plan, limit)
    missing = spare(limit) if outgrown is None else outgrown
    if missing >= 0:
        return limit
    return _last(limit // 256, lambda n: spare(256 * n), missing, plan.work.context // 256) * 256 or None


def _outgrown(plan: Plan, limit: int) -> float | None:
    """Bytes to spare (negative) at the fullest place with `limit` tokens, where the growth of the cache alone says that it does not hold them.

    The cache grows with the tokens; what engines round it up to is a small part of it (a tenth is left for that).
    """
    cache = {place.where: 0 for place in plan.places}
    for part in plan.memory.parts:
        if part.kind == "kv cache":
            cache[part.where] = cache.get(part.where, 0) + part.bytes
    growth = 0.9 * limit / plan.work.context - 1
    spare = [
        place.headroom - growth * cache[place.where]
        for place in plan.places
        if growth > 0 and place.headroom is not None
    ]
    return worst if spare and (worst := min(spare)) < 0 else None


def most_sequences(plan: Plan, machine: Machine, strict: bool = False, limit: int = 1024) -> int:
    """How many sequences of the plan's context fit at once in its own placement, up to `limit`."""
    return most(limit + 1, lambda n: _still_holds(plan, machine, strict, replace(plan.work, sequences=n)))


def _still_holds(plan: Plan, machine: Machine, strict: bool, work: Serving) -> bool:
    return _spare(plan, machine, strict, work) >= 0


def _spare(plan: Plan, machine: Machine, strict: bool, work: Serving) -> float:
    """Bytes to spare at the fullest place; negative where the plan does not hold with this work."""
    engine = find_runtime(plan.runtime)
    judged = judge(plan.model, plan.architecture, plan.checkpoint, engine, work, plan.placement, machine)
    edge = plan.band.high if strict else 1.0
    spare = min(
        (
            UNCHECKED_RAM - place.need if place.budget is None else place.budget - place.need * edge
            for place in judged.places
        ),
        default=0.0,
    )
    return spare if judged.holds(strict) else min(spare, -1.0)


def _last(beyond: int, spare: Callable[[int], float], missing: float, near: int) -> int:
    """The largest number below `beyond` with something to `spare`, 0 if there is none; `missing` is what `beyond` has, `near` a number to begin with.

    What is spared falls with the number, almost in a line: the line's crossing is tried, and every third time the middle.
    """
    low, high = 0, beyond
    at_low: float | None = None
    for turn in count():
        if high - low <= 1:
            return low
        guess = (low + high) // 2
        if not turn:
            guess = near
        elif at_low is not None and turn % 3:
            guess = low + int((high - low) * at_low / (at_low - missing))
        guess = min(max(guess, low + 1), high - 1)
        found = spare(guess)
        if found >= 0:
            low, at_low = guess, found
        else:
            high, missing = guess, found
    raise AssertionError


def most(beyond: int, holds: Callable[[int], bool]) -> int:
    """The largest number below `beyond` for which `holds`, which is true up to some number and false from there on; 0 if it holds for none."""
    low, high = 0, beyond
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
