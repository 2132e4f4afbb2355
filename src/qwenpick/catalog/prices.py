"""What an accelerator costs: new, used, at its launch, by the hour. Each with its day, and with it in sight once it is older than a year.

A price's age is counted to the catalogue's date, not to today: the same question has the same answer on any day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.catalog.accelerator import ON_SALE, Gpu, Price
from qwenpick.catalog.entries import records
from qwenpick.catalog.read import data_date
from qwenpick.i18n import N_, _
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog.load import Catalog
    from qwenpick.catalog.offer import CloudOffer

# The first that is known is the price: what one pays for a new part now, for a used one, what it once cost.
KINDS = (("street_price", N_("street")), ("used_price", N_("used")), ("launch_price", N_("launch")))
YEAR = 365  # days


@dataclass(frozen=True, slots=True)
class Priced:
    """What one costs in USD, which price that is (street, used, launch) and of when."""

    usd: float
    kind: str
    date: str | None

    @property
    def note(self) -> str:
        """`street 2026-01-24`."""
        return f"{_(self.kind)} {self.date or _('undated')}"


def priced(gpu: Gpu, *, used: bool = False) -> Priced | None:
    """The price of one; None where none is known.

    With `used` a used one's goes first, and what a part that is no longer made once cost says nothing.
    """
    kinds = sorted(KINDS, key=lambda kind: kind[0] != "used_price") if used else KINDS
    for field, word in kinds:
        if used and field == "launch_price" and gpu.status == "discontinued":
            continue
        price: Price | None = getattr(gpu, field)
        if price and price.usd:
            return Priced(price.usd, word, price.date)
    return None


def gpu_price(gpu: Gpu, *, used: bool = False) -> tuple[float | None, str | None]:
    """(USD of one, what that price is and of when): the street price where one is known, else a used one's, else the launch price; see `priced`."""
    found = priced(gpu, used=used)
    return (found.usd, found.note) if found else (None, None)


def on_sale(catalog: Catalog, *, used: bool) -> list[Gpu]:
    """What one can buy, laptops apart: what is made now, and with `used` what was sold once."""
    states = {"shipping", "discontinued"} if used else {"shipping"}
    return [gpu for gpu in catalog.gpus.values() if gpu.status in states and gpu.segment in ON_SALE]


def dollars(usd: float, note: str | None) -> str:
    """`$1,999`; with its year once that is more than a year before the catalogue's date: `$349 (2025)`."""
    day = note.rsplit(" ", 1)[-1] if note else None
    return f"${usd:,.0f}{f' ({day[:4]})' if day and is_old(day) else ''}"


def is_old(day: str | None) -> bool:
    """Whether a day is more than a year before the catalogue's date; a month or a year counts by its last day, an undated price is old."""
    from datetime import date

    if not day or not day[:4].isdigit():
        return True
    year, month, of_month = (*(int(part) for part in day.split("-")), 0, 0)[:3]
    last = date(year, month or 12, of_month or 28)
    return (date.fromisoformat(data_date()) - last).days > YEAR


def rents(catalog: Catalog, gpu: Gpu) -> Mapping[str, tuple[float, CloudOffer]]:
    """The cheapest hour of one GPU by currency (USD, CNY) and who offers it: whole GPUs, on demand, recent prices before old ones."""
    found: dict[str, tuple[bool, float, str]] = {}
    for offer_id, record in records(catalog.cloud).items():
        count = record.get("count") or 0
        if record.get("gpu") != gpu.id or count < 1 or record.get("gpu_bytes"):
            continue
        price, currency = record.get("usd_per_hour"), "USD"
        if not price:
            price, currency = record.get("native_price"), record.get("currency") or ""
        if price and currency:
            offered = (is_old(record["price_date"]), price / count, offer_id)
            found[currency] = min(found.get(currency, offered), offered)
    return {currency: (each, catalog.cloud[offer_id]) for currency, (_old, each, offer_id) in sorted(found.items())}


def rent_words(catalog: Catalog, gpu: Gpu) -> str:
    """`$1.01 an hour (AWS g5.xlarge, us-east-1, 2026-07-20); ¥10.09 …`, or ''."""
    signs = {"USD": "$", "CNY": "¥"}
    return "; ".join(
        _(
            "{price} an hour ({provider} {instance}, {region}, {day})",
            price=f"{signs.get(currency, currency + ' ')}{each:,.2f}",
            provider=offer.provider,
            instance=offer.instance,
            region=offer.region,
            day=offer.price_date,
        )
        for currency, (each, offer) in sorted(rents(catalog, gpu).items(), reverse=True)
    )
