"""What recommend leaves out, and that its answer does not depend on the order of the catalogue."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.machine.hardware import Machine
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization import FORMATS
from qwenpick.recommending.answer import Recommendation, recommend, speaks
from qwenpick.recommending.request import Request

GIB = 2**30


@pytest.fixture(scope="module")
def box(catalog: Catalog) -> Machine:
    return simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)


def ids(answer: Recommendation) -> list[str]:
    return [pick.plan.model.id for pick in answer.picks]


def test_shuffling_the_catalogue_prints_the_same_picks(catalog: Catalog, box: Machine) -> None:
    asked = Request(runtime="llama.cpp", quant="4bit")
    expected = recommend(catalog, box, asked)
    names = list(catalog.models)
    random.Random(7).shuffle(names)
    shuffled = replace(catalog, models={name: catalog.models[name] for name in names})
    again = recommend(shuffled, box, asked)
    assert [(p.plan.model.id, p.plan.checkpoint.format, p.ranked.score) for p in again.picks] == [
        (p.plan.model.id, p.plan.checkpoint.format, p.ranked.score) for p in expected.picks
    ]


def test_every_pick_fits_and_serves_the_task(catalog: Catalog, box: Machine) -> None:
    answer = recommend(catalog, box, Request("vision", quant="4bit", runtime="llama.cpp"), limit=20)
    assert answer.picks
    for pick in answer.picks:
        assert pick.plan.holds()
        assert "image" in pick.plan.model.inputs
        assert pick.plan.model.kind not in {"base", "embedding", "reranker", "guard"}
        assert pick.longest is None or pick.longest >= pick.plan.work.context


def test_commercial_use_leaves_out_what_its_licence_forbids(catalog: Catalog) -> None:
    small = simulate(catalog, ["rtx 3050 8gb"], None, 16 * GIB, False)
    answer = recommend(
        catalog,
        small,
        Request("chat", commercial=True, series="Qwen2.5", quant="4bit", runtime="llama.cpp"),
        limit=100,
        details=False,
    )
    assert {pick.plan.model.licence.commercial_use for pick in answer.picks} <= {"free", "free-under-threshold"}
    assert "qwen2.5-3b-instruct" not in ids(answer)
    assert "qwen2.5-3b-instruct" in ids(
        recommend(
            catalog,
            small,
            Request("chat", series="Qwen2.5", quant="4bit", runtime="llama.cpp"),
            limit=100,
            details=False,
        )
    )


def test_a_constraint_is_kept(catalog: Catalog, box: Machine) -> None:
    fast = recommend(catalog, box, Request(min_speed=60, quant="4bit", runtime="llama.cpp"), limit=12, details=False)
    assert all(pick.plan.speed and pick.plan.speed.each.value >= 60 for pick in fast.picks)
    long = recommend(
        catalog, box, Request(min_context=131072, quant="4bit", runtime="llama.cpp"), limit=12, details=False
    )
    assert all(pick.plan.work.context >= 131072 for pick in long.picks)
    series = recommend(
        catalog, box, Request(series="qwen3.5", quant="4bit", runtime="llama.cpp"), limit=12, details=False
    )
    assert {pick.plan.model.series for pick in series.picks} == {"Qwen3.5"}
    small = recommend(
        catalog, box, Request(max_disk=3 * 10**9, quant="4bit", runtime="llama.cpp"), limit=12, details=False
    )
    assert all(pick.plan.memory.of("weights") < 4 * 10**9 for pick in small.picks)


def test_what_was_left_out_is_counted_by_reason(catalog: Catalog, box: Machine) -> None:
    answer = recommend(catalog, box, Request("chat", quant="4bit", runtime="llama.cpp"))
    assert answer.left_out["weights not published"] == sum(not m.architecture for m in catalog.models.values())
    assert answer.left_out["not made for chat"] > 50


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Request("codeing"), "did you mean coding"),
        (Request(series="qwen4"), "did you mean"),
        (Request(quant="5bits"), "did you mean 5bit"),
        (Request(runtime="vlm"), "did you mean vllm"),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_the_nearest(
    catalog: Catalog, box: Machine, asked: Request, words: str
) -> None:
    with pytest.raises(QwenpickError, match=words):
        recommend(catalog, box, asked)


def test_a_gpu_that_could_not_be_read_is_not_taken_for_no_gpu(catalog: Catalog) -> None:
    with pytest.raises(HardwareUnreadableError):
        recommend(
            catalog, Machine(ram_total=64 * GIB, ram_free=64 * GIB, unreadable=("NVIDIA: no permission",)), Request()
        )


def test_a_language_that_does_not_exist_is_a_bad_request(catalog: Catalog, box: Machine) -> None:
    with pytest.raises(QwenpickError, match="there is no language 'klingon'"):
        recommend(catalog, box, Request(languages=("en", "klingon")), details=False)
    by_name, by_code = (
        recommend(catalog, box, Request(languages=said), details=False) for said in (("Thai",), ("th",))
    )
    assert by_name.picks == by_code.picks


def test_languages_are_read_from_what_the_card_states(catalog: Catalog) -> None:
    assert speaks(catalog.models["qwen3-8b"], "th")  # 119 languages
    assert speaks(catalog.models["qwen2.5-7b-instruct"], "ar")
    assert not speaks(catalog.models["qwen-7b-chat"], "ar")  # zh and en


@pytest.mark.parametrize(("task", "tower"), [("vision", True), ("video", True), ("audio", True), ("chat", False)])
def test_who_reads_pictures_or_sound_pays_for_the_tower(catalog: Catalog, box: Machine, task: str, tower: bool) -> None:
    answer = recommend(catalog, box, Request(task=task, runtime="llama.cpp", quant="4bit"))
    assert answer.picks
    for pick in answer.picks:
        assert any(part.name == "projector" for part in pick.plan.memory.parts) == tower


def test_who_shall_speak_runs_in_an_engine_that_has_the_talker(catalog: Catalog, box: Machine) -> None:
    picks = recommend(catalog, box, Request(task="omni")).picks
    assert picks
    for pick in picks:
        assert pick.plan.runtime == "transformers"
        assert any(part.name == "talker weights" for part in pick.plan.memory.parts)


def test_an_eight_bit_cache_is_tried_where_nobody_said_and_sixteen_do_not_fit(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 4080"], reserve=0)
    long = Request(context=81920, series="Qwen3.8", gpu_only=True)
    unsaid = recommend(catalog, box, long, details=False).picks[0].plan
    said = recommend(catalog, box, replace(long, kv_cache=KvCache()), details=False).picks[0].plan
    assert (unsaid.model.name, unsaid.work.kv_cache) == ("Qwen3.8-27B", KvCache("q8_0", "q8_0"))
    assert said.work.kv_cache == KvCache()
    assert FORMATS[unsaid.checkpoint.format].bits > FORMATS[said.checkpoint.format].bits
    short = recommend(catalog, box, Request(context=8192, series="Qwen3.8"), details=False).picks[0]
    assert short.plan.work.kv_cache == KvCache()


def test_a_table_that_is_read_from_the_mapped_file_needs_no_room(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 5090"], None, 32 * GIB, False)
    answer = recommend(catalog, box, Request(series="Qwen3.8", context=16384), details=False)
    assert "Qwen3.8-Flash-Next" in [pick.plan.model.name for pick in answer.picks]  # as `fit` says, in Q2_K
