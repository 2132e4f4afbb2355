"""How people who measured run their models, by kind of box: which engine, which format, and what is given up to fit."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import fit
from qwenpick.launch import launch, run_of, visible_devices
from qwenpick.machine.hardware import Machine
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.planning.plan import Plan
from qwenpick.recommending.answer import recommend
from qwenpick.recommending.request import Request
from qwenpick.recommending.scoring import kept_of_cache
from qwenpick.recommending.search.cache_format import smaller_caches
from qwenpick.units import GIB
from tests.conftest import mostly_slow


def box(catalog: Catalog, gpu: str, ram: int | None = 64) -> Machine:
    return simulate(catalog, [gpu], None, ram * GIB if ram else None, False)


def planned(catalog: Catalog, model: str, gpu: str, request: Request, ram: int | None = 64) -> Plan:
    plan = fit(catalog, box(catalog, gpu, ram), catalog.models[model], request).plan
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    ("gpu", "users", "engine", "format_name"),
    [
        ("rtx 3090", 1, "llamacpp", "Q4_K_M"),  # one person on one card
        ("2x rtx 3090", 1, "vllm", "gptq-int4"),  # AutoRound, whose MTP block drafts
        ("l40s", 1, "vllm", "fp8"),  # the maker's FP8, which the card has units for
        ("3x rtx 3090", 1, "llamacpp", "Q4_K_M"),  # three GPUs share no tensors
    ],
)
def test_engine_and_format_are_those_of_the_kind_of_box(
    catalog: Catalog, gpu: str, users: int, engine: str, format_name: str
) -> None:
    plan = planned(catalog, "qwen3.8-27b", gpu, Request(task="chat", users=users))
    assert (plan.runtime, plan.checkpoint.format) == (engine, format_name)


def test_a_card_that_is_just_large_enough_is_served_from_lean(catalog: Catalog) -> None:
    request = Request(task="chat", users=8, runtime="vllm")
    plan = planned(catalog, "qwen3.5-2b", "rtx 3070", request)
    assert plan.work.options == {"language_model_only": True, "max_num_seqs": 8}
    started = launch(run_of(plan, None, visible_devices(plan.placement, box(catalog, "rtx 3070"))))
    assert "--language-model-only" in started.serve.line() and "--max-num-seqs 8" in started.serve.line()


@pytest.mark.parametrize(
    ("gpu", "publisher"),
    [
        ("rtx pro 6000 blackwell workstation", "Inferact"),  # vLLM's own recipe: it leaves most in 16 bits
        ("rtx 5090", "unsloth"),  # 3 GB lighter, which leaves room for the cache and for drafts
    ],
)
def test_where_the_preferred_file_does_not_fit_the_next_smaller_of_its_format_is_planned_by_every_command(
    catalog: Catalog, gpu: str, publisher: str
) -> None:
    request, machine = Request(task="coding", quant="nvfp4"), box(catalog, gpu)
    plan = planned(catalog, "qwen3.8-27b", gpu, request)
    assert plan.checkpoint.repo == f"{publisher}/Qwen3.8-27B-NVFP4" and plan.verdict == "fits"
    assert plan.file is not None and plan.file.repository == plan.checkpoint.repo
    line = launch(run_of(plan, None, visible_devices(plan.placement, machine))).serve.line()
    assert f"vllm serve {plan.checkpoint.repo}" in line
    picks = [pick.plan for pick in recommend(catalog, machine, request, 3).picks]
    assert plan.checkpoint in [pick.checkpoint for pick in picks if pick.model.id == "qwen3.8-27b"]


def test_eight_bits_on_ampere_are_integers_which_it_has_units_for(catalog: Catalog) -> None:
    formats = [
        planned(
            catalog, "qwen3.5-9b", gpu, Request(task="chat", users=4, quant="8bit", runtime="vllm")
        ).checkpoint.format
        for gpu in ("rtx 3090", "rtx 4090")
    ]
    assert formats == ["gptq-int8", "fp8"]


def test_small_things_are_left_to_towers_that_see_them(catalog: Catalog) -> None:
    machine = box(catalog, "rtx 4060", 16)
    kinds = [pick.plan.model.kind for pick in recommend(catalog, machine, Request(task="detection"), 3).picks]
    assert "vision" in kinds
    assert "vision" not in [
        pick.plan.model.kind for pick in recommend(catalog, machine, Request(task="vision"), 3).picks
    ]


@pytest.mark.parametrize(
    ("gpu", "ram"), mostly_slow([("rtx 4090", 64), ("m2 pro 32gb", None), ("rtx 5090", 64), ("dgx spark", None)], 1)
)
def test_whoever_prefers_speed_gets_a_first_pick_that_is_no_slower(catalog: Catalog, gpu: str, ram: int | None) -> None:
    first = [
        recommend(catalog, box(catalog, gpu, ram), Request(task="chat", prefer=prefer), 1).picks[0].plan.speed
        for prefer in ("balanced", "speed")
    ]
    assert first[0] and first[1] and first[1].each.value >= first[0].each.value * 0.999


@pytest.mark.parametrize(
    ("gpu", "cache"),
    [
        ("rtx 5070 ti", "q4_0"),
        ("rx 7800 xt", "q4_0"),
        ("arc a770 16gb", "q8_0/q4_0"),
    ],  # only SYCL's build has a kernel for two types
)
def test_long_contexts_on_16_gb_take_the_cache_that_a_27b_stands(catalog: Catalog, gpu: str, cache: str) -> None:
    plan = planned(catalog, "qwen3.8-27b", gpu, Request(task="coding", context=131072))
    assert (plan.mode, str(plan.work.kv_cache)) == ("gpu", cache)
    assert plan.headroom >= 0


@pytest.mark.parametrize("model", ["qwen2.5-7b-instruct", "qwen3-8b", "qwen3.5-9b"])
def test_models_that_break_or_were_not_measured_get_no_four_bit_keys(catalog: Catalog, model: str) -> None:
    found = smaller_caches("llamacpp", catalog.models[model], catalog.architecture(catalog.models[model]))
    assert KvCache("q4_0", "q4_0") not in found
    assert (KvCache("q8_0", "q4_0") in found) == (model != "qwen2.5-7b-instruct")


def test_a_smaller_cache_has_its_cost_in_the_quality_and_in_the_sentence(catalog: Catalog) -> None:
    found = recommend(catalog, box(catalog, "rtx 3090", 32), Request(context=262144, series="Qwen3.8"), 3)
    pick = next(pick for pick in found.picks if str(pick.plan.work.kv_cache) == "q4_0")
    cost = 1 - kept_of_cache(pick.plan.architecture, pick.plan.work.kv_cache).value
    assert cost == pytest.approx(0.04) and 1 - pick.ranked.quality.kept > cost
    assert f"{pick.plan.checkpoint.format} with a cache in q4_0 costs" in pick.ranked.reason
