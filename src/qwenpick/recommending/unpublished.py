"""What is lost where a published file stands for a better one that nobody publishes: the best that one could make oneself, in the same place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenpick.memory.quantization import FORMATS
from qwenpick.planning.checkpoints import FAMILIES, checkpoints
from qwenpick.planning.plan import Plan, evaluate
from qwenpick.recommending.quality import load_abilities
from qwenpick.recommending.scoring import HOMEMADE, PREFERENCES, score
from qwenpick.recommending.search.formats import LEGACY, is_published
from qwenpick.runtimes import find_runtime
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.recommending.choose import Chooser
    from qwenpick.recommending.rank import Ranked
    from qwenpick.recommending.search.space import Search

LEAST = 0.1  # points: less is no loss that anybody would see


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A format that nobody is known to publish, `points` of the score better than the pick; its quality out of 100 and tokens/s of one user."""

    format: str
    points: float
    quality: float
    tokens_per_second: float | None


def better_unpublished(pick: Ranked, chooser: Chooser, search: Search) -> Unpublished | None:
    """The best of what one could make oneself for the pick's engine and place, where it is better than the published file; None where none is."""
    if pick.plan.file is None or search.quant or pick.plan.work.options:
        return None
    asked, held = search.request, sum(points for name, points in pick.parts.items() if name != "outdone")
    best: Unpublished | None = None
    for plan in _made(pick.plan, search):
        timed = chooser.timed(plan, search.machine)
        row = score(timed, chooser.task, PREFERENCES[asked.prefer], load_abilities(), asked.thinking)
        gain = row.score + HOMEMADE - held if row else 0.0
        if row and gain >= LEAST and (best is None or gain > best.points):
            speed = timed.speed.each.value if timed.speed else None
            best = Unpublished(plan.checkpoint.format, gain, row.quality.value, speed)
    return best


def _made(plan: Plan, search: Search) -> Iterator[Plan]:
    """The plans of formats that anybody can make and nobody publishes, where they hold in the same place."""
    engine, model, machine = find_runtime(plan.runtime), plan.model, search.machine
    for precision in FAMILIES:
        for one in checkpoints(model, engine, precision):
            if one.format in LEGACY or FORMATS[one.format].on_load or is_published(model, one, engine.NAME):
                continue
            found = evaluate(
                model, plan.architecture, one, engine, plan.work, machine, plan.mode == "gpu", search.strict
            )
            if found and found.holds(search.strict) and found.mode == plan.mode:
                yield found
