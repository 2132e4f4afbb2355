"""What `gpus` prints: a row for each accelerator, or everything about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwenpick.catalog.prices import dollars, is_old, priced, rent_words, rents
from qwenpick.catalog.vendors import maker
from qwenpick.i18n import N_, _, language, listed
from qwenpick.render.forms.report import Column, Line, Report, Table
from qwenpick.units import GB, MIB, format_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwenpick.catalog import Catalog, Gpu
    from qwenpick.catalog.schema import Price

RATES = {
    "fp16": N_("FP16, tensor units"),
    "fp16_accumulate16": "FP16, FP16 accumulation",
    "fp16_vector": N_("FP16, without tensor units"),
    "int8": "INT8",
    "fp8": "FP8",
    "fp4": "FP4",
}
SEGMENTS = {
    "consumer": N_("consumer"),
    "workstation": N_("workstation"),
    "datacenter": N_("datacenter"),
    "laptop": N_("laptop"),
    "soc": N_("in a processor"),
}


def gpus_report(gpus: Sequence[Gpu]) -> Report:
    """One row each."""
    columns = (
        Column("GPU"),
        Column("Memory", number=True),
        Column("Bandwidth", number=True),
        Column("FP16 dense", number=True),
        Column("Power", number=True, optional=True),
        Column("Price", number=True, optional=True),
        Column("Status", optional=True),
    )
    rows = tuple(
        (
            g.id,
            format_bytes(size, 1) if (size := g.usable_bytes or g.memory_bytes) else "",
            f"{g.bandwidth / GB:,.0f} GB/s" if g.bandwidth else "",
            f"{rate / 1e12:,.0f} TFLOP/s" if (rate := g.rates.fp16 or g.rates.fp16_vector) else "",
            f"{g.power_watts:,.0f} W" if g.power_watts else "",
            dollars(found.usd, found.note) if (found := priced(g)) else "",
            _(g.status),
        )
        for g in gpus
    )
    return (
        Table(columns, rows),
        Line(_("{count} GPUs; `qwenpick gpus NAME` shows everything about one", count=len(gpus)), "dim"),
    )


def _yes_or_no(name: str, has: bool) -> str:
    return _("{name}: yes", name=name) if has else _("{name}: no", name=name)


def gpu_report(catalog: Catalog, gpu: Gpu) -> Report:
    """Everything about one accelerator, its sources last."""
    from qwenpick.catalog.gpus import twins, variants

    others = [other.id for other in variants(catalog, gpu) if other.id != gpu.id]
    supported = {name: getattr(gpu.rates, f"{name}_supported") for name in ("bf16", "fp8", "fp4")}
    rows = [
        ("id", gpu.id),
        (_("called in Chinese"), gpu.name_zh or ""),
        (_("made by"), _(", ").join(filter(None, (maker(gpu.vendor, language()), _(SEGMENTS[gpu.segment]), gpu.generation)))),
        (_("reported as"), ", ".join(gpu.aliases)),
        ('PCI ids', ", ".join(gpu.pci_ids)),
        (_("target"), gpu.compute_capability or ""),
        (_("memory as sold"), _sold(gpu)),
        (_("memory as reported"), f"{format_bytes(gpu.usable_bytes)} ({gpu.usable_bytes // MIB:,} MiB)" if gpu.usable_bytes else ""),
        (_("how that is known"), gpu.usable_note or ""),
        (_("unified"), _("its memory is the machine's RAM") if gpu.unified else ""),
        (_("devices on a board"), str(gpu.devices_per_board) if gpu.devices_per_board > 1 else ""),
        (_("bandwidth"), f"{gpu.bandwidth / GB:,.1f} GB/s" if gpu.bandwidth else _why(gpu.unknown.bandwidth)),
        *((_(words), f"{rate / 1e12:,.1f} T/s") for name, words in RATES.items() if (rate := getattr(gpu.rates, name))),
        (_("FP16 rate from"), gpu.rates.fp16_basis or ""),
        (_("FP16, tensor units"), "" if gpu.rates.fp16 else gpu.unknown.fp16 or ""),
        (_("computes"), listed(_yes_or_no(name.upper(), has) for name, has in supported.items() if has is not None)),
        (_("power"), _power(gpu)),
        ('NVLink', f"{gpu.nvlink_bandwidth / GB:,.0f} GB/s" if gpu.nvlink_bandwidth else ""),
        ("PCIe", f"{gpu.pcie_generation}.0 x{gpu.pcie_lanes}" if gpu.pcie_generation and gpu.pcie_lanes else ""),
        (_("released"), gpu.released or ""),
        (_("status"), _(gpu.status)),
        (_("sold until"), gpu.sold_until or ""),
        (_("price at launch"), _price(gpu.launch_price)),
        (_("price on the street"), _price(gpu.street_price)),
        (_("price of a used one"), _price(gpu.used_price)),
        (_("price of an hour"), rent_words(catalog, gpu) or _price(gpu.cloud_price)),
        *((_("runs {engine} as", engine=engine.engine), f"{engine.build}{f': {engine.note}' if engine.note else ''}") for engine in gpu.engines),
        (_("variants"), ", ".join(others)),
        (_("same name, other bus"), ", ".join(f"{other.id} ({(other.bandwidth or 0) / GB:,.0f} GB/s)" for other in twins(catalog, gpu))),
    ]  # fmt: skip
    table = Table((Column("Fact"), Column("Value")), tuple((name, text) for name, text in rows if text))
    notes = [Line(gpu.notes)] if gpu.notes else []
    return (
        Line(gpu.name, "title"),
        table,
        *notes,
        Line(_("source: {source}", source=gpu.source), "dim"),
        Line(_("checked {checked}", checked=gpu.checked), "dim"),
    )


def _sold(gpu: Gpu) -> str:
    if gpu.memory_bytes:
        return f"{format_bytes(gpu.memory_bytes)}{f' {gpu.memory_type}' if gpu.memory_type else ''}"
    return _("that of the machine") if gpu.unified else _why(gpu.unknown.memory_bytes)


def _why(reason: str | None) -> str:
    """`not known`, and why where the catalogue says so."""
    return _("not known: {reason}", reason=reason) if reason else _("not known")


def _power(gpu: Gpu) -> str:
    if gpu.power_watts:
        return f"{gpu.power_watts:,.0f} W{f' ({gpu.power_note})' if gpu.power_note else ''}"
    return _why(gpu.unknown.power_watts) if gpu.unknown.power_watts else ""


def gpu_values(catalog: Catalog, gpu: Gpu) -> dict[str, Any]:
    """The entry as the catalogue has it; `cloud_price`, where the entry has none, is the cheapest hour of data/cloud.yaml."""
    values = gpu.model_dump(mode="json", exclude_none=True)
    rent = rents(catalog, gpu)
    for currency, field in (("USD", "usd"), ("CNY", "cny")):
        if currency in rent and not gpu.cloud_price:
            each, offer = rent[currency]
            text = f"{offer.provider} {offer.instance} {offer.region}"
            values.setdefault("cloud_price", {"text": text, "date": offer.price_date, "source": offer.source})[
                field
            ] = round(each, 4)
    return values


def _price(price: Price | None) -> str:
    """`$2,200-2,800 (2026-06-29; "2000+ used; 2200-2800 new")`."""
    if price is None:
        return ""
    amounts = [
        f"{sign}{low:,.0f}{f'-{high:,.0f}' if high else ''}"
        for sign, low, high in (("$", price.usd, price.usd_to), ("¥", price.cny, price.cny_to))
        if low
    ]
    amount = ", ".join(amounts)
    old = _("more than a year old") if is_old(price.date) else None
    about = "; ".join(
        filter(None, (price.date, old, f'"{price.text}"' if price.text and amount else None, price.source))
    )
    return f"{amount or price.text or ''}{f' ({about})' if about else ''}"
