"""Machines for rent that run a model, cheapest hour first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.catalog.prices import is_old
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, Request, fit

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.catalog.offer import CloudOffer
    from qwenpick.planning.plan import Plan


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
    answers: dict[tuple[str, int, int | None], Answer | None] = {}
    found = []
    for offer in catalog.cloud.values():
        if offer.gpu is None or offer.count is None or offer.count < 1 or offer.gpu_bytes:
            continue
        if offer.hour is None or offer.priced_in != currency or (budget is not None and offer.hour > budget):
            continue
        key = (offer.gpu, int(offer.count), offer.ram_bytes)
        if key not in answers:
            answers[key] = _answer(catalog, model, request, *key)
        answer = answers[key]
        if answer and answer.fits:
            found.append(Rented(offer, answer.plan, answer.longest))
    return tuple(sorted(found, key=lambda r: (is_old(r.offer.price_date), r.offer.hour or 0.0, r.offer.id)))


def _answer(catalog: Catalog, model: Model, request: Request, gpu: str, count: int, ram: int | None) -> Answer | None:
    from qwenpick.machine.simulate import simulate

    try:
        box = simulate(catalog, [gpu if count == 1 else f"{count}x {gpu}"], None, ram, False)
        return fit(catalog, box, model, replace(request, gpu_only=True))
    except QwenpickError:
        return None  # no engine runs it there
