"""What `plan --cloud` prints: machines for rent that run the model, cheapest hour first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.render.report import Column, Line, Report, Table
from qwenpick.render.values import plan_values

if TYPE_CHECKING:
    from qwenpick.buy.cloud import Rented
    from qwenpick.catalog import Model
    from qwenpick.render.payloads import RentedCommandValues


def rented_report(model: Model, found: tuple[Rented, ...], limit: int) -> Report:
    """Machines for rent, for a person."""
    if not found:
        return (Line(_("No machine for rent in the catalogue runs {name} as asked.", name=model.name), "bad"),)
    columns = (
        Column("Provider"), Column("Machine"), Column("GPUs"), Column("Format"), Column("Longest", number=True), Column("tok/s", number=True),
        Column("USD/h", number=True), Column("Region", optional=True), Column("Priced"), Column("USD/M tokens", number=True, optional=True),
    )  # fmt: skip
    rows = tuple(
        (
            one.offer.provider,
            one.offer.instance,
            f"{int(one.offer.count or 1)} x {one.offer.gpu_name}",
            one.plan.checkpoint.format,
            f"{one.longest:,}" if one.longest else "",
            f"{one.plan.speed.together.low:.0f}-{one.plan.speed.together.high:.0f}" if one.plan.speed else _("unknown"),
            f"{one.offer.usd_per_hour:.2f}",
            one.offer.region,
            one.offer.price_date,
            f"{one.usd_per_million_tokens:.2f}" if one.usd_per_million_tokens else _("unknown"),
        )
        for one in found[:limit]
    )
    more = (Line(_("{count} more: --limit shows them", count=len(found) - limit), "dim"),) if len(found) > limit else ()
    return (
        Line(
            _(
                "{name}: the cheapest hour is {provider} {instance}",
                name=model.name,
                provider=found[0].offer.provider,
                instance=found[0].offer.instance,
            ),
            "title",
        ),
        Table(columns, rows),
        *more,
    )


def rented_values(model: Model, found: tuple[Rented, ...]) -> RentedCommandValues:
    """Machines for rent, for a program."""
    return {
        "model": model.id,
        "rented": [
            {
                "offer": one.offer.id,
                "provider": one.offer.provider,
                "instance": one.offer.instance,
                "region": one.offer.region,
                "gpu": one.offer.gpu or "",
                "count": int(one.offer.count or 1),
                "usd_per_hour": one.offer.usd_per_hour or 0.0,
                "price_date": one.offer.price_date,
                "usd_per_million_tokens": one.usd_per_million_tokens,
                "longest_context": one.longest,
                "plan": plan_values(one.plan),
            }
            for one in found
        ],
    }
