"""Models side by side on one box, or GPUs side by side for one model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.buy.hardware import buyer
from qwenpick.catalog.prices import rent_words
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, fit
from qwenpick.planning.limits import most_sequences
from qwenpick.planning.plan import Plan
from qwenpick.recommending.request import HIGHEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwenpick.catalog import Catalog, Gpu, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.request import Request

PRECISIONS = ("fp16", "8bit", "4bit")


@dataclass(frozen=True, slots=True)
class Side:
    """One model on the box: its answer and how many sequences of that context fit at once; `why_not` where it cannot be planned."""

    model: Model
    answer: Answer | None
    sequences: int
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU for the model: the best plan (None where none is usable), the answer for each precision (None where no engine has it).

    `sequences` is how many users the best plan serves at once.
    """

    gpu: Gpu
    best: Plan | None
    answers: dict[str, Answer | None]
    sequences: int
    rent: str = ""  # what an hour of one costs, in words


def compare_models(catalog: Catalog, machine: Machine, models: Sequence[Model], request: Request) -> tuple[Side, ...]:
    """Each model as asked on the same box."""
    return tuple(_side(catalog, machine, model, request) for model in models)


def _side(catalog: Catalog, machine: Machine, model: Model, request: Request) -> Side:
    try:
        answer = fit(catalog, machine, model, request)
    except QwenpickError as error:
        if error.exit_code != QwenpickError.exit_code:
            raise
        return Side(model, None, 0, str(error))
    return Side(model, answer, _users(answer.plan, machine), None)


def compare_gpus(
    catalog: Catalog, gpus: Sequence[Gpu], model: Model, request: Request, ram: int | None
) -> tuple[Card, ...]:
    """The model on one of each GPU, at each precision, on the GPU alone."""
    return tuple(_card(catalog, gpu, model, request, ram) for gpu in gpus)


def _card(catalog: Catalog, gpu: Gpu, model: Model, request: Request, ram: int | None) -> Card:
    from qwenpick.machine.simulate import simulate

    box = simulate(catalog, [gpu.id], None, ram, False)
    answers: dict[str, Answer | None] = {}
    for precision in (request.quant,) if request.quant and request.quant != HIGHEST else PRECISIONS:
        try:
            answers[precision] = fit(catalog, box, model, replace(request, quant=precision, gpu_only=True))
        except QwenpickError:
            answers[precision] = None  # no engine has this precision for this GPU
    ranked = buyer(catalog, model, request).one(box)
    best = ranked.plan if ranked and ranked.usable else None
    return Card(gpu, best, answers, _users(best, box) if best else 0, rent_words(catalog, gpu))


def _users(plan: Plan, machine: Machine) -> int:
    return most_sequences(plan, machine) if plan.holds() else 0
