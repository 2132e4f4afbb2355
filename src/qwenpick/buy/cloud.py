"""Machines for rent that run a model, cheapest hour first."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from qwenpick.buy.hardware import buyer
from qwenpick.catalog.prices import is_old
from qwenpick.errors import QwenpickError
from qwenpick.planning.limits import longest_context
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwenpick.catalog import Catalog, Model
    from qwenpick.catalog.offer import CloudOffer
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.request import Request


@dataclass(frozen=True, slots=True)
class Rented:
    """A machine to rent that runs the model as asked, with the plan there."""

    offer: CloudOffer
    plan: Plan
    longest: int | None

    @property
    def per_million_tokens(self) -> float | None:
        """What a million generated tokens cost with all sequences busy, in the offer's currency; None where the speed is not known."""
        if self.plan.speed is None or (hour := self.offer.hour) is None:
            return None
        return hour / (self.plan.speed.together.value * 3600) * 1e6


def rented(
    catalog: Catalog, model: Model, request: Request, budget: float | None = None, currency: str = "USD"
) -> Iterator[Rented]:
    """Every machine with whole GPUs and a price in the currency that runs the model on its GPUs, cheapest hour first.

    Prices of the last year come before older ones; `budget` is the most that an hour may cost. A machine is planned
    when it is asked for, so that the cheapest alone costs no more than those before it.
    """
    from qwenpick.machine.simulate import simulate

    chooser = buyer(catalog, model, request)

    @cache
    def planned(gpu: str, count: int, ram: int | None) -> tuple[Plan, int | None] | None:
        try:
            box = simulate(catalog, [gpu if count == 1 else f"{count}x {gpu}"], ram=ram)
            ranked = chooser.one(box)
        except QwenpickError:
            return None  # no engine runs it there
        if ranked is None or not ranked.usable:
            return None
        return ranked.plan, longest_context(ranked.plan, box, request.strict, gpu_only=True)

    for offer in sorted(catalog.cloud.values(), key=lambda one: (is_old(one.price_date), one.hour or 0.0, one.id)):
        if offer.gpu is None or offer.count is None or offer.count < 1 or offer.gpu_bytes:
            continue
        if offer.hour is None or offer.priced_in != currency or (budget is not None and offer.hour > budget):
            continue
        if found := planned(offer.gpu, int(offer.count), offer.ram_bytes):
            yield Rented(offer, *found)
