"""Charts as inline SVG: what each plan keeps in memory, stacked by kind against what it may take; how fast each is, as a range."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.planning.plan import Place, Plan

KINDS = ("weights", "kv cache", "state", "compute", "overhead")
COLOURS = {
    "weights": "--weights",
    "kv cache": "--cache",
    "state": "--state",
    "compute": "--compute",
    "overhead": "--overhead",
}
WIDTH, LABELS, VALUES, ROW, THICK = (
    900,
    250,
    170,
    30,
    16,
)  # SVG units: of the drawing, its labels, the figures at the right, a row, a bar
SPAN = WIDTH - LABELS - VALUES


def memory_chart(plans: Sequence[Plan]) -> str:
    """One bar per plan: the fullest place, stacked by kind; a mark where the engine's budget ends."""
    rows = [(plan, max(plan.places, key=lambda place: place.need)) for plan in plans if plan.places]
    scale = max((max(place.need, place.budget or 0) for _unused, place in rows), default=0)
    if not scale:
        return ""
    drawn = "".join(_memory_row(index, plan, place, scale) for index, (plan, place) in enumerate(rows))
    legend = "".join(
        f'<rect x="{LABELS + 110 * n}" y="{ROW * len(rows) + 8}" width="12" height="12" fill="var({COLOURS[kind]})"/>'
        f'<text class="dim" x="{LABELS + 110 * n + 18}" y="{ROW * len(rows) + 19}">{escape(_(kind))}</text>'
        for n, kind in enumerate(KINDS)
    )
    return _figure(
        _("Memory where it is fullest; the mark is the limit there"),
        drawn + legend,
        ROW * len(rows) + 30,
    )


def _memory_row(index: int, plan: Plan, place: Place, scale: int) -> str:
    top, left = ROW * index + 6, float(LABELS)
    parts = ""
    for kind in KINDS:
        size = sum(part.bytes for part in plan.memory.parts if part.where == place.where and part.kind == kind)
        width = SPAN * size / scale
        parts += f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{THICK}" fill="var({COLOURS[kind]})">'
        parts += f"<title>{escape(_(kind))} {format_bytes(size)}</title></rect>"
        left += width
    mark = ""
    if place.budget is not None:
        x = LABELS + SPAN * place.budget / scale
        mark = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 3}" y2="{top + THICK + 3}" stroke="var(--mark)" stroke-width="2"/>'
    room = SPAN * (place.budget if place.budget is not None else place.need) / scale
    free = f'<rect x="{LABELS}" y="{top}" width="{room:.1f}" height="{THICK}" fill="var(--free)"/>'
    limit = _(" of {capacity}", capacity=format_bytes(place.budget, 1)) if place.budget is not None else ""
    return f"{_label(index, plan)}{free}{parts}{mark}{_value(index, format_bytes(place.need, 1) + limit)}"


def speed_chart(plans: Sequence[Plan]) -> str:
    """One range per plan: tokens/s that each user sees, with the estimate as a dot."""
    known = [plan for plan in plans if plan.speed]
    scale = max((plan.speed.each.high for plan in known if plan.speed), default=0.0)
    if not scale:
        return ""
    drawn = "".join(_speed_row(index, plan, scale) for index, plan in enumerate(known))
    return _figure(
        _("Tokens per second that each user sees: the range of measured runs, and the estimate"),
        drawn,
        ROW * len(known) + 6,
    )


def _speed_row(index: int, plan: Plan, scale: float) -> str:
    speed = plan.speed
    if speed is None:
        return ""
    low, value, high = (
        LABELS + SPAN * figure / scale for figure in (speed.each.low, speed.each.value, speed.each.high)
    )
    y = ROW * index + 6 + THICK / 2
    line = f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="var(--cache)" stroke-width="6" stroke-linecap="round"/>'
    dot = f'<circle cx="{value:.1f}" cy="{y}" r="6" fill="var(--weights)"/>'
    shown = _("{low:.0f}-{high:.0f} tokens/s", low=speed.each.low, high=speed.each.high)
    return f"{_label(index, plan)}{line}{dot}{_value(index, shown)}"


def _label(index: int, plan: Plan) -> str:
    name = f"{plan.model.name} {plan.checkpoint.format}"
    shown = name if len(name) <= 34 else f"{name[:33]}…"
    return f'<text x="0" y="{ROW * index + 6 + THICK - 3}">{escape(shown)}<title>{escape(name)}</title></text>'


def _value(index: int, text: str) -> str:
    return f'<text class="dim" x="{WIDTH}" y="{ROW * index + 6 + THICK - 3}" text-anchor="end">{escape(text)}</text>'


def _figure(caption: str, drawn: str, height: int) -> str:
    return (
        f'<figure><figcaption>{escape(caption)}</figcaption><div class="scroll"><svg viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{escape(caption)}" style="min-width: 36rem">{drawn}</svg></div></figure>\n'
    )
