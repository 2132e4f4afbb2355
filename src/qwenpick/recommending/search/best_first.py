"""The first places of a ranking, without planning every model: from the highest bound down, until no other can be among them or outdo one.

The places are those that a ranking of all plans of all models gives.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import replace
from heapq import heapify, heapreplace
from operator import attrgetter
from typing import TYPE_CHECKING

from qwenpick.memory.account import RAM
from qwenpick.memory.bands import band
from qwenpick.planning.plan import Place, Plan, evaluate
from qwenpick.recommending.quality import load_abilities
from qwenpick.recommending.rank import best, better, order
from qwenpick.recommending.scoring import PREFERENCES, Scored
from qwenpick.recommending.search.cache_format import in_eight_bits, miss_of, miss_on_one_gpu
from qwenpick.recommending.search.candidates import holds_somehow, is_enough
from qwenpick.recommending.search.offers import ROUNDING, Contender
from qwenpick.recommending.search.prospects import Start
from qwenpick.recommending.search.space import Search
from qwenpick.runtimes import find_runtime

if TYPE_CHECKING:
    from qwenpick.recommending.search.offers import Offer, Offers, Row


def first_places(
    offers: Offers, search: Search, wanted: int, counted: bool = True
) -> tuple[list[tuple[Scored, str | None]], int | None]:
    """(the first `wanted` of what `rank.order` gives of all plans, how many models do not fit).

    How many do not fit takes a proof for each model that was not planned; it is None where it was not `counted`.
    """
    queue = list(offers.prospects.queue)  # a heap: (-points, turn, id of the model)
    left: dict[str, Start | Contender] = dict(offers.prospects.starts)  # of all in the queue
    found: list[Scored] = []
    scores: list[float] = []  # of them, in order, before any is outdone by another, which only takes points
    first: list[tuple[Scored, str | None]] = []  # the places so far; empty where there are new ones
    misfits = 0
    while queue:
        at, (_, turn, name) = 0, queue[0]
        one = left[name]
        if len(found) >= wanted and one.points < scores[-wanted] - ROUNDING:
            first = first or order(found, wanted)
            if one.points < first[-1][0].score - ROUNDING:
                rival = _rival(left, first, offers)
                if rival is None:
                    break
                one = rival
                at, turn, name = next(
                    (at, turn, name) for at, (_, turn, name) in enumerate(queue) if name == one.model.id
                )
        if isinstance(one, Start):
            one = left[name] = Contender(one.model, one.points, one.quality)
        if _advance(one, offers, search):
            entry = (-one.points, turn, name)
            if at == 0:
                heapreplace(queue, entry)
            else:
                queue[at] = entry
                heapify(queue)
        else:
            queue[at] = queue[-1]
            queue.pop()
            heapify(queue)
            del left[name]
            misfits += not one.holds
            if one.row:
                found.append(one.row)
                insort(scores, one.row.score)
                first = []
    ranked = [(_here(row, search), by) for row, by in first or order(found, wanted)]
    if not counted:
        return ranked, None
    unseen = [one.model for one in left.values() if not one.holds] + offers.prospects.unknown
    misfits += sum(not holds_somehow(offers.catalog.architecture(model), model, search) for model in unseen)
    return ranked, misfits


def _rival(
    left: Mapping[str, Start | Contender], first: list[tuple[Scored, str | None]], offers: Offers
) -> Start | Contender | None:
    """The most promising contender that could still outdo one of the first."""
    found: Start | Contender | None = None
    for row, _ in first:
        for start, how in offers.prospects.rivals(row.plan.model):
            if not how.may_hold(start.quality, 0.0, row):
                break  # nor may those after it
            rival = left.get(start.model.id)
            if rival is None or (found and rival.points <= found.points):
                continue
            if how.may_hold(rival.quality, rival.seconds, row):
                found = rival
    return found


def _here(row: Scored, search: Search) -> Scored:
    """The row with the room there is in this machine's RAM: what was planned on a box with the same devices, and stands here, knows another."""
    plan, machine = row.plan, search.machine
    if any(device.unified for device in plan.placement.devices):  # then it was planned here
        return row
    places = tuple(
        Place(RAM, place.name, place.need, machine.ram_free, machine.ram_total) if place.where == RAM else place
        for place in plan.places
    )
    return replace(row, plan=replace(plan, places=places))


