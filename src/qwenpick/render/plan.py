"""What `plan` prints: what to buy in a few lines, then one row per GPU that runs the model, with what the box should have beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.buy.hardware import LEAST_BITS
from qwenpick.catalog.prices import dollars
from qwenpick.i18n import _, command_line
from qwenpick.memory.cache import KvCache
from qwenpick.planning.words import rate, speed_of
from qwenpick.recommending.request import Request
from qwenpick.render.forms.report import Block, Column, Line, Report, Table
from qwenpick.render.values import plan_values
from qwenpick.render.words import VERDICTS, longest_native
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes, format_gb

if TYPE_CHECKING:
    from qwenpick.buy.advice import Advice, Market
    from qwenpick.buy.cloud import Rented
    from qwenpick.buy.hardware import Offer
    from qwenpick.catalog import Model
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.tasks import Task
    from qwenpick.render.payloads.buying import NamedOfferValues, OfferValues, PlanCommandValues

COLUMNS = (
    Column("Hardware"),
    Column("Memory", number=True),
    Column("Format"),
    Column("Runtime", optional=1),
    Column("Needs", number=True),
    Column("Verdict"),
    Column("Max context", number=True, optional=2),
    Column("tok/s", number=True),
    Column("Power", number=True, optional=3),
    Column("Price", number=True),
    Column("Priced", optional=3),
)


def plan_report(model: Model, market: Market, limit: int, budget: float | None, request: Request) -> Report:
    """The answer for a person."""
    found, told = market.offers, market.advice
    if told is None and not market.beyond:
        return (Line(_("No GPU in the catalog runs {name} as asked.", name=model.name), "bad"),)
    if told is None:
        return (Line(_too_little(model, market.beyond, budget or 0.0), "bad"),)
    first = told.bought or told.smallest
    blocks: list[Block] = [
        *_answer(model, told, budget),
        Table(COLUMNS, tuple(_row(offer) for offer in found[:limit])),
        *_limits(request),
        Line(_beside(first)),
        Line(_("look closer: {command}", command=_closer(model, first, told.task, request)), "good"),
    ]
    if len(found) > limit:
        blocks.append(Line(more(len(found), limit), "dim"))
    return tuple(blocks)


def _closer(model: Model, offer: Offer, task: Task, request: Request) -> str:
    """The command that shows the plan of an offer: where every byte goes there."""
    each = offer.count // offer.nodes
    name = f"{each}x {offer.gpu.id}" if each > 1 else offer.gpu.id
    plan, cache = offer.plan, offer.plan.work.kv_cache
    words = ["fit", model.id, "--quant", plan.checkpoint.format, "--gpu", name]
    words += ["--nodes", str(offer.nodes)] if offer.nodes > 1 else []
    words += ["--kv-cache", str(cache)] if cache != KvCache() else []
    words += ["--runtime", request.runtime] if request.runtime else []
    words += ["--ram", format_bytes(offer.ram, 0).replace(" ", "")] if not offer.gpu.unified else []
    words += ["--gpu-only"] if not offer.gpu.unified else []
    words += ["--task", task.name] if task.name != "chat" else []
    words += ["--context", str(plan.work.context)] if plan.work.context != task.context else []
    words += ["--users", str(plan.work.sequences)] if plan.work.sequences > 1 else []
    words += ["--strict"] if request.strict else []
    return command_line(words)


def _limits(request: Request) -> list[Block]:
    """What counts as running it, where `fit` would take other ways too."""
    if request.quant:
        return [Line(_("planned on GPUs alone; fit puts layers in RAM too"), "dim")]
    return [
        Line(
            _(
                "planned in {bits} bits or more, on GPUs alone; fit takes smaller formats too, and puts layers in RAM",
                bits=LEAST_BITS,
            ),
            "dim",
        )
    ]


def more(count: int, limit: int) -> str:
    """How many rows are not shown, and what shows them."""
    return _("{rest} more (--limit {count} shows all)", rest=count - limit, count=count)


def _too_little(model: Model, beyond: tuple[Offer, ...], budget: float) -> str:
    """That the money does not do, and what would."""
    priced = [offer for offer in beyond if offer.price is not None]
    if not priced:
        return _("No GPU that runs {name} has a known price; without --budget they are listed.", name=model.name)
    least = min(priced, key=lambda offer: (offer.price or 0.0, offer.gpu.id))
    return _(
        "No GPU within {budget} runs {name} as asked; the cheapest that does is {first}.",
        budget=f"${budget:,.0f}",
        name=model.name,
        first=_priced(least),
    )


def _answer(model: Model, told: Advice, budget: float | None) -> list[Block]:
    """What to buy, a line each; what a line before it says is not said twice."""
    if told.cheapest is None:
        return [
            Line(_("{name}: no GPU that runs it has a known price", name=model.name), "title"),
            Line(_("smallest GPU that runs it: {first}", first=hardware(told.smallest))),
        ]
    blocks: list[Block] = [
        Line(
            _("{name}: cheapest and comfortable: {first}", name=model.name, first=_with_speed(told.cheapest, told.task))
            if told.comfortable is told.cheapest
            else _("{name}: cheapest: {first}", name=model.name, first=_with_speed(told.cheapest, told.task)),
            "title",
        )
    ]
    if told.comfortable is None:
        blocks.append(
            Line(_("No GPU of known price is comfortable for {task} ({speed}).", task=told.task.said, speed=_comfort(told.task)))
        )  # fmt: skip
    elif told.comfortable is not told.cheapest:
        blocks.append(Line(_("cheapest comfortable: {first}", first=_with_speed(told.comfortable, told.task))))
    if told.fastest and told.fastest not in (told.cheapest, told.comfortable):
        fastest = _with_speed(told.fastest, told.task)
        blocks.append(
            Line(
                _("fastest within {budget}: {first}", budget=f"${budget:,.0f}", first=fastest)
                if budget is not None
                else _("fastest GPU of known price: {first}", first=fastest)
            )
        )
    if told.smallest not in (told.cheapest, told.comfortable):
        blocks.append(Line(_("smallest GPU that runs it: {first}", first=_priced(told.smallest))))
    if told.rent and told.bought and told.break_even is not None:
        blocks.append(Line(_rented(told.rent, told.bought, told.break_even)))
    return blocks


def _rented(rent: Rented, bought: Offer, hours: float) -> str:
    """What renting costs instead, and after how long it has cost as much."""
    return _(
        "or rent {machine}: {hours:,.0f} hours of it cost as much as the {bought} ({days:,.0f} days of 8 hours; power not counted)",
        machine=by_the_hour(rent),
        hours=hours,
        bought=hardware(bought),
        days=hours / 8,
    )


def by_the_hour(rent: Rented) -> str:
    """`Vast.ai, 1 x GeForce RTX 4090 at $0.40 an hour`."""
    offer = rent.offer
    sign = {"USD": "$", "CNY": "¥"}.get(offer.priced_in or "", f"{offer.priced_in} ")
    return _(
        "{provider}, {count} x {gpu} at {price} an hour",
        provider=offer.provider,
        count=int(offer.count or 1),
        gpu=offer.gpu_name,
        price=f"{sign}{offer.hour or 0.0:,.2f}",
    )


def _priced(offer: Offer) -> str:
    price = dollars(offer.price, offer.price_note) if offer.price else _("price unknown")
    return _("{hardware}, {price}", hardware=hardware(offer), price=price)


def _with_speed(offer: Offer, task: Task) -> str:
    return _("{priced}, {speed}", priced=_priced(offer), speed=speed_of(offer.plan.speed, writes=bool(task.answer)))


def _comfort(task: Task) -> str:
    return (
        _("{rate:.0f} tokens/s", rate=task.comfortable)
        if task.answer
        else _("{rate:,.0f} tokens/s read", rate=task.comfortable_prefill)
    )


def hardware(offer: Offer) -> str:
    """`RTX 4090`, `2 x L40S`, `2 nodes of 8 x H200`."""
    if 1 < offer.nodes < offer.count:
        return _(
            "{count} nodes of {each} x {name}",
            count=offer.nodes,
            each=offer.count // offer.nodes,
            name=offer.gpu.name,
        )
    return f"{offer.count} x {offer.gpu.name}" if offer.count > 1 else offer.gpu.name


def _beside(offer: Offer) -> str:
    """What the box should have beside its GPUs."""
    if offer.gpu.unified and offer.nodes > 1:
        return _(
            "Each of the {hardware} also needs {disk} of disk for the weights",
            hardware=hardware(offer),
            disk=format_gb(offer.disk),
        )
    if offer.gpu.unified:
        return _(
            "The {hardware} also needs {disk} of disk for the weights",
            hardware=hardware(offer),
            disk=format_gb(offer.disk),
        )
    return (
        _(
            "The {hardware} also needs {ram} of RAM, {threads} CPU threads, {disk} of disk for the weights",
            hardware=hardware(offer),
            ram=format_bytes(offer.ram, 0),
            threads=offer.threads,
            disk=format_gb(offer.disk),
        )
        if offer.nodes == 1
        else _(
            "Each node of the {hardware} also needs {ram} of RAM, {threads} CPU threads, {disk} of disk for the weights",
            hardware=hardware(offer),
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
        format_of(offer.plan),
        find_runtime(offer.plan.runtime).TITLE,
        format_bytes(offer.plan.memory.total, 1),
        _(VERDICTS[offer.plan.verdict]),
        longest_native(offer.plan.model, offer.longest),
        rate(speed.each.low, speed.each.high) if speed else _("unknown"),
        f"{offer.power:.0f} W" if offer.power else _("unknown"),
        dollars(offer.price, offer.price_note) if offer.price else _("unknown"),
        offer.price_note or "",
    )


def format_of(plan: Plan) -> str:
    """`IQ4_XS`, or `IQ4_XS, q8_0 cache` where keys and values are not in 16 bits."""
    form, cache = plan.checkpoint.format, plan.work.kv_cache
    return form if cache == KvCache() else _("{format}, {cache} cache", format=form, cache=cache)


def offer_values(offer: Offer) -> OfferValues:
    """One row for a program."""
    return {
        "gpu": offer.gpu.id,
        "count": offer.count,
        "nodes": offer.nodes,
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


def plan_command_values(model: Model, found: tuple[Offer, ...], told: Advice | None) -> PlanCommandValues:
    """The answer for a program."""
    rent = told.rent if told else None
    return {
        "model": model.id,
        "task": told.task.name if told else None,
        "cheapest": _named(told.cheapest if told else None),
        "comfortable": _named(told.comfortable if told else None),
        "fastest": _named(told.fastest if told else None),
        "smallest": _named(told.smallest if told else None),
        "rent": rent.offer.id if rent else None,
        "rent_usd_per_hour": rent.offer.hour if rent else None,
        "break_even_hours": round(told.break_even, 1) if told and told.break_even is not None else None,
        "offers": [offer_values(offer) for offer in found],
    }


def _named(offer: Offer | None) -> NamedOfferValues | None:
    return {"gpu": offer.gpu.id, "count": offer.count, "price_usd": offer.price} if offer else None
