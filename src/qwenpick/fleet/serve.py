"""Which model serves so many users in a cluster, on which nodes: of each model the set of copies that takes the fewest GPUs, best model first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.fleet.best import best
from qwenpick.fleet.copies import times
from qwenpick.i18n import _
from qwenpick.recommending.answer import Recommender
from qwenpick.recommending.request import Request
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.fleet.kinds import Fleet, Kind
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.rank import Ranked
    from qwenpick.recommending.tasks import Task

LOOKED_AT = 8  # best models of one GPU and of a whole node of each kind that are compared
TRIED = 12  # of them, best first, whose sets are worked out


@dataclass(frozen=True, slots=True)
class Serving:
    """One model for all users: `copies` of the plan on nodes of one kind, `per_node` on each, every copy for `users` of them.

    `ranked` is what speaks for the model, as `recommend` says it of one user on such a node.
    """

    ranked: Ranked
    plan: Plan
    kind: Kind
    copies: int
    users: int
    per_node: int

    @property
    def reason(self) -> str:
        """What speaks for it: as `recommend` says it where it is the same format, else its points and how well the plan holds."""
        same = self.ranked.plan.checkpoint.format == self.plan.checkpoint.format
        return (
            self.ranked.reason
            if same
            else _("{score:.0f} points; {reason}", score=self.ranked.score, reason=self.plan.reason)
        )

    @property
    def gpus(self) -> int:
        """Taken by all copies together."""
        return self.copies * len(self.plan.placement.devices)

    @property
    def nodes(self) -> int:
        """On which they lie."""
        return -(-self.copies // self.per_node)


@dataclass(frozen=True, slots=True)
class Served:
    """The models that can serve the request in the cluster, best first."""

    task: Task
    request: Request
    context: int
    fleet: Fleet
    picks: tuple[Serving, ...]


def serve(catalog: Catalog, fleet: Fleet, request: Request, limit: int = 5) -> Served:
    """For each of the best models the set of copies that takes the fewest GPUs, in the order of `rank`. Raises QwenpickError for unknown words.

    The users are shared out evenly: to one copy, to two, to four and so on, as long as a kind of node has room for as many.
    """
    recommender = Recommender(catalog, replace(request, users=1))
    rows: dict[str, Ranked] = {}
    ends = {(box.devices, box.ram_free): box for kind in fleet.kinds if kind.idle is None for box in _ends(kind)}
    for box in ends.values():
        for row in _ranked(recommender, box):
            if (known := rows.get(row.plan.model.id)) is None or row.score > known.score:
                rows[row.plan.model.id] = row
    found = []
    for row in sorted(rows.values(), key=lambda row: (-row.score, row.plan.model.id))[: max(TRIED, limit)]:
        if (one := _fewest(catalog, fleet, request, recommender.context, row)) is not None:
            found.append(one)
        if len(found) == limit:
            break
    return Served(recommender.task, request, recommender.context, fleet, tuple(found))


def shares(users: int) -> list[int]:
    """Users of one copy: all, half of them, a quarter, … one.

    >>> shares(10)
    [10, 5, 3, 2, 1]
    """
    found = [users]
    while found[-1] > 1:
        found.append(-(-found[-1] // 2))
    return found


def boxes(kind: Kind) -> Iterator[Machine]:
    """Parts of a node of the kind that a copy could have: one of its GPUs, two, four, … all of one sort, with their share of RAM."""
    machine = kind.machine
    if not machine.devices:
        yield machine
        return
    groups: dict[Device, int] = {}
    for device in machine.devices:
        groups[device] = groups.get(device, 0) + 1
    for device, have in groups.items():
        for gpus in sorted({*(2**n for n in range(have.bit_length())), have}):
            ram = None if machine.ram_free is None else machine.ram_free * gpus // len(machine.devices)
            yield replace(machine, devices=(device,) * gpus, ram_free=ram, notes=())


def _ends(kind: Kind) -> list[Machine]:
    """One GPU and the whole node, by which the models are told that come into question."""
    found = list(boxes(kind))
    return found if len(found) < 3 else [found[0], found[-1]]


def _ranked(recommender: Recommender, box: Machine) -> list[Ranked]:
    """The best models on this box; none where its hardware cannot be read."""
    try:
        return recommender.rank(box, LOOKED_AT)
    except HardwareUnreadableError:
        return []


def _fewest(catalog: Catalog, fleet: Fleet, request: Request, context: int, row: Ranked) -> Serving | None:
    """The set of copies of this model that takes the fewest GPUs; where none needs a GPU the fewest nodes. None where no kind has room."""
    least: Serving | None = None
    for kind in fleet.kinds:
        if kind.idle is not None or (least and not kind.machine.devices):
            continue
        for box in boxes(kind):
            for users in shares(request.users):
                copies = -(-request.users // users)
                gpus = copies * max(1, len(box.devices))
                if (least and gpus >= max(1, least.gpus)) or copies * len(box.devices) > kind.count * len(
                    kind.machine.devices
                ):
                    break
                plan = _plan(catalog, box, request, context, row, users)
                per_node = times(plan, kind.machine, kind.cpus) if plan else 0
                if plan and per_node * kind.count >= copies:
                    least = Serving(row, plan, kind, copies, users, per_node)
                    break
    return least


def _plan(catalog: Catalog, box: Machine, request: Request, context: int, row: Ranked, users: int) -> Plan | None:
    """How this box serves so many users of the model: in the format that ranks best, else in four bits. None where it does not, or too slowly."""
    for quant in dict.fromkeys((request.quant or row.plan.checkpoint.format, request.quant or "4bit")):
        asked = replace(
            request,
            quant=quant,
            context=context,
            users=users,
            min_speed=None,
            gpu_only=bool(box.devices) or request.gpu_only,
        )
        try:
            answer = best(catalog, box, row.plan.model, asked)
        except QwenpickError:
            continue
        speed = answer.plan.speed
        fast = request.min_speed is None or (speed is not None and speed.each.value >= request.min_speed)
        if answer.fits and fast:
            return answer.plan
    return None
