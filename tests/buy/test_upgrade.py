"""Which Qwen each card gets one, and the steps up from one's own."""

from __future__ import annotations

import json

from qwenpick.buy.named import Cards
from qwenpick.buy.upgrade import WORTHWHILE, steps_up, which_qwen
from qwenpick.catalog import Catalog, find_gpu
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.answer import recommend
from qwenpick.recommending.request import Request
from tests.conftest import Run


def test_a_card_gets_what_recommend_picks_on_it_alone(catalog: Catalog) -> None:
    cards = [Cards(find_gpu(catalog, "rtx 3060")), Cards(find_gpu(catalog, "rtx 5090"))]
    found = which_qwen(catalog, cards, Request(task="coding"))
    for card, named in zip(found.cards, cards, strict=True):
        box = simulate(catalog, [named.gpu.id])
        best = recommend(catalog, box, Request(task="coding", gpu_only=True, least_bits=4), 1).picks[0]
        assert card.pick
        assert card.pick.plan.model.id == best.plan.model.id
        assert card.pick.plan.checkpoint == best.plan.checkpoint
    assert found.best is found.cards[1]


def test_every_step_up_costs_more_and_gets_more(catalog: Catalog) -> None:
    mine = simulate(catalog, ["rtx 3060"])
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


def test_several_of_a_card_are_compared_as_one_box_and_cost_as_many(qwenpick: Run) -> None:
    two, one = json.loads(qwenpick("compare", "2x rtx 3090", "rtx 5090", "--json").out)["cards"]
    assert (two["name"], one["name"]) == ("2 x GeForce RTX 3090", "GeForce RTX 5090")
    (single,) = json.loads(qwenpick("compare", "rtx 3090", "--json").out)["cards"]
    assert two["price_usd"] == 2 * single["price_usd"]
    assert len(two["plan"]["placement"]["devices"]) == 2
    for_model = qwenpick("compare", "2x rtx 3090", "rtx 5090", "--model", "qwen3-32b")
    assert for_model.code == 0 and "2 x GeForce RTX 3090" in for_model.out
    asked = qwenpick("plan", "qwen3-8b", "--gpu", "2x rtx 3090")
    assert asked.code == 2 and "name it once" in asked.err


def test_a_box_without_a_gpu_has_what_recommend_gives_it(qwenpick: Run) -> None:
    box = ("--cpu-only", "--ram", "32")
    shown = qwenpick("compare", "--upgrade", *box, "--budget", "1500")
    found = json.loads(qwenpick("compare", "--upgrade", *box, "--budget", "1500", "--json").out)["cards"]
    best = json.loads(qwenpick("recommend", *box, "-n", "1", "--json").out)["boxes"][0]["picks"][0]["plan"]
    assert found[0]["name"] == "CPU" and found[0]["plan"]["model"] == best["model"]
    assert found[0]["plan"]["speed"] == best["speed"]
    assert len(found) > 1 and all(card["points_gained"] is not None and card["times_as_fast"] for card in found[1:])
    assert "the CPU in RAM" in shown.out and "nothing usable" not in shown.out


def test_compare_leaves_room_and_stays_on_the_gpu_as_fit_does(qwenpick: Run) -> None:
    box = ("--gpu", "rtx 4060 8gb", "--ram", "64")
    for option in ("--strict", "--gpu-only"):
        sides = json.loads(qwenpick("compare", "qwen3-30b-a3b", "qwen3.5-9b", *box, option, "--json").out)["models"]
        for side in sides:
            alone = json.loads(qwenpick("fit", side["model"], *box, option, "--json").out)
            assert side["fits"] == alone["fits"] and side["plan"]["format"] == alone["format"]


def test_options_of_a_box_are_refused_where_each_card_is_one(qwenpick: Run) -> None:
    for option in (["--gpu", "rtx 5090"], ["--vram", "24"], ["--cpu-only"], ["--nodes", "2"], ["--gpu-only"]):
        for names in (["rtx 3060", "rtx 4090", "--model", "qwen3-8b"], ["rtx 3060", "rtx 4090"]):
            refused = qwenpick("compare", *names, *option)
            assert refused.code == 2 and option[0] in refused.err


def test_what_is_slower_than_asked_or_cannot_think_as_asked_is_said(qwenpick: Run) -> None:
    box = ("qwen3-30b-a3b", "qwen2.5-7b-instruct", "--gpu", "rtx 4090", "--ram", "64")
    slow = qwenpick("compare", *box, "--min-speed", "2000")
    assert "slower than the 2000" in " ".join(slow.out.split())
    thinks = qwenpick("compare", *box, "--thinking", "yes", "--json")
    found = json.loads(thinks.out)
    assert found["best"] == "qwen3-30b-a3b" and "does not think" in found["models"][1]["left_out"]
    cards = json.loads(qwenpick("compare", "rtx 3060", "--model", "qwen3-8b", "--min-speed", "2000", "--json").out)
    assert cards["gpus"][0]["plan"] is None
