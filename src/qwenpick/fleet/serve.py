"""Which model serves so many users in a cluster, on which nodes: the best models of each kind of node, each where `fit` puts it, best first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.fleet.copies import plan_deployment
from qwenpick.recommending.answer import Recommender
from qwenpick.recommending.request import Request
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.fleet.kinds import Fleet, Kind
    from qwenpick.fleet.rooms import Room
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.rank import Ranked
    from qwenpick.recommending.tasks import Task

LOOKED_AT = 8  # best models of each kind of node that are compared
TRIED = 12  # of them, best first, that are looked for a place for


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model for all users: `copies` of the plan on nodes of one kind, every copy for `users` of them.

    `ranked` is what speaks for the plan, as `recommend` says it of such a node and as many users.
    """

    ranked: Ranked
    plan: Plan
    room: Room
    copies: int
    users: int

    @property
    def kind(self) -> Kind:
        """The kind of node."""
        return self.room.kind

    @property
    def reason(self) -> str:
        """What speaks for it."""
        return self.ranked.reason

    @property
    def gpus(self) -> int:
        """Taken by all copies together."""
        return self.copies * len(self.plan.placement.devices)

    @property
    def nodes(self) -> int:
        """On which they lie."""
        return -(-self.copies // self.room.ways[0].copies) * self.room.nodes


@dataclass(frozen=True, slots=True)
class ServedModels:
    """The models that can serve the request in the cluster, best first."""

    task: Task
    request: Request
    context: int
    fleet: Fleet
    picks: tuple[ServedModel, ...]


def serve(catalog: Catalog, fleet: Fleet, request: Request, limit: int = 5, link: str | None = None) -> ServedModels:
    """The best models for all users, each with the plan, the kind of node and the copies that `fit` gives it. Raises QwenpickError for unknown words.

    What comes into question is told by each kind of node with all users, and with one: a copy may serve a part of them.
    """
    recommender = Recommender(catalog, request)
    alone = recommender if request.users == 1 else Recommender(catalog, replace(request, users=1))
    rows: dict[str, Ranked] = {}
    seen: dict[tuple[str, str], Ranked] = {}
    for kind in fleet.kinds:
        if kind.idle is not None:
            continue
        for asked in dict.fromkeys((recommender, alone)):
            for row in _ranked(asked, kind.machine, max(LOOKED_AT, limit)):
                name = row.plan.model.id
                rows[name] = max(rows.get(name, row), row, key=lambda one: one.score)
                if asked is recommender:
                    seen[kind.nodes[0], name] = row
    tried = sorted(rows.values(), key=lambda row: (-row.score, row.plan.model.id))[: max(TRIED, 2 * limit)]
    found = [one for row in tried if (one := _serving(catalog, fleet, recommender, row, seen, link))]
    found.sort(key=lambda one: (-round(one.ranked.score, 6), one.gpus, one.plan.model.id))
    return ServedModels(recommender.task, request, recommender.context, fleet, tuple(found[:limit]))


def _serving(
    catalog: Catalog,
    fleet: Fleet,
    recommender: Recommender,
    row: Ranked,
    seen: dict[tuple[str, str], Ranked],
    link: str | None,
) -> ServedModel | None:
    """Where `fit` puts the model; None where it has no room for all users, or not as fast as they ask."""
    model = row.plan.model
    try:
        answer = plan_deployment(
            catalog, fleet, model, replace(recommender.request, task=recommender.task.name), link=link
        )
    except QwenpickError:
        return None
    room = answer.chosen
    if room is None or room.ranked is None:
        return None
    plan, beside = room.ways[0].plan, seen.get((room.kind.nodes[0], model.id))
    # the row among others knows whether another model outdoes it
    ranked = beside if beside and beside.plan == plan else room.ranked
    return ServedModel(ranked, plan, room, answer.wanted, answer.each)


def boxes(kind: Kind) -> Iterator[Machine]:
    """Parts of a node of the kind that a copy could have: one of its GPUs, two, four, … all of one sort, with their share of RAM."""
    machine = kind.machine
    if not machine.devices:
        yield machine
        return
    for device, have in Counter(machine.devices).items():
        for gpus in sorted({*(2**n for n in range(have.bit_length())), have}):
            ram = None if machine.ram_free is None else machine.ram_free * gpus // len(machine.devices)
            yield replace(machine, devices=(device,) * gpus, ram_free=ram, notes=())


def _ranked(recommender: Recommender, box: Machine, limit: int) -> list[Ranked]:
    """The best models on this box; none where its hardware cannot be read."""
    try:
        return recommender.rank(box, limit)
    except HardwareUnreadableError:
        return []
