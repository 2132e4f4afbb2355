"""A documented total order over plans: the best plan of each model, best model first, with the numbers behind each place (docs/ranking.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from qwenpick.i18n import N_, _, listed
from qwenpick.memory.cache import KvCache
from qwenpick.planning.plan import Plan, fast_enough
from qwenpick.recommending.dominance import beats
from qwenpick.recommending.quality import Abilities, Quality, load_abilities
from qwenpick.recommending.scoring import LICENCE, PREFERENCES, Prefer, Scored, Weights, kept_of_cache, score
from qwenpick.recommending.tasks import serves
from qwenpick.runtimes import RUNTIMES
from qwenpick.units import format_tokens
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.recommending.effort import Effort
    from qwenpick.recommending.quantization_loss import Retention
    from qwenpick.recommending.tasks import Task

OUTDONE = 15.0  # points lost by a plan that another model's plan beats in everything: nothing speaks for it
ENOUGH = 3  # places from which on those that are too slow and NEAR points behind are left out
LABELLED = 5  # places that are looked at for "best quality" and "best speed"
NEAR = 10.0  # points of quality that "best speed" may lie below the best, and points within which a slow model stands beside the first
_ENGINES = tuple(RUNTIMES)


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row of a recommendation: a model's best plan and its place. `parts` add up to `score`.

    `outdone_by` names the model that is better, no larger, no slower and no less free; None where something speaks for this one.
    """

    place: int
    plan: Plan
    score: float
    parts: Mapping[str, float]
    quality: Quality
    kept: Retention
    effort: Effort
    seconds: float | None
    usable: bool
    outdone_by: str | None
    labels: tuple[str, ...]
    reason: str


def rank(
    plans: Iterable[Plan],
    task: Task,
    *,
    prefer: Prefer = "balanced",
    thinking: Literal["yes", "no", "either"] = "either",
    min_speed: float | None = None,
    abilities: Abilities | None = None,
) -> list[Ranked]:
    """The plans that serve the task and hold, one a model, best first. The order of the input does not matter.

    `min_speed` (tokens/s of one user) leaves out what is slower, and what is not known to be as fast.
    """
    weights, known = PREFERENCES[prefer], abilities or load_abilities()
    by_model: dict[str, list[Plan]] = {}
    for plan in plans:
        if serves(plan.model, task) is None:
            by_model.setdefault(plan.model.id, []).append(plan)
    found = (best(own, task, weights, known, thinking, min_speed) for own in by_model.values())
    return places([row for row in found if row], task)


def best(
    plans: Iterable[Plan],
    task: Task,
    weights: Weights,
    abilities: Abilities,
    thinking: Literal["yes", "no", "either"] = "either",
    min_speed: float | None = None,
    strict: bool = False,
) -> Scored | None:
    """The best of one model's plans; None where none holds and is fast enough."""
    chosen: Scored | None = None
    for plan in plans:
        if plan.verdict not in ("fits", "tight") or not fast_enough(plan, min_speed, strict=strict):
            continue
        found = score(plan, task, weights, abilities, thinking)
        if found:
            chosen = found if chosen is None else better(found, chosen)
    return chosen


def better(one: Scored, two: Scored) -> Scored:
    """The one of two plans of a model that goes first."""
    return one if _before(one, two) else two


def order(best_of_each: Iterable[Scored], wanted: int | None = None) -> list[tuple[Scored, str | None]]:
    """The first `wanted` (a model's best plan, the name of the model that outdoes it) in order; what is outdone has lost points for it."""
    keyed = sorted(((place_key(row), row) for row in best_of_each), key=itemgetter(0))
    rows = [row for _unused, row in keyed]
    final, standing = [], 0
    for key, row in keyed:
        if standing == wanted:
            break  # points are only lost: no row that is left comes before those that stand
        by = _outdone(row, rows)
        standing += by is None
        final.append(((key[0] + OUTDONE, *key[1:]) if by else key, row, by))
    return [(_demoted(row) if by else row, by) for _unused, row, by in sorted(final, key=itemgetter(0))[:wanted]]


