"""What `gpus` prints: a row for each accelerator, or everything about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwenpick.catalog.accelerator import gpu_price
from qwenpick.i18n import N_, _
from qwenpick.render.report import Column, Line, Report, Table
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
            f"${price:,.0f}" if (price := gpu_price(g)[0]) else "",
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
    from qwenpick.catalog.gpus import variants

    others = [other.id for other in variants(catalog, gpu) if other.id != gpu.id]
    supported = {name: getattr(gpu.rates, f"{name}_supported") for name in ("bf16", "fp8", "fp4")}
    rows = [
        ("id", gpu.id),
        (_("made by"), f"{gpu.vendor}, {gpu.segment}{f', {gpu.generation}' if gpu.generation else ''}"),
        (_("reported as"), ", ".join(gpu.aliases)),
        ('PCI ids', ", ".join(gpu.pci_ids)),
        (_("target"), gpu.compute_capability or ""),
        (_("memory as sold"), _sold(gpu)),
        (_("memory as reported"), f"{format_bytes(gpu.usable_bytes)} ({gpu.usable_bytes // MIB:,} MiB)" if gpu.usable_bytes else ""),
        (_("how that is known"), gpu.usable_note or ""),
        (_("unified"), _("its memory is the machine's RAM") if gpu.unified else ""),
        (_("devices on a board"), str(gpu.devices_per_board) if gpu.devices_per_board > 1 else ""),
        (_("bandwidth"), f"{gpu.bandwidth / GB:,.1f} GB/s" if gpu.bandwidth else _("not known")),
        *((_(words), f"{rate / 1e12:,.1f} T/s") for name, words in RATES.items() if (rate := getattr(gpu.rates, name))),
        (_("FP16 rate from"), gpu.rates.fp16_basis or ""),
        (_("computes"), _(", ").join(_yes_or_no(name.upper(), has) for name, has in supported.items() if has is not None)),
        (_("power"), f"{gpu.power_watts:,.0f} W" if gpu.power_watts else ""),
        ('NVLink', f"{gpu.nvlink_bandwidth / GB:,.0f} GB/s" if gpu.nvlink_bandwidth else ""),
        ("PCIe", f"{gpu.pcie_generation}.0 x{gpu.pcie_lanes}" if gpu.pcie_generation and gpu.pcie_lanes else ""),
        (_("released"), gpu.released or ""),
        (_("status"), _(gpu.status)),
        (_("price at launch"), _price(gpu.launch_price)),
        (_("price on the street"), _price(gpu.street_price)),
        (_("price of an hour"), _price(gpu.cloud_price)),
        (_("variants"), ", ".join(others)),
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
    return _("that of the machine") if gpu.unified else _("not known")


def gpu_values(gpu: Gpu) -> dict[str, Any]:
    """The entry as the catalogue has it."""
    return gpu.model_dump(mode="json", exclude_none=True)


def _price(price: Price | None) -> str:
    """`$2,200-2,800 (2026-06-29; "2000+ used; 2200-2800 new")`."""
    if price is None:
        return ""
    amount = f"${price.usd:,.0f}{f'-{price.usd_to:,.0f}' if price.usd_to else ''}" if price.usd else ""
    about = "; ".join(filter(None, (price.date, f'"{price.text}"' if price.text and amount else None, price.source)))
    return f"{amount or price.text or ''}{f' ({about})' if about else ''}"
