"""Which Qwen each of several cards gets one: for cards that are named, and for the steps up from the card that one has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.buy.hardware import LEAST_BITS
from qwenpick.buy.named import USUAL, Cards, Rest
from qwenpick.catalog.prices import gpu_price, on_sale
from qwenpick.errors import HardwareUnreadableError
from qwenpick.recommending.answer import Recommender
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qwenpick.catalog import Catalog, Gpu
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.answer import Pick
    from qwenpick.recommending.request import Request
    from qwenpick.recommending.tasks import Task

WORTHWHILE = 1.0  # points of the order (docs/ranking.md) that a dearer card must gain over every cheaper one
SEGMENTS = frozenset({"consumer", "workstation"})  # what people put into a box that they have


@dataclass(frozen=True, slots=True)
class Got:
    """What a card gets one: the first pick on it alone, None where no model runs usably there.

    `gpu` is None for a box that is not one card of the catalogue.
    """

    name: str
    gpu: Gpu | None
    pick: Pick | None
    price: float | None = None
    price_note: str | None = None

    @property
    def score(self) -> float:
        """Points of the order; less than any pick has where there is none."""
        return self.pick.ranked.score if self.pick else float("-inf")


@dataclass(frozen=True, slots=True)
class Ladder:
    """What each card gets one, for one task. The first is what the others are set beside; it is `mine` where one asked for an upgrade."""

    task: Task
    cards: tuple[Got, ...]
    mine: bool

    @property
    def best(self) -> Got | None:
        """The card of the best pick, of equal ones the cheapest; None where no card runs anything."""
        found = [card for card in self.cards if card.pick]
        return max(found, key=lambda card: (round(card.score, 3), -(card.price or 0.0)), default=None)


def which_qwen(
    catalog: Catalog, named: Iterable[Cards], request: Request, rest: Rest = USUAL, mine: Machine | None = None
) -> Ladder:
    """The best model that each card runs on its own, in four bits or more unless a format was asked for; `mine` first, where it is given."""
    chooser = _recommender(catalog, request)
    own = [_mine(catalog, chooser, request, mine)] if mine else []
    return Ladder(chooser.task, (*own, *(_card(catalog, chooser, cards, rest) for cards in named)), mine is not None)


def steps_up(
    catalog: Catalog,
    mine: Machine,
    request: Request,
    budget: float | None,
    rest: Rest = USUAL,
    *,
    used: bool = False,
) -> Ladder:
    """Cards of a known price, cheapest first, each of which gets one more than `mine` and than every cheaper one."""
    chooser = _recommender(catalog, request)
    own = _mine(catalog, chooser, request, mine)
    pool = [gpu for gpu in on_sale(catalog, used=used) if gpu.segment in SEGMENTS and not gpu.unified]
    priced = sorted((price, gpu.id, gpu) for gpu in pool if (price := gpu_price(gpu, used=used)[0]))
    steps, top = list[Got](), own.score
    for price, _id, gpu in priced:
        if budget is not None and price > budget:
            break
        card = _card(catalog, chooser, Cards(gpu), rest, used=used)
        if card.pick and card.score >= top + WORTHWHILE:
            steps.append(card)
            top = card.score
    return Ladder(chooser.task, (own, *steps), True)


def gain(card: Got, beside: Got) -> tuple[float, float | None] | None:
    """(points of quality more, how many times as fast) of a card beside another; None where either runs nothing."""
    if not card.pick or not beside.pick:
        return None
    speeds = [got.pick.plan.speed for got in (card, beside) if got.pick]
    known = [speed.each.value for speed in speeds if speed]
    quality = card.pick.ranked.quality.value - beside.pick.ranked.quality.value
    return quality, known[0] / known[1] if len(known) == 2 else None


def _recommender(catalog: Catalog, request: Request) -> Recommender:
    return Recommender(catalog, replace(request, gpu_only=True, least_bits=LEAST_BITS))


def _mine(catalog: Catalog, chooser: Recommender, request: Request, mine: Machine) -> Got:
    """What one's own box gets one: on its GPUs alone, as the others; in RAM where it has none."""
    if mine.devices:
        return _on(chooser, _name(mine), None, mine)
    return _on(Recommender(catalog, replace(request, gpu_only=False, least_bits=LEAST_BITS)), _name(mine), None, mine)


def _card(catalog: Catalog, chooser: Recommender, cards: Cards, rest: Rest, *, used: bool = False) -> Got:
    price, note = gpu_price(cards.gpu, used=used)
    found = _on(chooser, cards.name, cards.gpu, rest.box(catalog, cards))
    return replace(found, price=price and price * cards.count, price_note=note)


def _on(chooser: Recommender, name: str, gpu: Gpu | None, box: Machine) -> Got:
    try:
        picks: Sequence[Pick] = chooser.recommend(box, 1, details=False).picks
    except HardwareUnreadableError:
        picks = ()
    return Got(name, gpu, next((pick for pick in picks if pick.ranked.usable), None))


def _name(box: Machine | None) -> str:
    if box is None or not box.devices:
        return "CPU"
    first, count = box.devices[0].name, len(box.devices)
    return f"{count} x {first}" if count > 1 else first
