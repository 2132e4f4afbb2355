"""The first places of a ranking, without planning every model: from the highest ceiling down, until no other can be among them or outdo one.

The places are those that a ranking of all plans of all models gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.candidates import Postponed, Search, candidates, holds_in, holds_somehow
from qwenpick.ceiling import ceiling
from qwenpick.checkpoints import download_bytes
from qwenpick.plan import Plan, timed
from qwenpick.quality import load_abilities
from qwenpick.rank import Ranked, best, may_outdo, order, places
from qwenpick.scoring import PREFERENCES, Scored, score
from qwenpick.speed.floor import fastest
from qwenpick.thinking import efforts_for, seconds_to_answer

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Checkpoint, Model
    from qwenpick.tasks import Task
    from qwenpick.wish import Wish

ROUNDING = 1e-5  # points: scores are compared to six digits


@dataclass(slots=True)
class Waiting:
    """A model that has not been planned: what it gives at best (points, quality), and how long one would wait at least.

    `formats` are what it can run in, where that is known to be llama.cpp with layers in RAM.
    """

    model: Model
    points: float
    quality: float
    seconds: float = 0.0
    formats: tuple[Checkpoint, ...] = ()


def first_places(
    catalog: Catalog, models: list[Model], task: Task, wish: Wish, search: Search, wanted: int, counted: bool = True
) -> tuple[list[Ranked], int | None]:
    """(places of which the first `wanted` are those of all models, how many models do not fit).

    Models are planned from the highest ceiling down, until no other one can be among the first or outdo one of them. How many do not fit takes a
    proof for each of the rest; it is None where it was not `counted`.
    """
    nowhere: list[Model] = []  # nothing is known of their quality
    waiting: list[Waiting] = []
    for model in models:
        if top := ceiling(model, task.name, wish.prefer, wish.thinking, search.work.context):
            waiting.append(Waiting(model, top.points, top.quality))
        else:
            nowhere.append(model)
    found: list[Scored] = []
    misfits = 0
    while waiting:
        first = [row for row, _ in order(found)[:wanted]]
        floor = first[-1].score - ROUNDING if len(first) >= wanted else -math.inf
        left = [
            one
            for one in waiting
            if one.points >= floor or any(may_outdo(one.model, one.quality, one.seconds, row) for row in first)
        ]
        if not left and not counted:
            break
        if not left and wish.max_disk is None:
            left = [one for one in waiting if one.formats and not _holds(catalog, one, search)]
            if not left:
                break
        one = max(left or waiting, key=lambda one: one.points)
        try:
            fits, row = _best(catalog, one, task, wish, search)
        except Postponed as later:
            one.points, one.formats = later.points, later.formats
            continue
        waiting.remove(one)
        misfits += not fits
        found += [row] if row else []
    if not counted:
        return places(found, task), None
    unseen = [one.model for one in waiting if not one.formats] + nowhere
    misfits += sum(not holds_somehow(catalog.architecture(model), model, search) for model in unseen)
    return places(found, task), misfits


def _holds(catalog: Catalog, one: Waiting, search: Search) -> bool:
    return holds_in(one.formats, catalog.architecture(one.model), one.model, search)


def _best(catalog: Catalog, one: Waiting, task: Task, wish: Wish, search: Search) -> tuple[bool, Scored | None]:
    """(whether the model holds within the wish, its best plan where it has a place). Raises Postponed for one that was not before."""
    machine, weights, abilities, model = search.machine, PREFERENCES[wish.prefer], load_abilities(), one.model
    fits = False
    row: Scored | None = None
    waits: list[float] = []

    def hope(plan: Plan) -> float:
        speed = fastest(
            plan.architecture, plan.checkpoint, plan.runtime, plan.work, plan.placement, machine, catalog.gpus,
            min(plan.work.context, task.depth),
        )  # fmt: skip
        efforts = efforts_for(model, task, wish.thinking)
        waits.append(
            min(seconds_to_answer(task, effort, speed.each.value, speed.prefill.value) for effort in efforts)
            if speed
            else 0.0
        )
        found = score(replace(plan, speed=speed), task, weights, abilities, wish.thinking)
        return found.score if found and not weights.context else math.inf

    def worth(points: float) -> bool:
        if row or fits:
            return row is None or points >= row.score - ROUNDING
        return bool(one.formats) or points == math.inf

    try:
        for plan in candidates(catalog.architecture(model), model, search, hope, worth):
            if _within(plan, wish):
                fits = True
                known = timed(plan, machine, catalog, task.prompt, min(plan.work.context, task.depth))
                row = best([known], task, weights, abilities, wish.thinking, wish.min_speed, row)
    except Postponed:
        one.seconds = min(waits)
        raise
    return fits, row


def _within(plan: Plan, wish: Wish) -> bool:
    """Whether the plan keeps to the context and the disk that were asked for."""
    if wish.min_context and plan.work.context < wish.min_context:
        return False
    return wish.max_disk is None or download_bytes(plan.model, plan.architecture, plan.checkpoint) <= wish.max_disk
