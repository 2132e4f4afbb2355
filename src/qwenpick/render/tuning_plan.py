"""What `plan --train` prints: GPUs to buy or machines to rent on which a fine-tuning run holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.catalog.prices import dollars
from qwenpick.i18n import _
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.plan import more
from qwenpick.render.tuning_values import tune_values
from qwenpick.units import format_bytes, format_gb, format_longest

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.render.payloads.training import RentedRunsValues, TuningPlanValues
    from qwenpick.training.offers import RentedRun, TuningOffer


CENTS_BELOW = 100  # dollars


def tuning_plan_report(
    model: Model,
    method: str,
    found: tuple[TuningOffer, ...],
    limit: int,
    tokens: int | None,
    *,
    cheapest: float | None,
    named: bool,
) -> Report:
    """GPUs on which a fine-tuning run holds, for a person; with `tokens` of data, the hours of it. `cheapest` is the least that holds it where that
    is beyond the budget, `named` whether the GPUs were."""
    if not found and cheapest is not None:
        return (_beyond(model.name, cheapest),)
    if not found and named:
        return (Line(_("Not even 64 of these GPUs hold this run of {name}.", name=model.name), "bad"),)
    if not found:
        return (
            Line(
                _(
                    "No GPU in the catalog, up to eight of a kind, holds this run of {name}; with --gpu NAME up to eight machines are tried.",
                    name=model.name,
                ),
                "bad",
            ),
        )
    columns = (
        Column("Hardware"), Column("Memory", number=True), Column("Needs each", number=True), Column("Max context", number=True),
        Column("Batch", number=True), Column("tok/s", number=True), Column("Hours", number=True),
        Column("Power", number=True, optional=True), Column("Price", number=True),
        Column("Priced", optional=True),
    )  # fmt: skip
    rows = tuple(
        (
            _named(one),
            format_bytes(one.memory, 0),
            format_bytes(max(place.need for place in one.tuned.places), 1),
            format_longest(one.tuned.longest) if one.tuned.longest else "",
            str(one.tuned.largest or ""),
            f"{one.tuned.speed.low:,.0f}-{one.tuned.speed.high:,.0f}" if one.tuned.speed else _("unknown"),
            _hours(one, tokens),
            f"{one.power:.0f} W" if one.power else _("unknown"),
            dollars(one.price, one.price_note) if one.price else _("unknown"),
            one.price_note or "",
        )
        for one in found[:limit]
    )
    storage = found[0].tuned.storage
    beside = _(
        "It also needs {ram} of RAM, {disk} of disk for weights and two saved checkpoints",
        ram=format_bytes(storage.ram, 0),
        disk=format_gb(storage.disk()),
    )
    rest = (Line(more(len(found), limit), "dim"),) if len(found) > limit else ()
    return (
        Line(_("{method} of {name}", method=method, name=model.name), "title"),
        *_cheapest(found, tokens),
        Table(columns, rows),
        Line(beside),
        *rest,
    )


def _cheapest(found: tuple[TuningOffer, ...], tokens: int | None) -> list[Block]:
    """What costs least of what has a price, and what is done first where that is another; a line each."""
    priced = [one for one in found if one.price is not None]
    if not priced:
        return [Line(_("none of these GPUs has a known price"))]
    least = min(priced, key=lambda one: (one.price or 0.0, one.gpu.id))
    quickest = max(priced, key=lambda one: (_rate(one), -(one.price or 0.0), one.gpu.id))
    lines: list[Block] = [Line(_("cheapest: {first}", first=_offered(least, tokens)), "title")]
    if quickest is not least and _rate(quickest):
        lines.append(Line(_("fastest of known price: {first}", first=_offered(quickest, tokens))))
    return lines


def _rate(one: TuningOffer) -> float:
    return one.tuned.speed.tokens_per_second if one.tuned.speed else 0.0


def _offered(one: TuningOffer, tokens: int | None) -> str:
    """`2 x GeForce RTX 5090, $5,800, 3,200-7,600 tokens/s, 12.3 h`."""
    said = [_named(one), dollars(one.price or 0.0, one.price_note)]
    if speed := one.tuned.speed:
        said.append(_("{low:,.0f}-{high:,.0f} tokens/s", low=speed.low, high=speed.high))
    if hours := _hours(one, tokens):
        said.append(_("{hours} hours", hours=hours))
    return _(", ").join(said)


def _named(one: TuningOffer) -> str:
    return f"{one.count} x {one.gpu.name}" if one.count > 1 else one.gpu.name


def tuning_plan_values(model: Model, found: tuple[TuningOffer, ...], tokens: int | None) -> TuningPlanValues:
    """GPUs on which a fine-tuning run holds, for a program."""
    return {
        "model": model.id,
        "tuning_offers": [
            {
                "gpu": one.gpu.id,
                "count": one.count,
                "memory": one.memory,
                "price_usd": one.price,
                "price_note": one.price_note,
                "power_watts": one.power,
                "run": tune_values(one.tuned, tokens),
            }
            for one in found
        ],
    }


def _hours(one: TuningOffer | RentedRun, tokens: int | None) -> str:
    if one.tuned.speed is None or not tokens:
        return ""
    return f"{one.tuned.speed.hours(tokens)[0]:,.1f}"


def _beyond(name: str, cheapest: float) -> Line:
    """What holds the run costs more than the budget."""
    text = _(
        "Nothing within this budget holds this run of {name}: the cheapest is ${price}.",
        name=name,
        price=_usd(cheapest),
    )
    return Line(text, "bad")


def _usd(price: float) -> str:
    """Cents count below a hundred dollars."""
    return f"{price:,.2f}" if price < CENTS_BELOW else f"{price:,.0f}"


def rented_runs_report(
    model: Model,
    method: str,
    found: tuple[RentedRun, ...],
    limit: int,
    tokens: int | None,
    cheapest: float | None,
) -> Report:
    """Machines to rent on which the run holds: the hour, and the whole run where the data's tokens are known."""
    if not found and cheapest is not None:
        return (_beyond(model.name, cheapest),)
    if not found:
        return (Line(_("No machine for rent in the catalog holds this run of {name}.", name=model.name), "bad"),)
    columns = (
        Column("Machine"), Column("GPUs"), Column("Needs each", number=True), Column("tok/s", number=True), Column("Hours", number=True),
        Column("An hour", number=True), Column("The run", number=True), Column("Priced", optional=True),
    )  # fmt: skip
    rows = tuple(
        (
            one.offer.id,
            f"{one.tuned.training.gpus} x {one.tuned.devices[0].name}",
            format_bytes(max(place.need for place in one.tuned.places if place.where != "ram"), 1),
            f"{one.tuned.speed.tokens_per_second:,.0f}" if one.tuned.speed else _("unknown"),
            _hours(one, tokens),
            f"${one.offer.hour:,.2f}",
            f"${_usd(paid)}" if (paid := one.whole(tokens)) is not None else "",
            one.offer.price_date or "",
        )
        for one in found[:limit]
    )
    rest = (Line(more(len(found), limit), "dim"),) if len(found) > limit else ()
    hint = () if tokens else (Line(_("--dataset-tokens (or --samples) says what the whole run costs"), "dim"),)
    return (Line(_("{method} of {name}", method=method, name=model.name), "title"), Table(columns, rows), *hint, *rest)


def rented_runs_values(model: Model, found: tuple[RentedRun, ...], tokens: int | None) -> RentedRunsValues:
    """The same for a program; prices in USD."""
    return {
        "model": model.id,
        "rented_runs": [
            {
                "offer": one.offer.id,
                "hour": one.offer.hour,
                "whole": one.whole(tokens),
                "run": tune_values(one.tuned, tokens),
            }
            for one in found
        ],
    }
