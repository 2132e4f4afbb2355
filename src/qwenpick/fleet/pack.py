"""Several models at once in a cluster: a place for each copy of each of them, whole GPUs, on as few GPUs as the plans allow."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.fleet.rooms import host_ram, times
from qwenpick.fleet.serve import boxes
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwenpick.catalog import Catalog, Model
    from qwenpick.fleet.kinds import Fleet, Kind
    from qwenpick.machine.hardware import Device
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.request import Request

STEPS = 20_000  # places that are tried before it is said that none was found


@dataclass(frozen=True, slots=True)
class Workload:
    """A model of the request: `copies` of it, each as `request` asks."""

    model: Model
    request: Request
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Packed:
    """Where one copy lies: the plan, and the kind and number of its node."""

    wanted: Workload
    plan: Plan
    kind: Kind
    node: int


@dataclass(frozen=True, slots=True)
class Packing:
    """All copies of all models; `missing` are those that no place was found for. `sure` is false where not every way was tried."""

    placed: tuple[Packed, ...]
    missing: tuple[Workload, ...]
    sure: bool = True

    @property
    def fits(self) -> bool:
        """Whether all have a place."""
        return not self.missing


@dataclass(slots=True)
class _Bin:
    """What is left of one node, or of several that nothing lies on yet (`same`)."""

    kind: Kind
    node: int
    devices: Counter[Device]
    ram: int | None
    same: int = 1


def pack(catalog: Catalog, fleet: Fleet, wanted: Sequence[Workload]) -> Packing:
    """A place for every copy: the hardest to place come first, each goes where it takes the fewest GPUs, and what fails is tried anew.

    A model is planned on one, two, four … GPUs of each kind of node once. Raises QwenpickError for what cannot be asked anywhere.
    """
    ways = {index: _ways(catalog, fleet, one) for index, one in enumerate(wanted)}
    copies = [index for index, one in enumerate(wanted) for _copy in range(one.copies)]
    copies.sort(
        key=lambda index: (
            len(ways[index]),
            -min((len(plan.placement.devices) for _kind, plan in ways[index]), default=0),
            index,
        )
    )
    bins = _empty(fleet)
    placed: list[Packed] = []
    missing: list[Workload] = []
    budget = [STEPS]
    if not _place(copies, 0, ways, wanted, bins, placed, budget):
        placed.clear()
        bins = _empty(fleet)
        # what has room goes in, and the others are named
        missing.extend(wanted[i] for i in copies if not _place([i], 0, ways, wanted, bins, placed, [STEPS]))
    return Packing(tuple(placed), tuple(missing), budget[0] > 0)


def _ways(catalog: Catalog, fleet: Fleet, one: Workload) -> list[tuple[Kind, Plan]]:
    """The plans of a model on parts of each kind of node, those with the fewest GPUs first; plans without GPUs last.

    What lies in RAM in part comes into question only where no node holds the model on its GPUs.
    """
    kinds, refused = [kind for kind in fleet.kinds if kind.idle is None], list[QwenpickError]()
    for gpu_only in dict.fromkeys((True, one.request.gpu_only)):
        asked = replace(one.request, gpu_only=gpu_only)
        found = [(kind, plan) for kind in kinds if (plan := _least(catalog, kind, one.model, asked, refused))]
        if any(plan.placement.devices for _kind, plan in found):
            break
    if not found and refused and len(refused) >= len(kinds):
        raise refused[0]
    return sorted(found, key=lambda way: (not way[1].placement.devices, len(way[1].placement.devices), way[0].nodes[0]))


def _least(catalog: Catalog, kind: Kind, model: Model, request: Request, refused: list[QwenpickError]) -> Plan | None:
    """The plan on the smallest part of a node that holds it."""
    for box in boxes(kind):
        try:
            answer = fit(catalog, box, model, request if box.devices else replace(request, gpu_only=False))
        except QwenpickError as problem:
            refused.append(problem)
            continue
        cpu = kind.machine.devices and answer.plan.mode == "cpu"
        if answer.fits and not cpu and times(answer.plan, kind.machine, kind.cpus):
            return answer.plan
    return None


def _empty(fleet: Fleet) -> list[_Bin]:
    """The nodes, with nothing on them yet."""
    return [
        _Bin(kind, 0, Counter(kind.machine.devices), kind.machine.ram_free, kind.count)
        for kind in fleet.kinds
        if kind.idle is None
    ]


def _place(
    copies: list[int], at: int, ways: dict[int, list[tuple[Kind, Plan]]], wanted: Sequence[Workload], bins: list[_Bin], placed: list[Packed],
    budget: list[int],
) -> bool:  # fmt: skip
    """Whether the copies from `at` on all have a place; the bins and `placed` then hold it."""
    if at == len(copies):
        return True
    index = copies[at]
    for kind, plan in ways[index]:
        need = Counter(plan.placement.devices)
        options = sorted(
            (b for b in bins if b.kind is kind and _holds(b, need, plan)),
            key=lambda b: (b.same > 1, b.devices.total()),
        )
        for place in options:
            budget[0] -= 1
            if budget[0] < 0:
                return False
            node = _opened(place, bins)
            _take(node, need, plan, 1)
            placed.append(Packed(wanted[index], plan, kind, node.node))
            if _place(copies, at + 1, ways, wanted, bins, placed, budget):
                return True
            placed.pop()
            _take(node, need, plan, -1)
            _closed(node, place, bins)
    return False


def _holds(place: _Bin, need: Counter[Device], plan: Plan) -> bool:
    whole = bool(need) or not place.devices.total()
    room = place.ram is None or place.ram >= host_ram(plan)
    return whole and room and need <= place.devices


def _opened(place: _Bin, bins: list[_Bin]) -> _Bin:
    """The node to lie on: of several equal empty ones the next is parted from the rest."""
    if place.same == 1:
        return place
    node = _Bin(place.kind, place.node + place.same - 1, place.devices.copy(), place.ram)
    place.same -= 1
    bins.append(node)
    return node


def _closed(node: _Bin, place: _Bin, bins: list[_Bin]) -> None:
    """The reverse."""
    if node is not place:
        bins.remove(node)
        place.same += 1


def _take(node: _Bin, need: Counter[Device], plan: Plan, sign: int) -> None:
    for device, count in need.items():
        node.devices[device] -= sign * count
    if node.ram is not None:
        node.ram -= sign * host_ram(plan)
