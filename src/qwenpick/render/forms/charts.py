"""Charts of plans: what each keeps in memory, stacked by kind against what it may take; how fast each is, as a range.

Names and figures are text that flows, only the bars are drawn (inline SVG as wide as there is room): nothing is cut on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.planning.words import rate
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.planning.plan import Plan
    from qwenpick.planning.verdict import Place

KINDS = ("weights", "kv cache", "state", "compute", "overhead")
COLOURS = {
    "weights": "--weights",
    "kv cache": "--cache",
    "state": "--state",
    "compute": "--compute",
    "overhead": "--overhead",
}
SPAN, THICK = 1000, 16  # SVG units of a bar; it is stretched to the width of the page


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan and what it is called in a chart: the model where models differ, the GPU where GPUs do."""

    label: str
    plan: Plan


def labelled(plans: Sequence[Plan], labels: Sequence[str] = ()) -> list[Shown]:
    """The plans with the given labels (boxes, GPUs) before what differs between them; the model and format where no labels are given."""
    alike = len({(plan.model.id, plan.checkpoint.shown, plan.runtime) for plan in plans}) == 1
    found = []
    for index, plan in enumerate(plans):
        own = labels[index] if labels else ""
        name = f"{plan.model.name} {plan.checkpoint.shown}, {find_runtime(plan.runtime).TITLE}"
        found.append(Shown(own if own and alike else " · ".join(filter(None, (own, name))), plan))
    return found


def memory_chart(shown: Sequence[Shown]) -> str:
    """One bar per plan: the fullest place, stacked by kind; a mark where the engine's budget ends."""
    rows = [(one, max(one.plan.places, key=lambda place: place.need)) for one in shown if one.plan.places]
    scale = max((max(place.need, place.budget or 0) for _unused, place in rows), default=0)
    if not scale:
        return ""
    drawn = "".join(_memory_row(one, place, scale) for one, place in rows)
    used = [
        kind
        for kind in KINDS
        if any(part.kind == kind and part.bytes for one in shown for part in one.plan.memory.parts)
    ]
    legend = "".join(
        f'<span><i style="background: var({COLOURS[kind]})"></i>{_escaped(_(kind))}</span>' for kind in used
    )
    return _figure(
        _("Memory where it is fullest; the mark is the limit there"), f'<p class="legend">{legend}</p>{drawn}'
    )


def _memory_row(one: Shown, place: Place, scale: int) -> str:
    left, parts = 0.0, ""
    for kind in KINDS:
        size = sum(part.bytes for part in one.plan.memory.parts if part.where == place.where and part.kind == kind)
        width = SPAN * size / scale
        parts += f'<rect x="{left:.1f}" y="4" width="{width:.1f}" height="{THICK}" fill="var({COLOURS[kind]})">'
        parts += f"<title>{_escaped(_(kind))} {format_bytes(size)}</title></rect>"
        left += width
    mark = ""
    if place.budget is not None:
        x = min(SPAN * place.budget / scale, SPAN - 3)
        mark = f'<rect x="{x:.1f}" y="0" width="3" height="{THICK + 8}" fill="var(--mark)"/>'
    room = SPAN * (place.budget if place.budget is not None else place.need) / scale
    free = f'<rect x="0" y="4" width="{room:.1f}" height="{THICK}" fill="var(--free)"/>'
    limit = _(" of {capacity}", capacity=format_bytes(place.budget, 1)) if place.budget is not None else ""
    where = _("RAM") if place.where == "ram" else "GPU"
    return _row(one.label, f"{where} {format_bytes(place.need, 1)}{limit}", free + parts + mark)


def speed_chart(shown: Sequence[Shown]) -> str:
    """One range per plan: tokens/s that each user sees, with the estimate as a mark."""
    known = [one for one in shown if one.plan.speed]
    scale = max((one.plan.speed.each.high for one in known if one.plan.speed), default=0.0)
    if not scale:
        return ""
    drawn = "".join(_speed_row(one, scale) for one in known)
    return _figure(_("Tokens per second that each user sees: the range of measured runs, and the estimate"), drawn)


def _speed_row(one: Shown, scale: float) -> str:
    speed = one.plan.speed
    if speed is None:
        return ""
    low, value, high = (SPAN * figure / scale for figure in (speed.each.low, speed.each.value, speed.each.high))
    track = f'<rect x="0" y="10" width="{SPAN}" height="4" fill="var(--free)"/>'
    line = f'<rect x="{low:.1f}" y="8" width="{max(high - low, 2):.1f}" height="8" fill="var(--cache)"/>'
    mark = f'<rect x="{max(value - 3, 0):.1f}" y="4" width="6" height="{THICK}" fill="var(--weights)"/>'
    text = _("{rate} tokens/s", rate=rate(speed.each.low, speed.each.high))
    return _row(one.label, text, track + line + mark)


def _row(label: str, figure: str, drawn: str) -> str:
    """The name and the figure, which flow, over the bar."""
    head = f'<div class="name"><span>{_escaped(label)}</span><span class="dim">{_escaped(figure)}</span></div>'
    said = _escaped(f"{label}: {figure}")
    return (
        f'<div class="bar">{head}<svg viewBox="0 0 {SPAN} {THICK + 8}" preserveAspectRatio="none" role="img" aria-label="{said}">'
        f"{drawn}</svg></div>\n"
    )


def _figure(caption: str, drawn: str) -> str:
    return f"<figure><figcaption>{_escaped(caption)}</figcaption>\n{drawn}</figure>\n"


def _escaped(text: str) -> str:
    from html import escape  # its table of entities is large, and few answers are pages

    return escape(text)
