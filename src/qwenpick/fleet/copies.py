"""Where in a cluster a model runs, how many copies there are room for, and how fast they are together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.fleet.best import best
from qwenpick.fleet.kinds import ENGINE_RAM, UNREAD, Fleet, Kind
from qwenpick.i18n import _
from qwenpick.memory.account import RAM
from qwenpick.recommending.request import Request
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.speed import Band

SMALLER = ("8bit", "6bit", "5bit", "4bit")  # precisions that are tried in turn for more copies


@dataclass(frozen=True, slots=True)
class Way:
    """`copies` of one plan on each node of a kind."""

    plan: Plan
    copies: int


@dataclass(frozen=True, slots=True)
class Room:
    """What a kind of node holds: `ways` are those of one node, the best plan first; () where it does not fit, and `reason` says why or how well.

    `plan` is the best plan, or the nearest miss; None where nothing could be planned. A copy takes `nodes` nodes, joined by `link`.
    """

    kind: Kind
    ways: tuple[Way, ...]
    plan: Plan | None
    reason: str
    nodes: int = 1
    link: str | None = None

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


@dataclass(frozen=True, slots=True)
class Answer:
    """The rooms of all kinds. `replicas` is how many copies were asked for; None asks for a place."""

    model: Model
    fleet: Fleet
    rooms: tuple[Room, ...]
    replicas: int | None
    notes: tuple[str, ...] = ()

    @property
    def copies(self) -> int:
        """That there is room for."""
        return sum(room.copies for room in self.rooms)

    @property
    def fits(self) -> bool:
        """Whether a place, or as many copies as were asked for, is there."""
        return self.copies >= (self.replicas or 1)

    @property
    def exit_code(self) -> int:
        """0 where it fits; 3 where it may and nobody can say, since no record says what GPUs some nodes have; else 1."""
        unread = any(room.kind.idle == UNREAD for room in self.rooms)
        return 0 if self.fits else HardwareUnreadableError.exit_code if unread else 1

    @property
    def together(self) -> Band | None:
        """Tokens/s of all copies that are asked for, the fastest places first; of all that there is room for where no number was asked."""
        left = self.replicas or self.copies
        taken: list[tuple[Plan, int]] = []
        for room, way in sorted(((r, w) for r in self.rooms for w in r.ways), key=lambda pair: -_each(pair[1].plan)):
            used = min(left, way.copies * room.units)
            taken.append((way.plan, used))
            left -= used
        return added((plan, count) for plan, count in taken if count)


def fit(
    catalog: Catalog, fleet: Fleet, model: Model, request: Request, replicas: int | None = None, link: str | None = None
) -> Answer:
    """Where the model runs as asked; over several nodes of a kind, joined by `link`, where no single node holds it on its GPUs.

    Where its best plans leave too little room for the copies that are asked for, smaller formats are tried in turn. Raises QwenpickError for what
    cannot be asked anywhere.
    """
    answer = _answer(catalog, fleet, model, request, replicas)
    if not any(way.plan.mode == "gpu" for room in answer.rooms for way in room.ways):
        answer = _over_nodes(catalog, answer, request, link)
    if answer.fits or replicas is None or request.quant:
        return answer
    for precision in SMALLER:
        smaller = _answer(catalog, fleet, model, replace(request, quant=precision), replicas)
        if smaller.copies > answer.copies:
            note = _("planned in {precision}, so that more copies have room", precision=precision)
            answer = replace(smaller, notes=(note,))
        if answer.fits:
            break
    return answer


def _over_nodes(catalog: Catalog, answer: Answer, request: Request, link: str | None) -> Answer:
    """The answer with stages across nodes of each kind that holds the model so."""
    from qwenpick.fleet.stages import staged
    from qwenpick.machine.nodes import USUAL, parse_link

    joined, rooms = parse_link(link) if link else USUAL, list[Room]()
    for room in answer.rooms:
        found = staged(catalog, room.kind, answer.model, request, joined, room.plan)
        if found is None:
            rooms.append(room)
            continue
        rooms.append(Room(room.kind, (Way(found.plan, 1),), found.plan, found.plan.reason, found.nodes, joined.name))
    notes = answer.notes
    if link is None and any(room.nodes > 1 for room in rooms):
        notes += (_("the network between nodes is taken as {link}; --link says otherwise", link=joined.name),)
    return replace(answer, rooms=tuple(rooms), notes=notes)


def _answer(catalog: Catalog, fleet: Fleet, model: Model, request: Request, replicas: int | None) -> Answer:
    rooms: list[Room] = []
    refused: list[QwenpickError] = []
    asked = 0
    for kind in fleet.kinds:
        if kind.idle is not None:
            rooms.append(Room(kind, (), None, _(kind.idle)))
            continue
        asked += 1
        try:
            rooms.append(room(catalog, kind, model, request))
        except HardwareUnreadableError as problem:
            rooms.append(Room(kind, (), None, str(problem)))
        except QwenpickError as problem:
            refused.append(problem)
            rooms.append(Room(kind, (), None, str(problem)))
    if refused and len(refused) == asked:
        raise refused[0]
    return Answer(model, fleet, tuple(rooms), replicas)


def room(catalog: Catalog, kind: Kind, model: Model, request: Request) -> Room:
    """What a node of this kind holds of the model. Raises QwenpickError as `fit` does."""
    first = best(catalog, kind.machine, model, request)
    plan = first.plan
    if not first.fits:
        return Room(kind, (), plan, plan.reason)
    if kind.machine.devices and plan.mode == "cpu":
        return Room(kind, (), plan, _("only without its GPUs"))
    ways = tuple(_ways(catalog, kind, model, request, plan))
    if not ways:
        return Room(kind, (), plan, _("its RAM is held"))
    return Room(kind, ways, plan, plan.reason)


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
            answer = best(catalog, machine, model, alike)
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


def _each(plan: Plan) -> float:
    return plan.speed.together.value if plan.speed else 0.0
