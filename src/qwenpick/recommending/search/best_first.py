"""The first places of a ranking, without planning every model: from the highest bound down, until no other can be among them or outdo one.

The places are those that a ranking of all plans of all models gives.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import replace
from heapq import heappop, heappush, heapreplace
from operator import attrgetter
from typing import TYPE_CHECKING

from qwenpick.memory.account import RAM
from qwenpick.memory.bands import band
from qwenpick.planning.plan import Plan, evaluate, one_memory
from qwenpick.planning.verdict import Place
from qwenpick.recommending.dominance import beats
from qwenpick.recommending.quality import load_abilities
from qwenpick.recommending.rank import OUTDONE, best, better, order
from qwenpick.recommending.scoring import PREFERENCES, Scored
from qwenpick.recommending.search.cache_format import made_to_fit, miss_of, miss_without_ram, spills_over_several
from qwenpick.recommending.search.candidates import Start
from qwenpick.recommending.search.contender import ROUNDING, Contender
from qwenpick.recommending.search.formats import as_many_bits, ends_format, holds_somehow, is_enough
from qwenpick.recommending.search.space import Search
from qwenpick.runtimes import find_runtime

if TYPE_CHECKING:
    from qwenpick.recommending.search.bounds import Bounds
    from qwenpick.recommending.search.candidates import Bound
    from qwenpick.recommending.search.contender import Row

POINTS = attrgetter("points")


def first_places(
    bounds: Bounds, search: Search, wanted: int, counted: bool = True
) -> tuple[list[tuple[Scored, str | None]], int | None]:
    """(the first `wanted` of what `rank.order` gives of all plans, how many models do not fit).

    How many do not fit takes a proof for each model that was not planned; it is None where it was not `counted`.
    """
    queue = list(bounds.candidates.queue)  # a heap: (-points, id of the model), what a model gave before among them
    left: dict[str, Start | Contender] = dict(bounds.candidates.starts)
    found: list[Scored] = []
    scores: list[float] = []  # of them, in order, before any is outdone by another, which only takes points
    first: list[tuple[Scored, str | None]] = []  # the places so far; empty where there are new ones
    misfits = 0
    while queue:
        one = left.get(queue[0][1])
        if one is None or one.points != -queue[0][0]:
            heappop(queue)
            continue
        if isinstance(one, Contender) and one.judged < len(found) and _less(one, found, bounds):
            heapreplace(queue, (-one.points, one.model.id))
            continue
        if len(found) >= wanted and one.points < scores[-wanted] - ROUNDING:
            first = first or order(found, wanted)
            if one.points < first[-1][0].score - ROUNDING:
                rival = _rival(left, first, bounds)
                if rival is None:
                    break
                one = rival
        name = one.model.id
        if isinstance(one, Start):
            one = left[name] = Contender(one.model, one.points)
        if _advance(one, bounds, search):
            heappush(queue, (-one.points, name))
            continue
        del left[name]
        misfits += not one.holds
        if one.row:
            found.append(one.row)
            insort(scores, one.row.score)
            first = []
    ranked = [(here(row, search), by) for row, by in first or order(found, wanted)]
    if not counted:
        return ranked, None
    unseen = [one.model for one in left.values() if not one.holds] + bounds.candidates.unknown
    misfits += sum(not holds_somehow(bounds.catalog.architecture(model), model, search) for model in unseen)
    return ranked, misfits


def _rival(
    left: Mapping[str, Start | Contender], first: list[tuple[Scored, str | None]], bounds: Bounds
) -> Start | Contender | None:
    """The most promising contender that could still outdo one of the first."""
    found: Start | Contender | None = None
    for row, _ in first:
        for start, how in bounds.candidates.rivals(row.plan.model).values():
            if not how.may_hold(start.quality, 0.0, row):
                break  # nor may those after it
            rival = left.get(start.model.id)
            if rival is None or (found and rival.points <= found.points):
                continue
            if how.may_hold(rival.quality, rival.seconds, row):
                found = rival
    return found


def here(row: Scored, search: Search) -> Scored:
    """The row with the room there is in this machine's RAM: what was planned on a box with the same devices, and stands here, knows another."""
    plan, machine = row.plan, search.machine
    if any(device.unified for device in plan.placement.devices):  # then it was planned here
        return row
    places = tuple(
        Place(RAM, place.name, place.need, machine.ram_free, machine.ram_total) if place.where == RAM else place
        for place in plan.places
    )
    return row if places == plan.places else replace(row, plan=replace(plan, places=places))


def _advance(one: Contender, bounds: Bounds, search: Search) -> bool:
    """Look at the contender's most promising bound, or at its next group of engines; False where it is at its end."""
    if one.done:
        return False
    if one.left:
        _plan(one, bounds, search)
    else:
        one.group += 1
        if one.holds or one.group >= len(bounds.groups):
            return False
        one.left, one.later = bounds.of(one.model, one.group, search), []
        if not _is_sure(one.left, bounds, search):
            groups = range(one.group + 1, len(bounds.groups))
            one.later = [bound for group in groups for bound in bounds.of(one.model, group, search)]
    _bound(one, bounds)
    return True


