"""What a buyer is told first: the cheapest, the cheapest comfortable, the fastest for the money, rent against buy."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from qwenpick.buy.advice import Market, is_comfortable, look, pace
from qwenpick.catalog import Catalog, find_model
from qwenpick.recommending.request import Request
from tests.conftest import Run


@pytest.fixture(scope="module")
def market(catalog: Catalog) -> Market:
    return look(catalog, find_model(catalog, "qwen3.8-27b"), Request(runtime="llama.cpp"), budget=1500)


def test_nothing_offered_is_cheaper_than_the_cheapest_or_faster_than_the_fastest(market: Market) -> None:
    told = market.advice
    assert told
    assert told.cheapest
    assert told.fastest
    assert market.offers
    assert all((told.cheapest.price or 0) <= (one.price or 0) <= 1500 for one in market.offers)
    assert all(pace(one.plan, told.task) <= pace(told.fastest.plan, told.task) for one in market.offers)


def test_the_comfortable_one_is_as_fast_as_people_call_comfortable_and_none_cheaper_is(market: Market) -> None:
    told = market.advice
    assert told
    assert told.comfortable
    assert told.comfortable.plan.speed
    assert told.comfortable.plan.speed.each.value >= 20  # chat: 20 tokens/s are comfortable
    cheaper = [one for one in market.offers if (one.price or 0) < (told.comfortable.price or 0)]
    assert not any(is_comfortable(one.plan, told.task) for one in cheaper)


def test_rent_breaks_even_at_price_over_hour(market: Market) -> None:
    told = market.advice
    assert told
    assert told.rent
    assert told.bought
    assert told.break_even == pytest.approx((told.bought.price or 0) / (told.rent.offer.hour or 0))


def test_what_has_no_price_comes_last(catalog: Catalog) -> None:
    some = replace(catalog, gpus={name: catalog.gpus[name] for name in list(catalog.gpus)[::4]})
    found = look(some, find_model(catalog, "qwen3.8-27b"), Request(runtime="llama.cpp")).offers
    known = [one.price is not None for one in found]
    assert any(known) and not all(known)
    assert known == sorted(known, reverse=True)


def test_used_cards_are_offered_at_used_prices(qwenpick: Run) -> None:
    new = json.loads(qwenpick("plan", "qwen3.8-27b", "--budget", "1200", "--json").out)["offers"]
    used = json.loads(qwenpick("plan", "qwen3.8-27b", "--budget", "$1,200", "--used", "--json").out)["offers"]
    assert "rtx-3090" not in {one["gpu"] for one in new}  # no longer made
    (card,) = (one for one in used if one["gpu"] == "rtx-3090")
    assert card["price_usd"] == 1000
    assert card["price_note"].startswith("used 2026")


def test_the_plan_begins_with_what_to_buy(qwenpick: Run) -> None:
    first = qwenpick("plan", "qwen3-8b", "--budget", "1500").out.splitlines()
    assert first[0].startswith("Qwen3-8B: cheapest")
    assert first[1].startswith("fastest within $1,500: ")


def test_too_small_a_budget_names_the_cheapest(qwenpick: Run) -> None:
    answer = qwenpick("plan", "qwen3-8b", "--budget", "10")
    assert answer.code == 1
    assert "the cheapest that does is Arc B570, $219 (2025)" in answer.out
