"""Where in a cluster a model runs: the one answer that `fit`, `recommend`, `launch` and `check` take of a cluster.

Each kind of node is planned as a box is, by the one chooser. Users that no copy serves alone are shared out evenly, to as few copies as will do; of
the kinds that have room for them all, the one whose plan has the most points is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.fleet.kinds import UNREAD, Fleet
from qwenpick.fleet.rooms import Room, Way, added, held, portion
from qwenpick.i18n import _
from qwenpick.planning.plan import Plan, fast_enough
from qwenpick.recommending.request import Request
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.speed import Band

SMALLER = ("8bit", "6bit", "5bit", "4bit")  # precisions that are tried in turn for more copies


@dataclass(frozen=True, slots=True)
class Deployment:
    """The rooms of all kinds. `replicas` is how many copies were asked for; None asks for a place for all `users`, of whom a copy serves `each`."""

    model: Model
    fleet: Fleet
    rooms: tuple[Room, ...]
    replicas: int | None
    notes: tuple[str, ...] = ()
    users: int = 1
    each: int = 1

    @property
    def wanted(self) -> int:
        """Copies that are asked for, or that serve all users."""
        return self.replicas or -(-self.users // self.each)

    @property
    def copies(self) -> int:
        """That there is room for."""
        return sum(room.copies for room in self.rooms)

    @property
    def fits(self) -> bool:
        """Whether a place, or as many copies as were asked for, is there."""
        return self.copies >= self.wanted

    @property
    def quick(self) -> bool:
        """Whether so many copies are as fast as was asked."""
        return sum(room.copies for room in self.rooms if room.quick) >= self.wanted

    @property
    def chosen(self) -> Room | None:
        """The kind of node that all copies go to: of those that have room for them and are fast enough, the one whose plan has the most points;
        among equals that of the least GPU memory. None where no kind has.
        """
        rooms = [room for room in self.rooms if room.ways and room.quick and room.alike >= self.wanted]
        return min(rooms, key=_first, default=None)

    @property
    def exit_code(self) -> int:
        """0 where it fits and is fast enough; 3 where it may fit and nobody can say, since no record says what GPUs some nodes have; else 1."""
        if self.fits:
            return 0 if self.quick else 1
        return HardwareUnreadableError.exit_code if any(room.kind.idle == UNREAD for room in self.rooms) else 1

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


def plan_deployment(
    catalog: Catalog, fleet: Fleet, model: Model, request: Request, replicas: int | None = None, link: str | None = None
) -> Deployment:
    """Where the model runs as asked; over several nodes of a kind, joined by `link`, where no single node holds it on its GPUs.

    Without `replicas` the users are shared out to one copy, to two, to four and so on, until the copies lie on GPUs and are fast enough; where that
    never is, to as few as hold them. Raises QwenpickError for what cannot be asked anywhere.
    """
    if replicas is not None:
        return _in_copies(catalog, fleet, model, request, replicas, link)
    best: Deployment | None = None
    whole: Deployment | None = None
    for users in shares(request.users):
        copies = -(-request.users // users)
        if whole and not any(portion(kind, copies) for kind in fleet.kinds):
            break
        rooms = _rooms(catalog, fleet, model, replace(request, users=users), copies)
        answer = Deployment(model, fleet, rooms, None, users=request.users, each=users)
        whole = whole or answer
        if (room := answer.chosen) and room.wholly:
            return answer
        best = best or (answer if room else None)
    assert whole is not None
    found = best or whole
    return found if _on_gpus(found) else _over_nodes(catalog, found, request, link)


def shares(users: int) -> Iterator[int]:
    """Users of one copy: all, half of them, a quarter, … one.

    >>> list(shares(10))
    [10, 5, 3, 2, 1]
    """
    yield users
    while users > 1:
        users = -(-users // 2)
        yield users


def _in_copies(
    catalog: Catalog, fleet: Fleet, model: Model, request: Request, replicas: int, link: str | None
) -> Deployment:
    """The answer for so many copies, each for all users. Where the best plans leave too little room for them on one kind of node, each is planned on
    its part of a node, then in smaller formats in turn.
    """

    def asked(quant: str | None, copies: int = 1) -> Deployment:
        rooms = _rooms(catalog, fleet, model, replace(request, quant=quant), copies)
        return Deployment(model, fleet, rooms, replicas, users=request.users, each=request.users)

    answer = asked(request.quant)
    if not _on_gpus(answer):
        answer = _over_nodes(catalog, answer, request, link)
    if answer.chosen:
        return answer
    parted = asked(request.quant, replicas)
    if parted.chosen and _on_gpus(parted):
        note = _("planned on a part of each node, so that more copies have room")
        return replace(parted, notes=(note,))
    if answer.fits or request.quant:
        return answer
    for precision in SMALLER:
        smaller = asked(precision)
        if smaller.copies > answer.copies:
            note = _("planned in {precision}, so that more copies have room", precision=precision)
            answer = replace(smaller, notes=(note,))
        if answer.fits:
            break
    return answer


def _on_gpus(answer: Deployment) -> bool:
    return any(way.plan.mode == "gpu" for room in answer.rooms for way in room.ways)


def _over_nodes(catalog: Catalog, answer: Deployment, request: Request, link: str | None) -> Deployment:
    """The answer for all users with stages across nodes of each kind that holds the model so; as it was where none does."""
    from qwenpick.fleet.stages import staged
    from qwenpick.machine.nodes import USUAL, parse_link

    joined, rooms = parse_link(link) if link else USUAL, list[Room]()
    for room in answer.rooms:
        found = staged(catalog, room.kind, answer.model, request, joined, room.plan)
        if found is None:
            rooms.append(room)
            continue
        ways = (Way(found.plan, 1),)
        rooms.append(
            Room(
                room.kind,
                ways,
                found.plan,
                found.plan.reason,
                found.nodes,
                joined.name,
                found.ranked,
                fast_enough(found.plan, request.min_speed, strict=request.strict),
            )
        )
    notes = answer.notes
    joins = any(room.nodes > 1 for room in rooms)
    if link is None and joins:
        notes += (_("the network between nodes is taken as {link}; --link says otherwise", link=joined.name),)
    return replace(answer, rooms=tuple(rooms), notes=notes, each=request.users) if joins else answer


def _rooms(catalog: Catalog, fleet: Fleet, model: Model, request: Request, copies: int = 1) -> tuple[Room, ...]:
    """What each kind holds of the model as asked, where so many copies share its nodes. Raises QwenpickError where that cannot be asked of any."""
    rooms: list[Room] = []
    refused: list[QwenpickError] = []
    asked = 0
    for kind in fleet.kinds:
        if kind.idle is not None:
            rooms.append(Room(kind, (), None, _(kind.idle)))
            continue
        asked += 1
        try:
            rooms.append(held(catalog, kind, model, request, copies))
        except HardwareUnreadableError as problem:
            rooms.append(Room(kind, (), None, str(problem)))
        except QwenpickError as problem:
            refused.append(problem)
            rooms.append(Room(kind, (), None, str(problem)))
    if refused and len(refused) == asked:
        raise refused[0]
    return tuple(rooms)


def _first(room: Room) -> tuple[float, int, float, str]:
    """Points, then GPU memory, then speed."""
    plan = room.ways[0].plan
    points = room.ranked.score if room.ranked else 0.0
    memory = sum(device.total or 0 for device in plan.placement.devices)
    return -round(points, 1), memory, -_each(plan), room.kind.nodes[0]


def _each(plan: Plan) -> float:
    return plan.speed.together.value if plan.speed else 0.0
