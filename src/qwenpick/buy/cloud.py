"""Machines for rent that run a model, cheapest hour first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.buy.hardware import buyer
from qwenpick.catalog.prices import is_old
from qwenpick.errors import QwenpickError
from qwenpick.planning.limits import longest_context
from qwenpick.values import dataclass

if TYPE_CHECKING:
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
) -> tuple[Rented, ...]:
    """Every machine with whole GPUs and a price in the currency that runs the model on its GPUs, cheapest hour first.

    Prices of the last year come before older ones; `budget` is the most that an hour may cost.
    """
    from qwenpick.machine.simulate import simulate

    chooser = buyer(catalog, model, request)
    plans: dict[tuple[str, int, int | None], tuple[Plan, int | None] | None] = {}
    found = []
    for offer in catalog.cloud.values():
        if offer.gpu is None or offer.count is None or offer.count < 1 or offer.gpu_bytes:
            continue
        if offer.hour is None or offer.priced_in != currency or (budget is not None and offer.hour > budget):
            continue
        key = (offer.gpu, int(offer.count), offer.ram_bytes)
        if key not in plans:
            try:
                box = simulate(catalog, [key[0] if key[1] == 1 else f"{key[1]}x {key[0]}"], None, key[2], False)
                ranked = chooser.one(box)
            except QwenpickError:
                ranked = None  # no engine runs it there
            usable = ranked.plan if ranked and ranked.usable else None
            plans[key] = (usable, longest_context(usable, box, request.strict, gpu_only=True)) if usable else None
        if found_there := plans[key]:
            found.append(Rented(offer, *found_there))
    return tuple(sorted(found, key=lambda r: (is_old(r.offer.price_date), r.offer.hour or 0.0, r.offer.id)))
