"""The bars of a plan's places: how the memory of each GPU and of RAM is used, by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.memory.account import RAM
from qwenpick.render.forms.charts import KINDS
from qwenpick.render.forms.report import Bar

if TYPE_CHECKING:
    from qwenpick.memory.account import Memory
    from qwenpick.planning.verdict import Place


def bars_of(places: Sequence[Place], memory: Memory) -> list[Bar]:
    """A bar a place; one for GPUs in a row that hold the same: `gpu0-gpu3 H100 (each)`."""
    found: list[tuple[str, str, Bar]] = []
    for place in places:
        bar = bar_of(place, memory)
        if found and place.where != RAM:
            first, _last, before = found[-1]
            if first != RAM and _same_bar(before, bar, place.name):
                found[-1] = first, place.where, before
                continue
        found.append((place.where, place.where, bar))
    return [
        bar
        if first == last
        else replace(
            bar, label=_("{first}-{last} {name} (each)", first=first, last=last, name=bar.label.partition(" ")[2])
        )
        for first, last, bar in found
    ]


def _same_bar(one: Bar, other: Bar, name: str) -> bool:
    return one.label.partition(" ")[2] == name and replace(one, label="") == replace(other, label="")


def bar_of(place: Place, memory: Memory) -> Bar:
    """One place, sliced by kind of memory."""
    slices = tuple(
        (_(kind), sum(p.bytes for p in memory.parts if p.where == place.where and p.kind == kind)) for kind in KINDS
    )
    label = _("RAM") if place.where == RAM else f"{place.where} {place.name}"
    return Bar(label, tuple(s for s in slices if s[1]), place.total, place.budget)
