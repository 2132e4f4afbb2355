"""What a part costs: which price that is, of when, and that an old one says so."""

from __future__ import annotations

import pytest

from qwenpick.catalog.accelerator import Gpu, Price
from qwenpick.catalog.load import load
from qwenpick.catalog.prices import dollars, gpu_price, is_old, priced, rent_words, rents


def part(**prices: Price) -> Gpu:
    return Gpu(
        id="x",
        name="X",
        vendor="nvidia",
        segment="consumer",
        status="shipping",
        source="https://x.org",
        checked="2026-11-28",
        **prices,
    )


def test_a_new_one_is_priced_before_a_used_one_and_before_what_it_once_cost() -> None:
    launch, used, street = (Price(usd=usd, date="2026-06-01") for usd in (700, 300, 500))
    assert gpu_price(part(launch_price=launch, used_price=used, street_price=street)) == (500, "street 2026-06-01")
    assert gpu_price(part(launch_price=launch, used_price=used)) == (300, "used 2026-06-01")
    assert gpu_price(part(launch_price=launch)) == (700, "launch 2026-06-01")
    assert priced(part()) is None and gpu_price(part()) == (None, None)


@pytest.mark.parametrize(
    ("day", "old"),
    [("2026-11-01", False), ("2025-12", False), ("2025-10", True), ("2025", False), ("2024", True), (None, True)],
)
def test_a_price_is_old_after_a_year(day: str | None, old: bool) -> None:
    assert is_old(day) is old  # the catalog is of November 2026


def test_an_old_price_shows_its_year() -> None:
    assert dollars(1999, "street 2026-09-30") == "$1,999"
    assert dollars(349, "street 2024-03") == "$349 (2024)"
    assert dollars(349, None) == "$349"


def test_a_used_price_is_never_called_new() -> None:
    for gpu in load().gpus.values():
        found = priced(gpu)
        if found and found.kind == "used":
            assert gpu.street_price is None and gpu.used_price is not None


def test_what_a_card_rents_for_is_an_offer_of_whole_cards() -> None:
    catalog = load()
    found = rents(catalog, catalog.gpus["a10g"])
    each, offer = found["USD"]
    assert offer.gpu == "a10g" and each == pytest.approx((offer.usd_per_hour or 0) / offer.count)
    assert rent_words(catalog, catalog.gpus["a10g"]).startswith(
        f"${each:,.2f} an hour ({offer.provider} {offer.instance}, "
    )
    assert "¥" in rent_words(catalog, catalog.gpus["a10"]) and set(rents(catalog, catalog.gpus["a10"])) == {
        "USD",
        "CNY",
    }
    assert rent_words(catalog, catalog.gpus["rtx-3060-8gb"]) == ""
