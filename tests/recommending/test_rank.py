"""The order of plans: total, explainable, and what people who measured would say."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import cast

import pytest

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.machine.simulate import simulate
from qwenpick.memory.account import Part, memory
from qwenpick.memory.bands import band
from qwenpick.memory.cache import KvCache
from qwenpick.planning.plan import Plan
from qwenpick.planning.verdict import Place
from qwenpick.recommending.rank import Ranked, explain, rank
from qwenpick.recommending.scoring import PREFERENCES, cache_family
from qwenpick.recommending.tasks import TASKS
from qwenpick.speed import Band, Speed
from qwenpick.speed.estimate import Generation
from qwenpick.units import GIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

GENERATION = cast("Generation", None)  # ranking does not look at other depths


def a_speed(decode: float, prefill: float = 2000.0) -> Speed:
    def around(value: float) -> Band:
        return Band(value, value * 0.8, value * 1.2)

    return Speed(
        around(decode),
        around(prefill),
        around(1.0),
        around(decode),
        around(decode),
        1000,
        1000,
        1,
        GENERATION,
    )


@pytest.fixture(scope="module")
def device(catalog: Catalog):  # type: ignore[no-untyped-def]
    return simulate(catalog, ["rtx 4090"]).devices[0]


@pytest.fixture(scope="module")
def plan(catalog: Catalog, device):  # type: ignore[no-untyped-def]
    """A plan on one GPU that holds, with the speed that is said."""

    def make(model: str, decode: float | None, fmt: str = "Q4_K_M", **changes: object) -> Plan:
        entry = catalog.models[model]
        assert entry.parameters
        size = entry.parameters.total * 5 // 8
        made = Plan(
            entry, catalog.architecture(entry), Checkpoint(format=fmt), "llamacpp", Serving(16384), Placement((device,)),
            memory([Part("weights", size, "gpu0", "", "weights"), Part("kv cache", GIB, "gpu0", "", "kv cache")]),
            (Place("gpu0", "GPU", size + GIB, 200 * GIB, 200 * GIB),), "fits", "", band("llamacpp"),
            a_speed(decode) if decode else None,
        )  # fmt: skip
        return replace(made, **changes)  # type: ignore[arg-type]

    return make


def ids(ranked: list[Ranked]) -> list[str]:
    return [row.plan.model.id for row in ranked]


def test_shuffling_the_plans_gives_the_same_list(plan) -> None:  # type: ignore[no-untyped-def]
    models = (
        "qwen3.8-27b",
        "qwen3.6-27b",
        "qwen3.5-27b",
        "qwen3.6-35b-a3b",
        "qwen3.5-9b",
        "qwen3.5-4b",
        "qwen3-8b",
        "qwen3-8b",
        "qwen3-4b",
    )
    plans = [plan(model, 30.0, fmt) for model, fmt in itertools.product(models, ("Q4_K_M", "Q5_K_M", "Q8_0"))]
    first = rank(plans, TASKS["chat"])
    for seed in range(10):
        random.Random(seed).shuffle(plans)
        assert rank(plans, TASKS["chat"]) == first


def test_there_is_one_row_a_model_and_its_parts_add_up(plan) -> None:  # type: ignore[no-untyped-def]
    ranked = rank(
        [plan("qwen3.8-27b", 40, "Q4_K_M"), plan("qwen3.8-27b", 30, "Q6_K"), plan("qwen3.5-9b", 90)], TASKS["coding"]
    )
    assert ids(ranked) == ["qwen3.8-27b", "qwen3.5-9b"]
    assert [row.place for row in ranked] == [1, 2]
    assert all(sum(row.parts.values()) == pytest.approx(row.score) for row in ranked)


def test_what_cannot_do_the_task_or_does_not_fit_is_not_ranked(plan) -> None:  # type: ignore[no-untyped-def]
    plans = [plan("qwen3-32b", 40), plan("qwen3.8-27b", 40, verdict="no"), plan("qwen3.5-9b", 90)]
    assert ids(rank(plans, TASKS["vision"])) == ["qwen3.5-9b"]


def test_a_superseded_generation_stands_behind_and_says_by_whom(plan) -> None:  # type: ignore[no-untyped-def]
    ranked = rank([plan("qwen3.6-27b", 40), plan("qwen3.8-27b", 40), plan("qwen3.5-9b", 100)], TASKS["chat"])
    assert ids(ranked) == ["qwen3.8-27b", "qwen3.5-9b", "qwen3.6-27b"]
    assert ranked[2].outdone_by == "Qwen3.8-27B"
    assert "Qwen3.8-27B is better, no larger and no slower" in ranked[2].reason


def test_the_dense_27b_wins_on_a_fast_card_and_the_mixture_where_bandwidth_is_short(plan) -> None:  # type: ignore[no-untyped-def]
    # decode tokens/s measured on one RTX 3090 (61.6 and 112.9) and on Strix Halo (11.8 and 45.5)
    fast = rank([plan("qwen3.8-27b", 61.6), plan("qwen3.6-35b-a3b", 112.9)], TASKS["coding"])
    slow = rank([plan("qwen3.8-27b", 11.8), plan("qwen3.6-35b-a3b", 45.5)], TASKS["coding"])
    assert ids(fast) == ["qwen3.8-27b", "qwen3.6-35b-a3b"]
    assert ids(slow) == ["qwen3.6-35b-a3b", "qwen3.8-27b"]


def test_both_answers_are_labelled_where_quality_and_speed_differ(plan) -> None:  # type: ignore[no-untyped-def]
    ranked = rank([plan("qwen3.8-27b", 61.6), plan("qwen3.6-35b-a3b", 112.9)], TASKS["coding"])
    assert ["best quality" in row.labels for row in ranked] == [True, False]
    assert ["best speed" in row.labels for row in ranked] == [False, True]


def test_an_unknown_speed_is_never_ranked_as_fast(plan) -> None:  # type: ignore[no-untyped-def]
    known, unknown = plan("qwen3.8-27b", 20.0, "Q4_K_M"), plan("qwen3.8-27b", None, "Q4_K_M")
    (row,) = rank([unknown, known], TASKS["coding"])
    assert row.plan is known
    (alone,) = rank([unknown], TASKS["coding"])
    assert not alone.usable and "speed not known" in alone.reason


def test_a_speed_floor_leaves_out_what_is_slower_or_not_known(plan) -> None:  # type: ignore[no-untyped-def]
    plans = [plan("qwen3.8-27b", 19.0), plan("qwen3.6-35b-a3b", 90.0), plan("qwen3.5-9b", None)]
    assert ids(rank(plans, TASKS["chat"], min_speed=20)) == ["qwen3.6-35b-a3b"]


def test_too_slow_is_said(plan) -> None:  # type: ignore[no-untyped-def]
    (row,) = rank([plan("qwen3.8-27b", 2.0)], TASKS["coding"])
    assert not row.usable and "too slow for coding" in row.reason


def test_thinking_is_switched_on_where_the_box_is_fast_enough(plan) -> None:  # type: ignore[no-untyped-def]
    assert rank([plan("qwen3.8-27b", 100.0)], TASKS["chat"])[0].effort == "low"
    assert rank([plan("qwen3.8-27b", 8.0)], TASKS["chat"])[0].effort == "off"
    assert rank([plan("qwen3.8-27b", 100.0)], TASKS["chat"], thinking="no")[0].effort == "off"


def test_a_tune_does_not_outrank_the_model_it_was_tuned_from(plan) -> None:  # type: ignore[no-untyped-def]
    assert ids(rank([plan("qwen3-4b-saferl", 90), plan("qwen3-4b", 90)], TASKS["chat"])) == [
        "qwen3-4b",
        "qwen3-4b-saferl",
    ]


def test_two_bits_of_a_27b_do_not_beat_four_of_a_9b(plan) -> None:  # type: ignore[no-untyped-def]
    ranked = rank([plan("qwen3.8-27b", 60.0, "IQ2_M"), plan("qwen3.5-9b", 90.0, "Q4_K_M")], TASKS["chat"])
    assert ids(ranked) == ["qwen3.5-9b", "qwen3.8-27b"]


def test_a_four_bit_cache_ruins_qwen2_5_but_not_qwen3_5(plan) -> None:  # type: ignore[no-untyped-def]
    small = Serving(16384, kv_cache=KvCache("q4_0", "q4_0"))
    ranked = rank([plan("qwen2.5-7b-instruct", 90, work=small), plan("qwen3.5-9b", 90, work=small)], TASKS["chat"])
    assert [row.kept.value > 0.9 for row in ranked] == [True, False]
    assert ranked[1].quality.value == 0


def test_a_tight_plan_stands_behind_the_same_one_with_room(plan) -> None:  # type: ignore[no-untyped-def]
    roomy, tight = plan("qwen3.5-9b", 90), plan("qwen3.5-9b", 90, verdict="tight")
    (row,) = rank([tight, roomy], TASKS["chat"])
    assert row.plan is roomy


@pytest.mark.parametrize("prefer", PREFERENCES)
def test_every_preference_gives_a_total_order(plan, prefer: str) -> None:  # type: ignore[no-untyped-def]
    plans = [
        plan(model, speed) for model, speed in (("qwen3.8-27b", 40), ("qwen3.6-35b-a3b", 110), ("qwen3.5-4b", 150))
    ]
    ranked = rank(plans, TASKS["chat"], prefer=prefer)  # type: ignore[arg-type]
    scores = [row.score for row in ranked]
    assert scores == sorted(scores, reverse=True)


def test_preferring_speed_or_size_moves_the_first_place(plan) -> None:  # type: ignore[no-untyped-def]
    plans = [plan("qwen3.8-27b", 25), plan("qwen3.6-35b-a3b", 110), plan("qwen3.5-4b", 150)]
    assert ids(rank(plans, TASKS["coding"], prefer="quality"))[0] == "qwen3.8-27b"
    assert ids(rank(plans, TASKS["coding"], prefer="speed"))[0] == "qwen3.6-35b-a3b"
    assert ids(rank(plans, TASKS["chat"], prefer="small"))[0] == "qwen3.5-4b"


def test_the_explanation_names_the_parts_that_decide(plan) -> None:  # type: ignore[no-untyped-def]
    first, second = rank([plan("qwen3.8-27b", 61.6), plan("qwen3.6-35b-a3b", 112.9)], TASKS["coding"])
    told = explain(first, second)
    assert told.startswith("Qwen3.6-35B-A3B is ") and "behind Qwen3.8-27B: quality -" in told and "speed +" in told


def test_the_cache_family_follows_the_attention(catalog: Catalog) -> None:
    families = {m: cache_family(catalog.architectures[m]) for m in ("qwen-7b", "qwen2-7b", "qwen3-8b", "qwen3.5-9b")}
    assert families == {"qwen-7b": "mha", "qwen2-7b": "qkv-bias", "qwen3-8b": "qk-norm", "qwen3.5-9b": "hybrid"}


def test_nothing_to_rank_is_an_empty_list() -> None:
    assert rank([], TASKS["chat"]) == []


def test_a_model_that_another_outdoes_is_not_called_the_best_in_anything(plan) -> None:  # type: ignore[no-untyped-def]
    ranked = rank([plan("qwen3.6-35b-a3b", None), plan("qwen3.5-35b-a3b", None)], TASKS["chat"])
    outdone = [row for row in ranked if row.outdone_by]
    assert [row.plan.model.id for row in outdone] == ["qwen3.5-35b-a3b"]
    assert not any(row.labels for row in outdone)
