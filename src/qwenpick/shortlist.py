"""The first places of a ranking, without planning every model: from the highest ceiling down, until no other can be among them or outdo one.

The places are those that a ranking of all plans of all models gives.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.candidates import Search, candidates, holds_somehow
from qwenpick.ceiling import ceiling
from qwenpick.checkpoints import download_bytes
from qwenpick.plan import Plan, timed
from qwenpick.quality import load_abilities
from qwenpick.rank import Ranked, best, may_outdo, places
from qwenpick.scoring import PREFERENCES, Scored, score
from qwenpick.speed.floor import fastest

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.recommending import Wish
    from qwenpick.tasks import Task

ROUNDING = 1e-5  # points: scores are compared to six digits


def first_places(
    catalog: Catalog, models: list[Model], task: Task, wish: Wish, search: Search, wanted: int
) -> tuple[list[Ranked], int]:
    """(places of which the first `wanted` are those of all models, how many models do not fit).

    Models are planned from the highest ceiling down, until no other one can be among the first or outdo one of them.
    """
    ceilings = {
        model.id: ceiling(model, task.name, wish.prefer, wish.thinking, search.work.context) for model in models
    }
    waiting = sorted(models, key=lambda model: -(c.points if (c := ceilings[model.id]) else -math.inf))
    found: list[Scored] = []
    ranked: list[Ranked] = []
    misfits = 0
    while waiting:
        floor = ranked[wanted - 1].score - ROUNDING if len(ranked) >= wanted else -math.inf
        next_ones = [
            model
            for model in waiting
            if (c := ceilings[model.id])
            and (c.points >= floor or any(may_outdo(model, c.quality, row) for row in ranked[:wanted]))
        ][:wanted]
        if not next_ones and wish.max_disk is None:
            break
        for model in next_ones or list(waiting):
            waiting.remove(model)
            fits, row = _best(catalog, model, task, wish, search)
            misfits += not fits
            found += [row] if row else []
        ranked = places(found, task)
    return ranked, misfits + sum(not holds_somehow(catalog.architecture(model), model, search) for model in waiting)


def _best(catalog: Catalog, model: Model, task: Task, wish: Wish, search: Search) -> tuple[bool, Scored | None]:
    """(whether the model holds within the wish, its best plan where it has a place)."""
    machine, weights, abilities = search.machine, PREFERENCES[wish.prefer], load_abilities()
    fits = False
    row: Scored | None = None

    def hope(plan: Plan) -> float:
        speed = fastest(
            plan.architecture, plan.checkpoint, plan.runtime, plan.work, plan.placement, machine, catalog.gpus,
            min(plan.work.context, task.depth),
        )  # fmt: skip
        found = score(replace(plan, speed=speed), task, weights, abilities, wish.thinking)
        return found.score if found and not weights.context else math.inf

    def floor() -> float:
        return row.score - ROUNDING if row else -math.inf

    for plan in candidates(catalog.architecture(model), model, search, hope, floor):
        if _within(plan, wish):
            fits = True
            known = timed(plan, machine, catalog, task.prompt, min(plan.work.context, task.depth))
            row = best([known], task, weights, abilities, wish.thinking, wish.min_speed, row)
    return fits, row


def _within(plan: Plan, wish: Wish) -> bool:
    """Whether the plan keeps to the context and the disk that were asked for."""
    if wish.min_context and plan.work.context < wish.min_context:
        return False
    return wish.max_disk is None or download_bytes(plan.model, plan.architecture, plan.checkpoint) <= wish.max_disk
