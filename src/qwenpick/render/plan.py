"""What `plan` prints: one row per GPU that runs the model, smallest box first, with what the box should have beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.buy.hardware import PER_NODE
from qwenpick.catalog.prices import dollars
from qwenpick.i18n import _
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.values import plan_values
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes, format_gb

if TYPE_CHECKING:
    from qwenpick.buy.hardware import Offer
    from qwenpick.catalog import Model
    from qwenpick.render.payloads import OfferValues, PlanCommandValues

COLUMNS = (
    Column("Hardware"),
    Column("Memory", number=True),
    Column("Format", optional=1),
    Column("Runtime", optional=1),
    Column("Needs", number=True),
    Column("Longest", number=True, optional=2),
    Column("tok/s", number=True),
    Column("Power", number=True, optional=3),
    Column("Price", number=True),
    Column("Priced", optional=3),
)


def plan_report(model: Model, found: tuple[Offer, ...], limit: int) -> Report:
    """The answer for a person."""
    if not found:
        return (Line(_("No GPU of the catalogue runs {name} as asked.", name=model.name), "bad"),)
    first = found[0]
    blocks: list[Block] = [
        Line(_("{name}: the smallest box is {first}", name=model.name, first=hardware(first)), "title"),
        Table(COLUMNS, tuple(_row(offer) for offer in found[:limit])),
        Line(_beside(first)),
    ]
    if len(found) > limit:
        blocks.append(Line(_("{count} more: --limit shows them", count=len(found) - limit), "dim"))
    return tuple(blocks)


def hardware(offer: Offer) -> str:
    """`RTX 4090`, `2 x L40S`, `2 nodes of 8 x H200`."""
    if offer.count > PER_NODE:
        return _(
            "{count} nodes of {each} x {name}",
            count=offer.count // PER_NODE,
            each=PER_NODE,
            name=offer.gpu.name,
        )
    return f"{offer.count} x {offer.gpu.name}" if offer.count > 1 else offer.gpu.name


def _beside(offer: Offer) -> str:
    """What the box should have beside its GPUs."""
    return (
        _(
            "Beside it: {ram} of RAM, {threads} CPU threads, {disk} of disk for the weights",
            ram=format_bytes(offer.ram, 0),
            threads=offer.threads,
            disk=format_gb(offer.disk),
        )
        if offer.nodes == 1
        else _(
            "Beside it, in each node: {ram} of RAM, {threads} CPU threads, {disk} of disk for the weights",
            ram=format_bytes(offer.ram, 0),
            threads=offer.threads,
            disk=format_gb(offer.disk),
        )
    )


def _row(offer: Offer) -> tuple[str, ...]:
    speed = offer.plan.speed
    return (
        hardware(offer),
        format_bytes(offer.memory, 0),
        offer.plan.checkpoint.format,
        find_runtime(offer.plan.runtime).TITLE,
        format_bytes(offer.plan.memory.total, 1),
        f"{offer.longest:,}" if offer.longest else "",
        f"{speed.decode.low:.0f}-{speed.decode.high:.0f}" if speed else _("unknown"),
        f"{offer.power:.0f} W" if offer.power else _("unknown"),
        dollars(offer.price, offer.price_note) if offer.price else _("unknown"),
        offer.price_note or "",
    )


def offer_values(offer: Offer) -> OfferValues:
    """One row for a program."""
    return {
        "gpu": offer.gpu.id,
        "count": offer.count,
        "memory": offer.memory,
        "longest_context": offer.longest,
        "price_usd": offer.price,
        "price_note": offer.price_note,
        "power_watts": offer.power,
        "ram": offer.ram,
        "disk": offer.disk,
        "threads": offer.threads,
        "plan": plan_values(offer.plan),
    }


def plan_command_values(model: Model, found: tuple[Offer, ...]) -> PlanCommandValues:
    """The answer for a program."""
    return {"model": model.id, "offers": [offer_values(offer) for offer in found]}
