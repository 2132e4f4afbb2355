"""What a buyer asks of the offers: the cheapest, the cheapest that is comfortable, the fastest for the money, and when renting costs as much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.recommending.choose import task_for
from qwenpick.units import GIB
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qwenpick.buy.cloud import Rented
    from qwenpick.buy.hardware import Offer
    from qwenpick.catalog import Catalog, Gpu, Model
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.request import Request
    from qwenpick.recommending.tasks import Task


@dataclass(frozen=True, slots=True)
class Advice:
    """The offers that answer a buyer; None where no offer has a price (or, for the second, is comfortable).

    `smallest` is the one of the least memory (GiB), of those with a price where there are any;
    `rent` the cheapest hour of a machine that runs the model.
    """

    task: Task
    cheapest: Offer | None
    comfortable: Offer | None
    fastest: Offer | None
    smallest: Offer
    rent: Rented | None

    @property
    def bought(self) -> Offer | None:
        """What one would buy: the cheapest comfortable, else the cheapest."""
        return self.comfortable or self.cheapest

    @property
    def break_even(self) -> float | None:
        """Hours of rent that cost as much as what one would buy, power and the rest of the box left out."""
        if not (self.rent and self.rent.offer.hour and self.bought and self.bought.price):
            return None
        return self.bought.price / self.rent.offer.hour


@dataclass(frozen=True, slots=True)
class Market:
    """The offers within the budget, and what to tell a buyer of them; `beyond` are the others, looked for where none is within."""

    offers: tuple[Offer, ...]
    advice: Advice | None
    beyond: tuple[Offer, ...] = ()


def look(
    catalog: Catalog,
    model: Model,
    request: Request,
    gpus: Iterable[Gpu] | None = None,
    budget: float | None = None,
    *,
    used: bool = False,
) -> Market:
    """What is for sale and for rent that runs the model as asked; see `hardware.offers` and `cloud.rented`."""
    from qwenpick.buy.cloud import rented
    from qwenpick.buy.hardware import offers

    pool = gpus and tuple(gpus)
    if found := offers(catalog, model, request, pool, budget, used=used):
        return Market(found, advice(model, request, found, rented(catalog, model, request)))
    return Market((), None, () if budget is None else offers(catalog, model, request, pool, used=used))


def advice(model: Model, request: Request, found: Sequence[Offer], hired: Iterable[Rented] = ()) -> Advice | None:
    """What to tell a buyer of these offers and machines for rent (cheapest hour first); None without offers."""
    if not found:
        return None
    task = task_for([model], request)
    priced = sorted((one for one in found if one.price), key=lambda one: (one.price, -pace(one.plan, task), one.gpu.id))
    return Advice(
        task,
        next(iter(priced), None),
        next((one for one in priced if is_comfortable(one.plan, task)), None),
        max(priced, key=lambda one: (pace(one.plan, task), -(one.price or 0.0)), default=None),
        min(priced or found, key=lambda one: (round(one.memory / GIB), one.price or 0.0, one.gpu.id)),
        next(iter(hired), None),
    )


def pace(plan: Plan, task: Task) -> float:
    """Tokens/s that a user waits for: written ones, or read ones in a task that writes nothing; 0 where no speed is known."""
    if plan.speed is None:
        return 0.0
    return plan.speed.each.value if task.answer else plan.speed.prefill.value


def is_comfortable(plan: Plan, task: Task) -> bool:
    """Whether a plan is as fast as people call comfortable for the task."""
    return pace(plan, task) >= (task.comfortable if task.answer else task.comfortable_prefill)
