"""Several models on one box at once: each is planned on what the others leave, and their shares of a place add up to no more than there is.

Pure arithmetic over `fit`: the box with a model on it is the same box with that much less free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, fit
from qwenpick.i18n import _
from qwenpick.memory.account import RAM
from qwenpick.runtimes.llamacpp.limits import budget as whole_device
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.planning.verdict import Place
    from qwenpick.recommending.request import Request

MOST = 8  # models on one box: each is planned twice
SHARE = "gpu_memory_utilization"  # vLLM takes this part of a GPU whatever the model needs
STEP = 100  # shares are said in hundredths of a GPU


@dataclass(frozen=True, slots=True)
class Member:
    """One of the models: its answer on the `machine` that the others left, and bytes that it may take at each place of the box (`gpu0`, `ram`)."""

    answer: Answer
    machine: Machine
    shares: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sum:
    """One place of the box with all models on it; `budget` and `total` in bytes, None where nobody said."""

    where: str
    name: str
    need: int
    budget: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Together:
    """The models in the order in which they were named, and the box as it is without any of them."""

    members: tuple[Member, ...]
    machine: Machine

    @property
    def fits(self) -> bool:
        """Whether all of them hold at once."""
        return all(member.answer.fits for member in self.members)

    @property
    def score(self) -> tuple[int, float]:
        """How many hold, and the points of their plans."""
        ranked = [member.answer.ranked for member in self.members if member.answer.fits]
        return len(ranked), sum(row.score for row in ranked if row)

    @property
    def places(self) -> tuple[Sum, ...]:
        """The places of the box that any of them uses, with what all of those that hold take."""
        needs: dict[str, int] = {}
        for member in self.members:
            for where, share in member.shares.items():
                needs[where] = needs.get(where, 0) + share
        found = [
            Sum(gpu, device.name, needs[gpu], whole_device(device, member.answer.plan.work), device.total)
            for number, device in enumerate(self.machine.devices)
            for member in self.members[:1]
            if (gpu := f"gpu{number}") in needs
        ]
        if RAM in needs:
            found.append(Sum(RAM, "RAM", needs[RAM], self.machine.ram_free, self.machine.ram_total))
        return tuple(found)


def together(machine: Machine, asked: Sequence[tuple[Catalog, Model, Request]]) -> Together:
    """All models on the box at once, the way of placing them that holds most and has most points: the largest first, or the smallest.

    Raises QwenpickError for more than MOST, and for whatever `fit` refuses of one of them.
    """
    if len(asked) > MOST:
        raise QwenpickError(_("at most {most} models run together on one machine", most=MOST))
    by_size = sorted(range(len(asked)), key=lambda number: -_size(asked[number][1]))
    ways = {tuple(order): _placed(machine, asked, order) for order in (by_size, by_size[::-1])}
    return max(ways.values(), key=lambda way: way.score)


def _size(model: Model) -> int:
    return model.parameters.total if model.parameters else 0


def _placed(machine: Machine, asked: Sequence[tuple[Catalog, Model, Request]], order: Sequence[int]) -> Together:
    left, found = machine, dict[int, Member]()
    for number in order:
        catalog, model, request = asked[number]
        answer = _shared(catalog, left, model, request, fit(catalog, left, model, request))
        numbers = _numbers(answer.plan, left) if answer.fits else []
        shares = {
            place.where if place.where == RAM else f"gpu{numbers[int(place.where.removeprefix('gpu'))]}": _share(
                answer.plan, place
            )
            for place in answer.plan.places
            if answer.fits
        }
        found[number] = Member(answer, left, shares)
        left = without(left, shares)
    return Together(tuple(found[number] for number in range(len(asked))), machine)


def _shared(catalog: Catalog, machine: Machine, model: Model, request: Request, answer: Answer) -> Answer:
    """The answer with vLLM held to what the model needs with the estimate's error; as it was where that does not hold or was said by hand."""
    plan = answer.plan
    if plan.runtime != "vllm" or not answer.fits or SHARE in request.options:
        return answer
    parts = [math.ceil(STEP * place.need * plan.band.high / place.total) for place in plan.places if place.total]
    if not parts or max(parts) >= STEP:
        return answer
    for part in range(max(parts), min(max(parts) + 3, STEP)):
        held = replace(
            request,
            quant=plan.checkpoint.format,
            runtime="vllm",
            kv_cache=plan.work.kv_cache,
            options={**request.options, SHARE: part / STEP},
        )
        tried = fit(catalog, machine, model, held)
        if tried.fits and tried.plan.verdict == plan.verdict:
            return tried
    return answer


def _share(plan: Plan, place: Place) -> int:
    """Bytes that the engine may take there: its need with the estimate's error; of vLLM and SGLang, which fill what they are given, all of that."""
    if plan.runtime in ("vllm", "sglang") and place.where != RAM and place.budget is not None:
        return place.budget
    most = round(place.need * plan.band.high) + place.surge
    return most if place.budget is None else max(place.need, min(most, place.budget))


def _numbers(plan: Plan, machine: Machine) -> list[int]:
    """Which devices of the box the plan's are: of equal ones the first that it does not have yet."""
    found: list[int] = []
    for device in plan.placement.devices:
        found.append(next(n for n, one in enumerate(machine.devices) if n not in found and one == device))
    return found


def without(machine: Machine, shares: Mapping[str, int]) -> Machine:
    """The box with so much less free; where a GPU shares the RAM, what lies on one is gone from both."""
    unified = any(device.unified for device in machine.devices)
    on_gpus = sum(share for where, share in shares.items() if where != RAM)
    devices = []
    for number, device in enumerate(machine.devices):
        gone = shares.get(f"gpu{number}", 0) + (shares.get(RAM, 0) if device.unified else 0)
        free = device.total if device.free is None else device.free
        devices.append(replace(device, free=max(0, free - gone)) if gone and free is not None else device)
    gone = shares.get(RAM, 0) + (on_gpus if unified else 0)
    free = None if machine.ram_free is None else max(0, machine.ram_free - gone)
    return replace(machine, devices=tuple(devices), ram_free=free)
