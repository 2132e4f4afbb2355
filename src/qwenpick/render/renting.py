"""What `plan --cloud` prints: machines for rent that run the model, cheapest hour first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.planning.words import rate
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.plan import by_the_hour, format_of, more
from qwenpick.render.values import plan_values
from qwenpick.render.words import longest_native

if TYPE_CHECKING:
    from qwenpick.buy.cloud import Rented
    from qwenpick.catalog import Model
    from qwenpick.render.payloads.buying import OfferedValues, RentedCommandValues


def rented_report(model: Model, found: tuple[Rented, ...], in_yuan: tuple[Rented, ...], limit: int) -> Report:
    """Machines for rent, for a person: those priced in dollars, then those in yuan."""
    if not found and not in_yuan:
        return (Line(_("No machine for rent in the catalog runs {name} as asked.", name=model.name), "bad"),)
    first = (found or in_yuan)[0]
    blocks: list[Block] = [
        Line(_("{name}: cheapest by the hour: {machine}", name=model.name, machine=by_the_hour(first)), "title")
    ]
    for machines in (found, in_yuan):
        if machines:
            blocks.append(_table(machines[:limit]))
        if len(machines) > limit:
            blocks.append(Line(more(len(machines), limit), "dim"))
    return tuple(blocks)


def _table(machines: tuple[Rented, ...]) -> Table:
    currency = machines[0].offer.priced_in or ""
    columns = (
        Column("Provider"), Column("Machine"), Column("GPUs"), Column("Format"), Column("Max context", number=True, optional=2),
        Column("tok/s", number=True),
        Column(f"{currency}/h", number=True), Column("Region", optional=True), Column("Priced"),
        Column(f"{currency}/M tokens", number=True, optional=True),
    )  # fmt: skip
    rows = tuple(
        (
            one.offer.provider,
            one.offer.instance,
            f"{int(one.offer.count or 1)} x {one.offer.gpu_name}",
            format_of(one.plan),
            longest_native(one.plan.model, one.longest),
            rate(one.plan.speed.each.low, one.plan.speed.each.high) if one.plan.speed else _("unknown"),
            f"{one.offer.hour:.2f}",
            one.offer.region,
            one.offer.price_date,
            f"{one.per_million_tokens:.2f}" if one.per_million_tokens else _("unknown"),
        )
        for one in machines
    )
    return Table(columns, rows)


def rented_values(model: Model, found: tuple[Rented, ...], in_yuan: tuple[Rented, ...]) -> RentedCommandValues:
    """Machines for rent, for a program."""
    return {
        "model": model.id,
        "rented": [
            {**_values(one), "usd_per_hour": one.offer.hour or 0.0, "usd_per_million_tokens": one.per_million_tokens}
            for one in found
        ],
        "rented_cny": [
            {**_values(one), "cny_per_hour": one.offer.hour or 0.0, "cny_per_million_tokens": one.per_million_tokens}
            for one in in_yuan
        ],
    }


def _values(one: Rented) -> OfferedValues:
    return {
        "offer": one.offer.id,
        "provider": one.offer.provider,
        "instance": one.offer.instance,
        "region": one.offer.region,
        "gpu": one.offer.gpu or "",
        "count": int(one.offer.count or 1),
        "vcpus": one.offer.vcpus,
        "ram_bytes": one.offer.ram_bytes,
        "spot_usd_per_hour": one.offer.spot_usd_per_hour,
        "price_date": one.offer.price_date,
        "longest_context": one.longest,
        "plan": plan_values(one.plan),
    }
