"""Models side by side, GPUs for one model, or which Qwen each GPU gets you."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.buy.hardware import buyer
from qwenpick.buy.named import USUAL, Cards, Rest
from qwenpick.catalog.prices import rent_words
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, fit
from qwenpick.planning.limits import most_sequences
from qwenpick.planning.plan import Plan, fast_enough
from qwenpick.recommending.request import HIGHEST
from qwenpick.recommending.search.upper_bound import upper_bound
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwenpick.catalog import Catalog, Gpu, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.rank import Ranked
    from qwenpick.recommending.request import Request

PRECISIONS = ("fp16", "8bit", "4bit")


@dataclass(frozen=True, slots=True)
class Side:
    """One model on the box: its answer and how many sequences of that context fit at once; `why_not` where it cannot be planned."""

    model: Model
    answer: Answer | None
    sequences: int
    why_not: str | None
    known: bool = False  # whether its quality for the task is

    @property
    def ranked(self) -> Ranked | None:
        """Its plan's place by itself, with points, quality and wait; None where it has no plan that holds, or nothing is known of it."""
        return self.answer.ranked if self.answer and self.known else None


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU, or several of one kind, for the model: the best plan (None where none is usable and as fast as asked), the answer for each precision
    (None where no engine has it).

    `sequences` is how many users the best plan serves at once.
    """

    cards: Cards
    best: Plan | None
    answers: dict[str, Answer | None]
    sequences: int
    rent: str = ""  # what an hour of one costs, in words

    @property
    def gpu(self) -> Gpu:
        """Which GPU it is."""
        return self.cards.gpu


def compare_models(catalog: Catalog, machine: Machine, models: Sequence[Model], request: Request) -> tuple[Side, ...]:
    """Each model as asked on the same box."""
    return tuple(_side(catalog, machine, model, request) for model in models)


def best_side(sides: Sequence[Side]) -> Side | None:
    """The one of the most points among those that fit; None where none does or they were planned for different work."""
    found = [side for side in sides if side.ranked]
    tasks = {side.answer.task.name for side in found if side.answer}
    return max(found, key=order_of) if len(tasks) == 1 else None


def order_of(side: Side) -> float:
    """Points in the order of `recommend`; one that is too slow, or that `recommend` leaves out, stands behind any that is not."""
    if side.ranked is None:
        return float("-inf")
    as_asked = side.ranked.usable and side.answer is not None and side.answer.quick and not side.answer.left_out
    return side.ranked.score - (0.0 if as_asked else 1000.0)


def _side(catalog: Catalog, machine: Machine, model: Model, request: Request) -> Side:
    try:
        answer = fit(catalog, machine, model, request)
    except QwenpickError as error:
        if error.exit_code != QwenpickError.exit_code:
            raise
        return Side(model, None, 0, str(error))
    known = upper_bound(model, answer.task, request, 1) is not None
    return Side(model, answer, _users(answer.plan, machine), None, known)


def compare_gpus(
    catalog: Catalog, named: Sequence[Cards], model: Model, request: Request, rest: Rest = USUAL
) -> tuple[Card, ...]:
    """The model on each of the cards, at each precision, on them alone; `rest` is what the boxes have beside."""
    return tuple(_card(catalog, cards, model, request, rest) for cards in named)


def _card(catalog: Catalog, cards: Cards, model: Model, request: Request, rest: Rest) -> Card:
    box = rest.box(catalog, cards)
    answers: dict[str, Answer | None] = {}
    for precision in (request.quant,) if request.quant and request.quant != HIGHEST else PRECISIONS:
        try:
            answers[precision] = fit(catalog, box, model, replace(request, quant=precision, gpu_only=True))
        except QwenpickError:
            answers[precision] = None  # no engine has this precision for this GPU
    ranked = buyer(catalog, model, request).one(box)
    best = ranked.plan if ranked and ranked.usable and _quick(ranked.plan, request) else None
    rent = rent_words(catalog, cards.gpu) if cards.count == 1 else ""
    return Card(cards, best, answers, _users(best, box) if best else 0, rent)


def _quick(plan: Plan, request: Request) -> bool:
    return fast_enough(plan, request.min_speed, strict=request.strict)


def _users(plan: Plan, machine: Machine) -> int:
    return most_sequences(plan, machine) if plan.holds() else 0
