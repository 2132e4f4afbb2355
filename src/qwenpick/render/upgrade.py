"""What `compare` of cards without a model prints: which Qwen each gets one, and which card gets the most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.buy.upgrade import gain
from qwenpick.catalog.prices import dollars
from qwenpick.i18n import _
from qwenpick.planning.words import rate, speed_of
from qwenpick.recommending.rank import duration
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.values import plan_values
from qwenpick.render.words import longest_native
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.buy.upgrade import Got, Ladder
    from qwenpick.recommending.answer import Pick
    from qwenpick.render.payloads.buying import CompareValues, GotValues

COLUMNS = (
    Column("GPU"),
    Column("Price", number=True, optional=2),
    Column("Model"),
    Column("Format", optional=3),
    Column("Runtime", optional=1),
    Column("Quality", number=True),
    Column("tok/s", number=True),
    Column("Answer", number=True, optional=4),
    Column("Memory", number=True, optional=5),
    Column("Max context", number=True, optional=6),
    Column("Gain", number=True, optional=1),
)


def ladder_report(found: Ladder) -> Report:
    """The answer for a person."""
    blocks: list[Block] = [Line(_verdict(found), "title")]
    if found.mine and len(found.cards) == 1:
        return tuple(blocks)
    rows = tuple(_row(card, found) for card in found.cards)
    first = found.cards[0].pick
    in_ram = found.mine and first is not None and first.plan.mode == "cpu"
    alone = (
        _("each card by itself, nothing in RAM; the CPU in RAM") if in_ram else _("each card by itself, nothing in RAM")
    )
    quiet = [alone, _("gain: compared with {name}", name=found.cards[0].name)]
    return (*blocks, Table(COLUMNS, rows), Line(_("; ").join(quiet), "dim"))


def _verdict(found: Ladder) -> str:
    first, best = found.cards[0], found.best
    if best is None:
        return _("No model is fast enough for {task} on any of them", task=found.task.said)
    if best is first and len(found.cards) == 1:
        return _("No card on sale within the budget is better for {task} than the {name}", task=found.task.said, name=first.name)  # fmt: skip
    if best is first:
        return _("For {task} none of them is better than the {name}", task=found.task.said, name=first.name)
    pick = best.pick
    said = _(
        "For {task} the {name} gets you the most: {model} in {format}, quality {quality:.0f}/100, {speed}",
        task=found.task.said,
        name=best.name,
        model=pick.plan.model.name if pick else "",
        format=pick.plan.checkpoint.shown if pick else "",
        quality=pick.ranked.quality.value if pick else 0.0,
        speed=speed_of(pick.plan.speed if pick else None, writes=bool(found.task.answer)),
    )
    if found.mine and (more := gain(best, first)):
        said += _(" ({gain} over your {name})", gain=_gain(more), name=first.name)
    return said


def _gain(more: tuple[float, float | None]) -> str:
    """`+24, 2.1x`: points of quality, times the speed."""
    points, times = more
    return f"{points:+.0f}" + (f", {times:.1f}x" if times is not None else "")


def _row(card: Got, found: Ladder) -> tuple[str, ...]:
    price = dollars(card.price, card.price_note) if card.price else "" if found.mine and card is found.cards[0] else _("unknown")  # fmt: skip
    if card.pick is None:
        return (card.name, price, _("nothing usable"), *[""] * (len(COLUMNS) - 3))
    plan, ranked = card.pick.plan, card.pick.ranked
    more = gain(card, found.cards[0]) if card is not found.cards[0] else None
    return (
        card.name,
        price,
        plan.model.name,
        plan.checkpoint.shown,
        find_runtime(plan.runtime).TITLE,
        f"{ranked.quality.value:.0f}±{ranked.quality.deviation:.0f}{'~' if ranked.quality.inferred else ''}",
        rate(plan.speed.each.low, plan.speed.each.high) if plan.speed else _("unknown"),
        duration(ranked.seconds) if ranked.seconds is not None else _("unknown"),
        format_bytes(plan.memory.total, 1),
        longest_native(plan.model, card.pick.longest),
        _gain(more) if more else "",
    )


def ladder_values(found: Ladder) -> CompareValues:
    """The answer for a program."""
    best = found.best
    return {
        "models": [],
        "gpus": [],
        "machine": None,
        "task": found.task.said,
        "upgrade": found.mine,
        "best": best.name if best else None,
        "cards": [_values(card, found) for card in found.cards],
    }


def _values(card: Got, found: Ladder) -> GotValues:
    more = gain(card, found.cards[0])
    pick: Pick | None = card.pick
    return {
        "name": card.name,
        "gpu": card.gpu.id if card.gpu else None,
        "price_usd": card.price,
        "price_note": card.price_note,
        "quality": round(pick.ranked.quality.value, 2) if pick else None,
        "seconds_to_answer": round(pick.ranked.seconds, 2) if pick and pick.ranked.seconds is not None else None,
        "longest_context": pick.longest if pick else None,
        "points_gained": round(more[0], 2) if more else None,
        "times_as_fast": round(more[1], 3) if more and more[1] is not None else None,
        "plan": plan_values(pick.plan) if pick else None,
    }
