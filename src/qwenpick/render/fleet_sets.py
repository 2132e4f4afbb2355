"""What `recommend --cluster` prints, the sets of copies that serve so many users, and what `fit A + B --cluster` does, where each model lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.fleet.rooms import added
from qwenpick.i18n import _
from qwenpick.render.fleet import cluster_values, headline, listed, names, unclear
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.values import band_values, plan_values
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_tokens

if TYPE_CHECKING:
    from qwenpick.fleet.kinds import Fleet
    from qwenpick.fleet.pack import Packed, Packing, Workload
    from qwenpick.fleet.serve import ServedModel, ServedModels
    from qwenpick.render.payloads.fleet import FleetRecommendValues, FleetTogetherValues, PackedValues, ServingValues


def served_report(served: ServedModels) -> Report:
    """Which models serve the users in the cluster, for a person."""
    load = _("{users} users of ", users=served.request.users) if served.request.users > 1 else ""
    asked = _(
        "for {title} ({name}), {load}{context} tokens of context",
        title=_(served.task.title),
        name=served.task.name,
        load=load,
        context=format_tokens(served.context),
    )
    if served.request.min_speed:
        asked += _(", {speed:g} tokens/s for each", speed=served.request.min_speed)
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
    return (*found, *unclear(served.fleet))


def _served_row(place: int, one: ServedModel) -> tuple[str, ...]:
    plan = one.plan
    gpus = len(plan.placement.devices)
    copies = f"{one.copies} x {one.users}" if one.copies > 1 else str(one.copies)
    return (
        str(place), plan.model.name, plan.checkpoint.format, find_runtime(plan.runtime).TITLE, copies, f"{one.copies} x {gpus}" if gpus else "0",
        str(one.nodes), names(one.kind), f"{plan.speed.each.value:,.0f}" if plan.speed else "",
    )  # fmt: skip


def served_values(served: ServedModels) -> FleetRecommendValues:
    """Which models serve the users in the cluster, for a program."""
    return {
        "fits": bool(served.picks),
        "exit_code": 0 if served.picks else 1,
        "when": served.fleet.when,  # type: ignore[typeddict-item]
        "cluster": cluster_values(served.fleet),
        "task": served.task.name,
        "users": served.request.users,
        "context": served.context,
        "min_speed": served.request.min_speed,
        "picks": [_serving_values(place, one) for place, one in enumerate(served.picks, 1)],
    }


def _serving_values(place: int, one: ServedModel) -> ServingValues:
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


def packed_report(fleet: Fleet, wanted: Sequence[Workload], packing: Packing) -> Report:
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
                listed([_on(place) for place in own]) if own else "–",
            )
        )
    said = (
        _("all of them have a place, on {gpus} GPUs", gpus=_taken(packing))
        if packing.fits
        else _("no place for {missing}", missing=", ".join(f"{count} x {name}" for name, count in gone.items()))
    )
    unsure = [] if packing.sure or packing.fits else [Line(_("not every way of placing them was tried"), "warn")]
    title = Line(said, "good" if packing.fits else "bad")
    return (title, headline(fleet), Table(columns, tuple(rows)), *unsure, *unclear(fleet))


def _on(place: Packed) -> str:
    """The node's name; of an entry that stands for many its number there."""
    names_ = place.kind.nodes
    return names_[place.node] if len(names_) == place.kind.count else f"{names_[0]}[{place.node}]"


def _taken(packing: Packing) -> int:
    return sum(len(place.plan.placement.devices) for place in packing.placed)


def packed_values(fleet: Fleet, wanted: Sequence[Workload], packing: Packing) -> FleetTogetherValues:
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
