"""llama.cpp on cards that people report about: what their drivers' numbers were. Source: sudoingX/qwen38-mtp c7bc415 (2026) and its sweeps."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import Answer, fit
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import parse_cache
from qwenpick.recommending.request import Request
from qwenpick.units import GIB, MIB

MTP2: dict[str, object] = {"spec_type": "draft-mtp", "draft_n_max": 2}


def answered(
    catalog: Catalog, card: str, quant: str, context: int, options: dict[str, object], cache: str = "q4_0"
) -> Answer:
    box = simulate(catalog, [card], None, 64 * GIB, False)
    asked = Request(runtime="llamacpp", quant=quant, context=context, kv_cache=parse_cache(cache), options=options)
    return fit(catalog, box, catalog.models["qwen3.8-27b"], asked)


# (card, format, context, cache, options, MiB that the driver reported)
REPORTS: list[tuple[str, str, int, str, dict[str, object], float]] = [
    ("rtx 3090", "Q4_K_M", 131072, "q4_0", {}, 18856),
    ("rtx 3090 ti", "Q4_K_M", 262144, "q4_0", {}, 21786),
    ("v100 32gb", "Q4_K_M", 32768, "f16", {}, 18022),
    ("v100 32gb", "Q4_K_M", 32768, "f16", MTP2, 18864),
    ("rtx 5060 ti 16gb", "IQ4_XS", 32768, "q4_0", {}, 15188),
    ("rtx 5060 laptop", "IQ4_XS", 65536, "q4_0", {"n_gpu_layers": 25}, 6796),
    ("rtx 5060 laptop", "IQ4_XS", 65536, "q4_0", {"n_gpu_layers": 25, **MTP2}, 7540),
]


@pytest.mark.parametrize(("card", "quant", "context", "cache", "options", "measured"), REPORTS)
def test_the_drivers_number_on_consumer_cards_is_within_two_percent(
    catalog: Catalog, card: str, quant: str, context: int, cache: str, options: dict[str, object], measured: float
) -> None:
    plan = answered(catalog, card, quant, context, options, cache).plan
    assert sum(place.need for place in plan.places if place.where != "ram") / MIB == pytest.approx(measured, rel=0.02)


def test_a_16_gb_blackwell_card_holds_what_it_was_seen_to_hold_and_no_more(catalog: Catalog) -> None:
    verdicts = [
        answered(catalog, "rtx 5060 ti 16gb", quant, 32768, {**options, "n_gpu_layers": 99}).plan.verdict
        for quant, options in (("IQ4_XS", {}), ("IQ4_XS", {**MTP2, "draft_n_max": 4}), ("IQ4_NL", {}))
    ]
    assert [verdict != "no" for verdict in verdicts] == [True, False, False]


def test_a_laptops_display_is_not_on_its_card(catalog: Catalog) -> None:
    assert answered(catalog, "rtx 5060 laptop", "IQ4_XS", 65536, {"n_gpu_layers": 25, **MTP2}).plan.verdict != "no"
    (card,) = simulate(catalog, ["rtx 5060 laptop"], None, 64 * GIB, False).devices
    assert not card.display