def _bound(one: Contender, bounds: Bounds) -> None:
    """What the contender still gives at most: loose bounds are tightened, the highest first, until none is above the others."""
    for pool in (one.left, one.later):
        most = max([bound.points for bound in pool if not bound.loose], default=-math.inf)
        for bound in sorted([bound for bound in pool if bound.loose], key=POINTS, reverse=True):
            if bound.points < most:
                break
            at = pool.index(bound)
            pool[at : at + 1] = found = bounds.tight(bound.candidate)
            most = max([most, *map(POINTS, found)])
    one.more = max(map(POINTS, one.unplanned), default=-math.inf)
    one.points, one.judged = max(one.more, one.row.score) if one.row else one.more, 0


def _less(one: Contender, found: list[Scored], bounds: Bounds) -> bool:
    """Whether the contender gives less than was known, since of what was found something outdoes its best plan, whichever of the best it is."""
    known, one.judged = one.points, len(found)
    above = bounds.candidates.rivals(one.model)
    rivals = [(row, above[row.plan.model.id][1]) for row in found if row.plan.model.id in above]
    if not rivals:
        return False
    points = one.row.score - OUTDONE * any(beats(row, one.row) for row, _ in rivals) if one.row else -math.inf
    for bound in sorted(one.open, key=POINTS, reverse=True):
        if bound.points <= points:
            break
        points = max(points, bound.points - OUTDONE * any(bound.outdone(row, how) for row, how in rivals))
    one.points = points
    return points < known


def _is_sure(found: list[Bound], bounds: Bounds, search: Search) -> bool:
    """Whether one of them holds without a doubt: RAM has room for all of it, or for what it takes beside the GPU."""
    free, edge = search.machine.ram_free or 0, band("llamacpp").high
    ruled = [bound.candidate for bound in reversed(found) if bound.candidate.by_rule]
    if not search.gpu_only and not one_memory(search.machine) and any(one.need_in_ram * edge <= free for one in ruled):
        return True
    tight = (bound for one in ruled for bound in bounds.tight(one))
    return not search.strict and any(bound.ram is not None and bound.ram * edge <= free for bound in tight)


def _plan(one: Contender, bounds: Bounds, search: Search) -> None:
    """Plan the best bound; before one of few bits, those of about as few that would do without it, and before a file a heavier one of its format."""
    bound = max(one.left, key=POINTS)
    engine = bound.candidate.engine
    if bound.candidate.low:
        alike = (before for before in one.left if before.candidate.low and before.candidate.engine == engine)
        bound = next((before for before in alike if before is bound or not (before.cut or before.small)), bound)
    bound = next(before for before in one.left if before is bound or before.candidate.shares_format(bound.candidate))
    at = one.left.index(bound)
    if bound.loose:
        one.left[at : at + 1] = bounds.tight(bound.candidate)
        return
    del one.left[at]
    rows = _rows(bound, bounds, search)
    for plan, row in rows:
        one.holds, one.later = True, []
        one.row = row if one.row is None else better(one.row, row) if row else one.row
        name = plan.checkpoint.format
        if ends_format(plan, bound.candidate.work):
            one.left = [later for later in one.left if not later.candidate.shares_format(bound.candidate)]
        if is_enough(plan) and plan.work.kv_cache == search.work.kv_cache:
            one.left[at:] = [
                later
                for later in one.left[at:]
                if later.candidate.engine != engine or as_many_bits(later.candidate.checkpoint.format, name)
            ]


def _rows(bound: Bound, bounds: Bounds, search: Search) -> list[Row]:
    """The plans of the bound that hold, with their points where they have any."""
    reuse, machine = bounds.reuse, search.machine
    if (known := reuse.rows(bound, machine)) is not None:
        return known
    rows = [_scored(plan, bound, bounds, search) for plan in _plans(bound, search)]
    reuse.keep_rows(bound, rows, machine)
    return rows


def _scored(plan: Plan, bound: Bound, bounds: Bounds, search: Search) -> Row:
    task, request = bounds.task, bounds.request
    timed = [bounds.timed(bound.candidate, plan, search.machine)]
    weights, known = PREFERENCES[request.prefer], load_abilities()
    return plan, best(timed, task, weights, known, request.thinking, request.min_speed, request.strict)


def _plans(bound: Bound, search: Search) -> Iterator[Plan]:
    """The plan of the bound if it holds, else those made to fit; both where several GPUs leave a part in RAM that a smaller cache may bring back."""
    candidate = bound.candidate
    model, architecture, checkpoint, work = (
        candidate.model,
        candidate.architecture,
        candidate.checkpoint,
        candidate.work,
    )
    engine, miss = find_runtime(candidate.engine), None
    if bound.small:
        miss = miss_without_ram(architecture, checkpoint, work, search)
    else:
        tried = evaluate(model, architecture, checkpoint, engine, work, search.machine, search.gpu_only, search.strict)
        if tried and tried.holds(search.strict):
            yield tried
            if bound.cut or not spills_over_several(tried):
                return
            miss = miss_without_ram(architecture, checkpoint, work, search)
        else:
            miss = None if bound.cut else miss_of(tried, search.machine)
    yield from made_to_fit(architecture, model, checkpoint, engine, work, search, miss)
