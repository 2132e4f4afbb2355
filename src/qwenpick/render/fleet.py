"""What `fleet` prints, and what `fit --cluster` does: a row a kind of node, and what the cluster's records leave open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.fleet.copies import added
from qwenpick.i18n import N_, _, retell
from qwenpick.render.report import Block, Column, Line, Report, Table
from qwenpick.render.values import band_values, machine_values, plan_values
from qwenpick.render.words import where_short
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes, format_tokens

if TYPE_CHECKING:
    from qwenpick.fleet.copies import Answer, Room
    from qwenpick.fleet.kinds import Fleet, Kind
    from qwenpick.fleet.pack import Packed, Packing, Wanted
    from qwenpick.fleet.serve import Served, Serving
    from qwenpick.machine.hardware import Machine
    from qwenpick.render.payloads import (
        ClusterValues,
        FleetFitValues,
        FleetRecommendValues,
        FleetTogetherValues,
        FleetValues,
        KindValues,
        PackedValues,
        RoomValues,
        ServingValues,
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
    return (headline(fleet), *([Table(columns, rows)] if rows else []), *notes, *_open(fleet))


def fleet_fit_report(answer: Answer) -> Report:
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
    blocks: list[Block] = [Line(said, "good" if answer.fits else "bad"), headline(fleet)]
    blocks += (
        [Table(columns, rows, tones=tuple("plain" if room.ways else "dim" for room in answer.rooms))] if rows else []
    )
    blocks += [Line(note, "dim") for note in (*answer.notes, *_spoken(answer))]
    return (*blocks, *_open(fleet))


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
    return _listed(kind.nodes)


def _listed(nodes: Sequence[str]) -> str:
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


def _open(fleet: Fleet) -> list[Block]:
    return [Line(_("not known: {line}", line=retell(line)), "warn") for line in fleet.unclear]


def _room_row(room: Room) -> tuple[str, ...]:
    kind = room.kind
    plan = room.plan if room.ways else None
    shown = f"{plan.checkpoint.format}, {find_runtime(plan.runtime).TITLE}, {where_short(plan)}" if plan else ""
    shown += _(" on {nodes} nodes", nodes=room.nodes) if room.nodes > 1 else ""
    speed = room.together
    return (
        names(kind), str(kind.count), has(kind.machine, kind), _free(kind), str(room.copies) if room.ways else "–", shown,
        f"{speed.value:,.0f}" if speed else "", retell(room.reason),
    )  # fmt: skip


def _spoken(answer: Answer) -> list[str]:
    """What the kinds that are planned with take for granted, and where."""
    said: dict[str, list[str]] = {}
    for room in answer.rooms:
        for note in room.kind.machine.notes if room.ways else ():
            said.setdefault(note, []).extend(room.kind.nodes)
    return [f"{_listed(where)}: {retell(note)}" for note, where in said.items()]


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


def fleet_fit_values(answer: Answer) -> FleetFitValues:
    """Where the model runs, for a program."""
    together = answer.together
    return {
        "fits": answer.fits,
        "exit_code": 0 if answer.fits else 1,
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
    }


def served_report(served: Served) -> Report:
    """Which models serve the users in the cluster, for a person."""
    load = _("{users} users of ", users=served.wish.users) if served.wish.users > 1 else ""
    asked = _(
        "for {title} ({name}), {load}{context} tokens of context",
        title=_(served.task.title),
        name=served.task.name,
        load=load,
        context=format_tokens(served.context),
    )
    if served.wish.min_speed:
        asked += _(", {speed:g} tokens/s for each", speed=served.wish.min_speed)
    columns = (
        Column("#", number=True),
        Column("Model"),
        Column("Format", optional=1),
        Column("Runtime", optional=1),
        Column("Copies", number=True),
        Column("GPUs", number=True),
        Column("Nodes", number=True),
        Column("On", optional=2),
        Column("tok/s", number=True),
    )
    rows = tuple(_served_row(place, one) for place, one in enumerate(served.picks, 1))
    found: list[Block] = [headline(served.fleet), Line(asked, "dim")]
    found += [Table(columns, rows)] if rows else [Line(_("no model serves that in this cluster"), "bad")]
    found += [Line(f"{place}. {one.reason}", "dim") for place, one in enumerate(served.picks, 1)]
    return (*found, *_open(served.fleet))


def _served_row(place: int, one: Serving) -> tuple[str, ...]:
    plan = one.plan
    gpus = len(plan.placement.devices)
    copies = f"{one.copies} x {one.users}" if one.copies > 1 else str(one.copies)
    return (
        str(place), plan.model.name, plan.checkpoint.format, find_runtime(plan.runtime).TITLE, copies, f"{one.copies} x {gpus}" if gpus else "0",
        str(one.nodes), names(one.kind), f"{plan.speed.each.value:,.0f}" if plan.speed else "",
    )  # fmt: skip


def served_values(served: Served) -> FleetRecommendValues:
    """Which models serve the users in the cluster, for a program."""
    return {
        "fits": bool(served.picks),
        "exit_code": 0 if served.picks else 1,
        "when": served.fleet.when,  # type: ignore[typeddict-item]
        "cluster": cluster_values(served.fleet),
        "task": served.task.name,
        "users": served.wish.users,
        "context": served.context,
        "min_speed": served.wish.min_speed,
        "picks": [_serving_values(place, one) for place, one in enumerate(served.picks, 1)],
    }


def _serving_values(place: int, one: Serving) -> ServingValues:
    together = added([(one.plan, one.copies)])
    return {
        "place": place,
        "model": one.plan.model.id,
        "name": one.plan.model.name,
        "score": round(one.ranked.score, 1),
        "reason": one.reason,
        "copies": one.copies,
        "users": one.users,
        "gpus": one.gpus,
        "nodes": one.nodes,
        "on": list(one.kind.nodes),
        "together": band_values(together) if together else None,
        "plan": plan_values(one.plan),
    }


def packed_report(fleet: Fleet, wanted: Sequence[Wanted], packing: Packing) -> Report:
    """Where each of several models lies, for a person."""
    columns = (
        Column("Model"),
        Column("Copies", number=True),
        Column("Format", optional=1),
        Column("Runtime", optional=1),
        Column("GPUs", number=True),
        Column("On"),
    )
    rows, gone = [], Counter(one.model.name for one in packing.missing)
    for one in wanted:
        own = [place for place in packing.placed if place.wanted is one]
        first = own[0].plan if own else None
        rows.append(
            (
                one.model.name,
                _("{found} of {asked}", found=len(own), asked=one.copies),
                first.checkpoint.format if first else "",
                find_runtime(first.runtime).TITLE if first else "",
                str(sum(len(place.plan.placement.devices) for place in own)),
                _listed([_on(place) for place in own]) if own else "–",
            )
        )
    said = (
        _("all of them have a place, on {gpus} GPUs", gpus=_taken(packing))
        if packing.fits
        else _("no place for {missing}", missing=", ".join(f"{count} x {name}" for name, count in gone.items()))
    )
    unsure = [] if packing.sure or packing.fits else [Line(_("not every way of placing them was tried"), "warn")]
    title = Line(said, "good" if packing.fits else "bad")
    return (title, headline(fleet), Table(columns, tuple(rows)), *unsure, *_open(fleet))


def _on(place: Packed) -> str:
    """The node's name; of an entry that stands for many its number there."""
    names_ = place.kind.nodes
    return names_[place.node] if len(names_) == place.kind.count else f"{names_[0]}[{place.node}]"


def _taken(packing: Packing) -> int:
    return sum(len(place.plan.placement.devices) for place in packing.placed)


def packed_values(fleet: Fleet, wanted: Sequence[Wanted], packing: Packing) -> FleetTogetherValues:
    """Where each of several models lies, for a program."""
    models: list[PackedValues] = []
    for one in wanted:
        own = [place for place in packing.placed if place.wanted is one]
        models.append(
            {
                "model": one.model.id,
                "name": one.model.name,
                "fits": len(own) == one.copies,
                "copies": len(own),
                "places": [
                    {
                        "on": _on(place),
                        "gpus": len(place.plan.placement.devices),
                        "format": place.plan.checkpoint.format,
                        "runtime": place.plan.runtime,
                    }
                    for place in own
                ],
                "plan": plan_values(own[0].plan) if own else None,
            }
        )
    return {
        "fits": packing.fits,
        "exit_code": 0 if packing.fits else 1,
        "together": True,
        "when": fleet.when,  # type: ignore[typeddict-item]
        "cluster": cluster_values(fleet),
        "gpus": _taken(packing),
        "models": models,
    }
