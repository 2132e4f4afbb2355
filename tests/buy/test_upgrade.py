"""Which Qwen each card gets one, and the steps up from one's own."""

from __future__ import annotations

import json
from collections.abc import Callable

from qwenpick.buy.upgrade import WORTHWHILE, steps_up, which_qwen
from qwenpick.catalog import Catalog, find_gpu
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.answer import recommend
from qwenpick.recommending.request import Request
from tests.conftest import Result

Run = Callable[..., Result]


def test_a_card_gets_what_recommend_picks_on_it_alone(catalog: Catalog) -> None:
    cards = [find_gpu(catalog, "rtx 3060"), find_gpu(catalog, "rtx 5090")]
    found = which_qwen(catalog, cards, Request(task="coding"))
    for card, gpu in zip(found.cards, cards, strict=True):
        box = simulate(catalog, [gpu.id], None, None, False)
        best = recommend(catalog, box, Request(task="coding", gpu_only=True, least_bits=4), 1).picks[0]
        assert card.pick
        assert card.pick.plan.model.id == best.plan.model.id
        assert card.pick.plan.checkpoint == best.plan.checkpoint
    assert found.best is found.cards[1]


def test_every_step_up_costs_more_and_gets_more(catalog: Catalog) -> None:
    mine = simulate(catalog, ["rtx 3060"], None, None, False)
    found = steps_up(catalog, mine, Request(series="Qwen3.5"), budget=2000)
    assert len(found.cards) > 1
    own, *steps = found.cards
    assert own.price is None
    for below, above in zip(found.cards, steps, strict=False):
        assert above.score >= below.score + WORTHWHILE
        assert (below.price or 0) <= (above.price or 0) <= 2000


def test_names_of_gpus_need_no_model(qwenpick: Run) -> None:
    answer = qwenpick("compare", "rtx 3060", "rtx 5090", "--task", "coding")
    assert answer.code == 0
    assert answer.out.startswith("For coding the GeForce RTX 5090 gets you the most: ")


def test_an_upgrade_is_set_beside_the_card_at_hand(qwenpick: Run) -> None:
    answer = json.loads(qwenpick("compare", "rtx 5090", "--upgrade", "--gpu", "rtx 3060", "--json").out)
    assert answer["upgrade"]
    assert [card["name"] for card in answer["cards"]] == ["GeForce RTX 3060 12GB", "GeForce RTX 5090"]
    assert answer["cards"][1]["points_gained"] > 0
    assert answer["cards"][1]["times_as_fast"] > 1


def test_models_with_gpus_are_refused(qwenpick: Run) -> None:
    for names in (("qwen3-8b", "rtx 3060"), ("rtx 3060", "qwen3-8b")):
        assert qwenpick("compare", *names).code == 2


def test_models_side_by_side_begin_with_which_to_take(qwenpick: Run) -> None:
    answer = qwenpick("compare", "qwen3-8b", "qwen3.5-9b", "--gpu", "rtx 3060")
    assert answer.out.startswith("For chat take Qwen3.5-9B: quality ")
    said = json.loads(qwenpick("compare", "qwen3-8b", "qwen3.5-9b", "--gpu", "rtx 3060", "--json").out)
    assert said["best"] == "qwen3.5-9b"
    assert all(side["quality"] and side["seconds_to_answer"] for side in said["models"])


def test_models_for_different_work_get_no_verdict(qwenpick: Run) -> None:
    answer = qwenpick("compare", "qwen3-8b", "qwen3-embedding-0.6b", "--gpu", "rtx 3060")
    assert answer.out.startswith("They are made for different work")
