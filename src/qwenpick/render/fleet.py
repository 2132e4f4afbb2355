"""What `fleet` prints, and what `fit --cluster` does: a row a kind of node, and what the cluster's records leave open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.i18n import N_, _, retell
from qwenpick.planning.words import where_short
from qwenpick.render.forms.report import Block, Column, Line, Report, Table, Tone
from qwenpick.render.values import band_values, machine_values, plan_values
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.fleet.copies import Deployment
    from qwenpick.fleet.kinds import Fleet, Kind
    from qwenpick.fleet.rooms import Room
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.render.payloads.fleet import (
        ChosenValues,
        ClusterValues,
        FleetFitValues,
        FleetValues,
        KindValues,
        RoomValues,
    )

SHOWN = 3  # names of nodes in a row
SOURCES = {"kubernetes": "Kubernetes", "slurm": "Slurm", "ray": "Ray", "file": N_("the inventory")}


def fleet_report(fleet: Fleet) -> Report:
    """The kinds for a person."""
    columns = (
        Column("Nodes"),
        Column("Count", number=True),
        Column("Has"),
        Column("GPUs free", number=True),
        Column("RAM free", number=True, optional=1),
    )
    rows = tuple(
        (names(kind), str(kind.count), has(kind.machine, kind), _free(kind), _ram(kind.machine)) for kind in fleet.kinds
    )
    notes = [Line(f"{names(kind)}: {_notes(kind)}", "dim") for kind in fleet.kinds if _notes(kind)]
    return (headline(fleet), *([Table(columns, rows)] if rows else []), *notes, *unclear(fleet))


def fleet_fit_report(answer: Deployment) -> Report:
    """Where the model runs, for a person."""
    fleet, found = answer.fleet, answer.copies
    nodes = sum(room.kind.count for room in answer.rooms if room.ways)
    together = answer.together
    if found:
        said = _("{name}: room for {found} copies on {nodes} nodes", name=answer.model.name, found=found, nodes=nodes)
        if answer.replicas:
            said += _(", {asked} asked for", asked=answer.replicas)
        if together:
            said += _(", {speed:,.0f} tokens/s together", speed=together.value)
    else:
        said = _("{name}: no node has room for it", name=answer.model.name)
    columns = (
        Column("Nodes"),
        Column("Count", number=True),
        Column("Has", optional=3),
        Column("GPUs free", number=True, optional=2),
        Column("Copies", number=True),
        Column("Plan"),
        Column("tok/s", number=True),
        Column("Why", optional=1),
    )
    rows = tuple(_room_row(room) for room in answer.rooms)
    tone: Tone = "good" if answer.exit_code == 0 else "bad"
    blocks: list[Block] = [Line(said, tone), *([Line(_taken(answer), tone)] if found else []), headline(fleet)]
    blocks += (
        [Table(columns, rows, tones=tuple("plain" if room.ways else "dim" for room in answer.rooms))] if rows else []
    )
    blocks += [Line(note, "dim") for note in (*answer.notes, *_spoken(answer))]
    return (*blocks, *unclear(fleet))


def _taken(answer: Deployment) -> str:
    """Where `launch` puts the copies that were asked for, or that serve all users."""
    room = answer.chosen
    if room is None:
        return (
            _("no single kind of node has room for {copies} copies, which launch needs", copies=answer.wanted)
            if answer.quick
            else _("slower than --min-speed asks for each user")
        )
    return _(
        "launch starts {copies} x ({plan}) on {nodes}; users of each copy: {users}",
        copies=answer.wanted,
        plan=_shown(room, room.ways[0].plan),
        nodes=names(room.kind),
        users=answer.each,
    )


def _shown(room: Room, plan: Plan) -> str:
    shown = _(", ").join([plan.checkpoint.format, find_runtime(plan.runtime).TITLE, where_short(plan)])
    return shown + (_(" on {nodes} nodes", nodes=room.nodes) if room.nodes > 1 else "")


def headline(fleet: Fleet) -> Line:
    """The cluster in one line."""
    counted = sum(kind.count for kind in fleet.kinds)
    parts = [
        _(
            "{source}: {nodes} nodes, {counted} take work",
            source=_(SOURCES[fleet.source]),
            nodes=fleet.nodes,
            counted=counted,
        )
    ]
    parts += [_("{count} {reason}", count=count, reason=retell(reason)) for reason, count in sorted(fleet.out.items())]
    parts.append(_("what is free now") if fleet.when == "free" else _("all that they have"))
    return Line(_("; ").join(parts), "title")


def names(kind: Kind) -> str:
    """The first names of a kind."""
    return listed(kind.nodes)


def listed(nodes: Sequence[str]) -> str:
    """The first names, and how many more."""
    more = len(nodes) - SHOWN
    return ", ".join(nodes[:SHOWN]) + (_(" and {more} more", more=more) if more > 0 else "")


def has(machine: Machine, kind: Kind) -> str:
    """What a node of the kind can be planned with: `4 x NVIDIA A40 (45.0 GiB)`."""
    if not machine.devices:
        return _("no GPU free") if kind.gpus else _("no GPU")
    counted = Counter((device.name, device.total) for device in machine.devices)
    return ", ".join(
        f"{f'{count} x ' if count > 1 else ''}{_(name)} ({format_bytes(total, 1) if total else _('memory unknown')})"
        for (name, total), count in counted.items()
    )


def _free(kind: Kind) -> str:
    return _("{free} of {gpus}", free=kind.free_gpus, gpus=kind.gpus) if kind.gpus else ""


def _ram(machine: Machine) -> str:
    return _("unknown") if machine.ram_free is None else format_bytes(machine.ram_free, 0)


def _notes(kind: Kind) -> str:
    said = [retell(kind.idle)] if kind.idle else []
    return _("; ").join([*said, *map(retell, kind.machine.notes)])


def unclear(fleet: Fleet) -> list[Block]:
    """What the records leave open, a line each."""
    return [Line(_("not known: {line}", line=retell(line)), "warn") for line in fleet.unclear]


def _room_row(room: Room) -> tuple[str, ...]:
    kind = room.kind
    plan = room.plan if room.ways else None
    shown = _shown(room, plan) if plan else ""
    speed = room.together
    return (
        names(kind), str(kind.count), has(kind.machine, kind), _free(kind), str(room.copies) if room.ways else "–", shown,
        f"{speed.value:,.0f}" if speed else "", retell(room.reason),
    )  # fmt: skip


def _spoken(answer: Deployment) -> list[str]:
    """What the kinds that are planned with take for granted, and where."""
    said: dict[str, list[str]] = {}
    for room in answer.rooms:
        for note in room.kind.machine.notes if room.ways else ():
            said.setdefault(note, []).extend(room.kind.nodes)
    return [f"{listed(where)}: {retell(note)}" for note, where in said.items()]


def fleet_values(fleet: Fleet) -> FleetValues:
    """The kinds for a program."""
    return {"when": fleet.when, "cluster": cluster_values(fleet), "kinds": [kind_values(kind) for kind in fleet.kinds]}  # type: ignore[typeddict-item]


def cluster_values(fleet: Fleet) -> ClusterValues:
    """The cluster in short."""
    return {
        "source": fleet.source,  # type: ignore[typeddict-item]
        "nodes": fleet.nodes,
        "out": [{"reason": reason, "nodes": count} for reason, count in sorted(fleet.out.items())],
        "unclear": list(fleet.unclear),
    }


def kind_values(kind: Kind) -> KindValues:
    """A kind of node."""
    return {
        "nodes": list(kind.nodes),
        "count": kind.count,
        "gpus": kind.gpus,
        "free_gpus": kind.free_gpus,
        "machine": machine_values(kind.machine),
        "idle": kind.idle,
        "labels": dict(kind.labels),
    }


def room_values(room: Room) -> RoomValues:
    """What a kind holds of a model."""
    together = room.together
    return {
        **kind_values(room.kind),
        "fits": bool(room.ways),
        "copies": room.copies,
        "nodes_a_copy": room.nodes,
        "link": room.link,
        "together": band_values(together) if together else None,
        "ways": [
            {
                "copies": way.copies,
                "gpus": len(way.plan.placement.devices),
                "format": way.plan.checkpoint.format,
                "runtime": way.plan.runtime,
            }
            for way in room.ways
        ],
        "plan": plan_values(room.plan) if room.plan else None,
        "reason": room.reason,
    }


def fleet_fit_values(answer: Deployment) -> FleetFitValues:
    """Where the model runs, for a program."""
    together = answer.together
    return {
        "fits": answer.fits,
        "exit_code": answer.exit_code,
        "when": answer.fleet.when,  # type: ignore[typeddict-item]
        "model": answer.model.id,
        "name": answer.model.name,
        "cluster": cluster_values(answer.fleet),
        "kinds": [room_values(room) for room in answer.rooms],
        "replicas": {
            "asked": answer.replicas,
            "found": answer.copies,
            "together": band_values(together) if together else None,
        },
        "notes": list(answer.notes),
        "chosen": chosen_values(answer),
    }


def chosen_values(answer: Deployment) -> ChosenValues | None:
    """What `launch` starts."""
    room = answer.chosen
    if room is None:
        return None
    return {
        "on": list(room.kind.nodes),
        "copies": answer.wanted,
        "users": answer.each,
        "plan": plan_values(room.ways[0].plan),
    }