def places(best_of_each: Iterable[Scored], task: Task) -> list[Ranked]:
    """The places of models, one row each, by their best plans."""
    return described(order(best_of_each), task)


def described(final: Sequence[tuple[Scored, str | None]], task: Task) -> list[Ranked]:
    """The ordered plans as places, with labels and reasons."""
    final = quick_enough(final)
    labels = _labels([row for row, _unused in final[:LABELLED]])
    return [
        Ranked(
            place, row.plan, row.score, row.parts, row.quality, row.kept, row.effort, row.seconds, row.usable,
            by, labels.get(row.plan.model.id, ()), _reason(row, by, task),
        )
        for place, (row, by) in enumerate(final, 1)
    ]  # fmt: skip


def quick_enough(final: Sequence[tuple[Scored, str | None]]) -> Sequence[tuple[Scored, str | None]]:
    """The places without those that are too slow for the task and far behind the first, where enough others are left to choose from."""
    kept = [
        one
        for one in final
        if one[0].usable or one[0].seconds is None or one[0].score >= final[0][0].score - NEAR
    ]  # fmt: skip
    return kept if len(kept) >= ENOUGH else final


def place_key(row: Scored) -> tuple[Any, ...]:
    """The total order of models: points, then speed, newer, freer, official, smaller, and names."""
    plan = row.plan
    return (
        -round(row.score, 6), -(plan.speed.each.value if plan.speed else 0.0), *_standing(plan.model), not plan.checkpoint.official,
        plan.memory.total, plan.model.id, plan.checkpoint.format, _ENGINES.index(plan.runtime), len(plan.placement.devices),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _standing(model: Model) -> tuple[object, ...]:
    return _newest_first(model.released), -LICENCE[model.licence.commercial_use], not model.official


def _before(one: Scored, two: Scored) -> bool:
    """The total order of one model's plans: that of models, then the placement, so that no two plans are equal."""
    first, second = place_key(one), place_key(two)
    return _spelled(one.plan) < _spelled(two.plan) if first == second else first < second


def _spelled(plan: Plan) -> tuple[str, str]:
    return repr(plan.placement), repr(plan.work)


def _newest_first(released: str | None) -> tuple[int, ...]:
    return tuple(-int(part) for part in (released or "0").split("-"))


def _outdone(row: Scored, rows: Sequence[Scored]) -> str | None:
    """The best-ranked model whose plan is better beyond doubt, no larger, no slower and no less free; None where something speaks for the row."""
    return next((other.plan.model.name for other in rows if other is not row and beats(other, row)), None)


def _demoted(row: Scored) -> Scored:
    return replace(row, parts={**row.parts, "outdone": -OUTDONE})


def _labels(rows: Sequence[Scored]) -> dict[str, tuple[str, ...]]:
    """Which of the first rows is the best in quality, the fastest, the smallest; with its condition where another row shows a better figure.

    One that another outdoes is the best in nothing.
    """
    if not rows:
        return {}
    kept = [row for row in rows if "outdone" not in row.parts] or list(rows)
    good = [row for row in kept if row.usable or row.seconds is None] or kept
    best = min(good, key=lambda r: (-round(r.quality.value), place_key(r)))  # as it is shown
    known = [row for row in good if row.seconds is not None and row.quality.value >= best.quality.value - NEAR]
    winners = [(N_("best quality") if _is_best(best, rows) else N_("best quality that is fast enough"), best)]
    if known:
        fast = min(known, key=lambda r: (r.seconds or 0.0, place_key(r)))
        winners.append((N_("best speed") if _is_fastest(fast, rows) else N_("quickest answer of the good ones"), fast))
    small = min(good, key=lambda r: (r.plan.memory.total, place_key(r)))
    if all(small.plan.memory.total <= row.plan.memory.total for row in rows):
        winners.append((N_("smallest"), small))
    return {row.plan.model.id: tuple(label for label, won in winners if won is row) for _unused, row in winners}


def _is_best(best: Scored, rows: Sequence[Scored]) -> bool:
    """Whether no row shows more points of quality."""
    return all(round(best.quality.value) >= round(row.quality.value) for row in rows)


def _is_fastest(fast: Scored, rows: Sequence[Scored]) -> bool:
    """Whether no row shows more tokens/s or a shorter wait."""
    speeds = [(row.plan.speed.each.value if row.plan.speed else 0.0, row.seconds) for row in rows]
    own = fast.plan.speed.each.value if fast.plan.speed else 0.0
    return all(own >= speed and (seconds is None or (fast.seconds or 0.0) <= seconds) for speed, seconds in speeds)


def _reason(row: Scored, outdone_by: str | None, task: Task) -> str:
    """Why the row stands where it stands, in one sentence."""
    worth = _(
        "quality {value:.0f}/100 for {name} (±{deviation:.0f}{inferred})",
        value=row.quality.value,
        deviation=row.quality.deviation,
        name=task.said,
        inferred=_(", estimated from sibling models") if row.quality.inferred else "",
    )
    form, cache = row.plan.checkpoint.format, row.plan.work.kv_cache
    if cache != KvCache() and kept_of_cache(row.plan.architecture, cache).value < 0.9995:
        form = _("{format} with a cache in {cache}", format=form, cache=cache)
    cost = (
        _(", of which {format} costs {lost:.1f}%", lost=100 * (1 - row.quality.kept), format=form)
        if row.quality.kept < 0.9995
        else ""
    )
    if row.seconds is None:
        wait = _("speed not known")
    elif task.answer:
        wait = _("a full answer takes about {seconds}", seconds=duration(row.seconds))
    else:
        wait = _(
            "reads {prompt} tokens in about {seconds}", prompt=format_tokens(task.prompt), seconds=duration(row.seconds)
        )
    slow = "" if row.usable or row.seconds is None else _(", too slow for {name}", name=task.said)
    beaten = _("; {better} is better, no larger and no slower", better=outdone_by) if outdone_by else ""
    return _("{worth}{cost}; {wait}{slow}{beaten}", worth=worth, cost=cost, wait=wait, slow=slow, beaten=beaten)


def duration(seconds: float) -> str:
    """A wait as people say it: `27 ms`, `9.0 s`, `31 s`, `2 min`."""
    if seconds < 0.1:
        return _("{milliseconds:.0f} ms", milliseconds=1000 * seconds)
    return (
        _("{seconds:.1f} s", seconds=seconds)
        if seconds < 10
        else _("{seconds:.0f} s", seconds=seconds)
        if seconds < 120
        else _("{minutes:.0f} min", minutes=seconds / 60)
    )


def explain(winner: Ranked, loser: Ranked) -> str:
    """Why `loser` stands behind `winner`: the parts in which they differ, largest first, in points.

    A sentence such as "Qwen3.6-35B-A3B is 3.1 points behind Qwen3.8-27B: quality -5.6, speed +2.5".
    """
    names = dict.fromkeys((*winner.parts, *loser.parts))
    gaps = {name: loser.parts.get(name, 0.0) - winner.parts.get(name, 0.0) for name in names}
    told = sorted((name for name in gaps if abs(gaps[name]) >= 0.05), key=lambda name: (-abs(gaps[name]), name))
    behind = winner.score - loser.score
    detail = listed(f"{_(name)} {gaps[name]:+.1f}" for name in told) or _(
        "equal in everything; the newer, the freer to use or the smaller goes first"
    )
    return _(
        "{name} is {behind:.1f} points behind {winner}: {detail}",
        name=loser.plan.model.name,
        behind=behind,
        winner=winner.plan.model.name,
        detail=detail,
    )


__all__ = ["Prefer", "Ranked", "explain", "rank"]