def _advance(one: Contender, offers: Offers, search: Search) -> bool:
    """Look at the contender's most promising offer, or at its next group of engines; False where it is at its end."""
    if one.group < 0 and (settled := offers.settled(one.model, search)):
        one.row, one.holds = settled, True
        return False
    if one.done:
        offers.settle(one, search)
        return False
    if one.left:
        _plan(one, offers, search)
    else:
        one.group += 1
        if one.holds or one.group >= len(offers.groups):
            return False
        one.left, one.later = offers.of(one.model, one.group, search), []
        if not any(_is_sure(offer, search) for offer in reversed(one.left)):
            for group in range(one.group + 1, len(offers.groups)):
                one.later += offers.of(one.model, group, search)
    _bound(one)
    return True


def _bound(one: Contender) -> None:
    """What the contender still gives at most."""
    points, quality, seconds = -math.inf, -math.inf, math.inf
    for offer in one.left if one.holds else one.left + one.later:
        if offer.points > points:
            points = offer.points
        if offer.quality > quality:
            quality = offer.quality
        if offer.seconds < seconds:
            seconds = offer.seconds
    one.more = points
    if one.row:
        points = max(points, one.row.score)
        quality = max(quality, one.row.quality.value)
        seconds = min(seconds, one.row.seconds or 0.0)
    one.points, one.quality, one.seconds = points, quality, seconds


def _is_sure(offer: Offer, search: Search) -> bool:
    """Whether a plan of the offer holds without a doubt: RAM has room for what it takes beside the GPU, or for all of it."""
    free, need = search.machine.ram_free, offer.ram
    if need is None and offer.cut and not search.gpu_only:
        need = offer.prospect.need_in_ram
    if need is None or free is None:
        return False
    return need * band(offer.prospect.engine).high <= free and (offer.cut or not search.strict)


def _plan(one: Contender, offers: Offers, search: Search) -> None:
    """Plan the best offer; before one of few bits, those of about as few that would do without it."""
    offer = max(one.left, key=attrgetter("points"))
    engine = offer.prospect.engine
    if offer.prospect.low:
        alike = (before for before in one.left if before.prospect.low and before.prospect.engine == engine)
        offer = next((before for before in alike if before is offer or not (before.cut or before.small)), offer)
    at = one.left.index(offer)
    del one.left[at]
    rows = _rows(offer, offers, search)
    one.lasting &= offer in offers.on_any_box
    for plan, row in rows:
        one.holds = True
        one.row = row if one.row is None else better(one.row, row) if row else one.row
        if is_enough(plan) and plan.work.kv_cache == search.work.kv_cache:
            one.left[at:] = [later for later in one.left[at:] if later.prospect.engine != engine]


def _rows(offer: Offer, offers: Offers, search: Search) -> list[Row]:
    """The plans of the offer that hold, with their points where they have any."""
    if (known := offers.rows_elsewhere(offer, search)) is not None:
        return known
    rows = list(_scored(offer, offers, search))
    if (needs := offers.ram_needed(offer, rows, search)) is not None:
        offers.on_any_box[offer] = rows, needs
    return rows


def _scored(offer: Offer, offers: Offers, search: Search) -> Iterator[Row]:
    task, request = offers.task, offers.request
    for plan in _plans(offer, search):
        told = offers.timed(offer.prospect, plan, search.machine)
        yield (
            plan,
            best([told], task, PREFERENCES[request.prefer], load_abilities(), request.thinking, request.min_speed),
        )


def _plans(offer: Offer, search: Search) -> Iterator[Plan]:
    """The plan of the offer if it holds, else that with an 8-bit cache."""
    prospect = offer.prospect
    model, architecture, checkpoint, work = prospect.model, prospect.architecture, prospect.checkpoint, prospect.work
    engine, miss = find_runtime(prospect.engine), None
    if offer.small:
        miss = miss_on_one_gpu(architecture, checkpoint, work, search)
    else:
        tried = evaluate(model, architecture, checkpoint, engine, work, search.machine, search.gpu_only, search.strict)
        if tried and tried.holds(search.strict):
            yield tried
            return
        miss = None if offer.cut else miss_of(tried, search.machine)
    if plan := in_eight_bits(architecture, model, checkpoint, engine, work, search, miss):
        yield plan
