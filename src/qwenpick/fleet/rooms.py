"""What a kind of node holds of a model: the best plan as often as its GPUs, RAM and cores hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.fleet.kinds import ENGINE_RAM, Kind
from qwenpick.i18n import _
from qwenpick.memory.account import RAM
from qwenpick.recommending.request import Request
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.rank import Ranked
    from qwenpick.speed import Band


@dataclass(frozen=True, slots=True)
class Way:
    """`copies` of one plan on each node of a kind."""

    plan: Plan
    copies: int


@dataclass(frozen=True, slots=True)
class Room:
    """What a kind of node holds: `ways` are those of one node, the best plan first; () where it does not fit, and `reason` says why or how well.

    `plan` is the best plan, or the nearest miss; None where nothing could be planned. A copy takes `nodes` nodes, joined by `link`. `ranked` is the
    plan with its points, None where no plan holds; `quick` says whether each user gets the tokens/s that were asked for.
    """

    kind: Kind
    ways: tuple[Way, ...]
    plan: Plan | None
    reason: str
    nodes: int = 1
    link: str | None = None
    ranked: Ranked | None = None
    quick: bool = True

    @property
    def wholly(self) -> bool:
        """Whether a copy lies on GPUs alone, and is fast enough for the task and for what was asked."""
        on_gpus = bool(self.ways) and self.ways[0].plan.mode == "gpu"
        return on_gpus and self.quick and (self.ranked is None or self.ranked.usable)

    @property
    def alike(self) -> int:
        """Copies of its best plan on all nodes of the kind, without what lies beside them on GPUs of another sort."""
        return self.units * self.ways[0].copies if self.ways else 0

    @property
    def units(self) -> int:
        """Nodes, or groups of as many nodes as a copy takes."""
        return self.kind.count // self.nodes

    @property
    def copies(self) -> int:
        """On all nodes of the kind together."""
        return self.units * sum(way.copies for way in self.ways)

    @property
    def together(self) -> Band | None:
        """Tokens/s of all its copies; None where a speed is not known."""
        return added((way.plan, way.copies * self.units) for way in self.ways)


def portion(kind: Kind, copies: int) -> Machine | None:
    """What each of so many copies has of a node: all of it, where there are as many nodes; None where there are too few GPUs."""
    share, machine = -(-copies // max(1, kind.count)), kind.machine
    if share == 1 or kind.idle is not None:
        return machine if kind.idle is None else None
    devices: tuple[Device, ...] = max(
        ((device,) * (have // share) for device, have in Counter(machine.devices).items()),
        key=lambda own: sum(device.total or 0 for device in own),
        default=(),
    )
    ram = None if machine.ram_free is None else machine.ram_free // share
    return replace(machine, devices=devices, ram_free=ram) if devices else None


def held(catalog: Catalog, kind: Kind, model: Model, request: Request, copies: int = 1) -> Room:
    """What a node of this kind holds of the model, where so many copies share all of them. Raises QwenpickError as `fit` does."""
    machine = portion(kind, copies)
    if machine is None:
        return Room(kind, (), None, _("too few GPUs for {copies} copies", copies=copies))
    first = fit(catalog, machine, model, request)
    plan = first.plan
    if not first.fits:
        return Room(kind, (), plan, plan.reason)
    if kind.machine.devices and plan.mode == "cpu":
        return Room(kind, (), plan, _("only without its GPUs"))
    ways = tuple(_ways(catalog, kind, model, request, plan))
    if not ways:
        return Room(kind, (), plan, _("its RAM is held"))
    return Room(kind, ways, plan, plan.reason, ranked=first.ranked, quick=first.quick)


def _ways(catalog: Catalog, kind: Kind, model: Model, request: Request, plan: Plan) -> Iterator[Way]:
    """The best plan as often as a node holds it, then what the GPUs that are left hold of the same format in the same engine."""
    machine, cpus = kind.machine, kind.cpus
    alike = replace(request, quant=plan.checkpoint.format, runtime=plan.runtime)
    while True:
        copies = times(plan, machine, cpus)
        if not copies:
            return
        yield Way(plan, copies)
        machine = left(machine, plan, copies)
        cpus = None if cpus is None else cpus - copies
        if not machine.devices:
            return
        try:
            answer = fit(catalog, machine, model, alike)
        except QwenpickError:
            return
        if not answer.fits or answer.plan.mode == "cpu":
            return
        plan = answer.plan


def times(plan: Plan, machine: Machine, cpus: float | None = None) -> int:
    """How often a node holds the plan: GPUs are one copy's alone, RAM is shared out, and a plan without GPUs takes all of the node's cores."""
    limits = [1] if not plan.placement.devices else []
    have, used = Counter(machine.devices), Counter(plan.placement.devices)
    limits += [have[device] // count for device, count in used.items()]
    if machine.ram_free is not None:
        limits.append(machine.ram_free // max(1, host_ram(plan)))
    if cpus is not None:
        limits.append(int(cpus))
    return max(0, min(limits, default=0))


def host_ram(plan: Plan) -> int:
    """Bytes of RAM that one copy takes: what its plan counts there, and on GPUs what the engine's processes take beside."""
    return plan.memory.on(RAM) + ENGINE_RAM * len(plan.placement.devices)


def left(machine: Machine, plan: Plan, copies: int) -> Machine:
    """The machine without the GPUs and the RAM that these copies take."""
    devices = list(machine.devices)
    for device in plan.placement.devices * copies:
        devices.remove(device)
    taken = copies * host_ram(plan)
    return replace(
        machine,
        devices=tuple(devices),
        ram_free=None if machine.ram_free is None else max(0, machine.ram_free - taken),
    )


def added(plans: Iterable[tuple[Plan, int]]) -> Band | None:
    """Tokens/s of so many copies of each plan together, without those whose speed is not known; None where none is."""
    from qwenpick.speed import Band

    low = value = high = 0.0
    found = False
    for plan, count in plans:
        if plan.speed is None:
            continue
        found = True
        one = plan.speed.together
        low, value, high = low + one.low * count, value + one.value * count, high + one.high * count
    return Band(value, low, high) if found else None
