"""The fitted abilities, and what they are worth for a task after quantization."""

from __future__ import annotations

import json

import pytest

from qwenpick.catalog import Catalog
from qwenpick.catalog.read import data_directory
from qwenpick.recommending.quality import load_abilities, quality
from qwenpick.recommending.quantization_loss import retention
from qwenpick.recommending.tasks import TASKS

ABILITIES = load_abilities()


def ability(model: str, capability: str) -> float:
    found = ABILITIES.of(model, capability)
    assert found is not None
    return found.value


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("qwen3.8-27b", "qwen3.6-27b"),
        ("qwen3.6-27b", "qwen3.5-27b"),
        ("qwen3.5-27b", "qwen3-32b"),
        ("qwen3.6-27b", "qwen3.6-35b-a3b"),  # dense above a mixture of the same size
        ("qwen3.6-35b-a3b", "qwen3.5-35b-a3b"),
        ("qwen3.8-flash-next", "qwen3.8-27b"),
        ("qwen3.8-2.4t-a95b", "qwen3.8-flash-next"),
        ("qwen3.5-9b", "qwen3.5-4b"),
        ("qwen3.5-4b", "qwen3.5-2b"),  # 2B has no score of its own
        ("qwen3.5-9b", "qwen3-8b"),
        ("qwen3-8b", "qwen2.5-7b-instruct"),
        ("qwen2.5-7b-instruct", "qwen1.5-7b-chat"),
        ("qwen3-235b-a22b", "qwen3-30b-a3b"),
    ],
)
def test_newer_and_larger_models_are_abler(better: str, worse: str) -> None:
    for capability in ("reasoning", "agents"):
        assert ability(better, capability) > ability(worse, capability), capability


def test_coders_are_better_at_code_than_their_general_twins_of_one_mode() -> None:
    # both without thinking, both of 2025: Qwen3-Coder-480B and Qwen3-30B-A3B-Instruct-2507
    assert ability("qwen3-coder-480b-a35b-instruct", "code") > ability("qwen3-30b-a3b-instruct-2507", "code")


def test_every_model_with_counted_parameters_has_abilities(catalog: Catalog) -> None:
    missing = [
        m.id for m in catalog.models.values() if m.open_weights and m.parameters and m.id not in ABILITIES.models
    ]
    assert missing == []


def test_no_ability_belongs_to_a_name_without_open_weights(catalog: Catalog) -> None:
    assert [name for name in ABILITIES.models if not catalog.models[name].open_weights] == []


def test_vision_is_an_ability_of_models_that_see(catalog: Catalog) -> None:
    assert all("image" in catalog.models[name].inputs for name, entry in ABILITIES.models.items() if "vision" in entry)


def test_a_model_without_scores_is_marked_inferred_and_less_certain() -> None:
    guessed, known = ABILITIES.of("qwen3.5-2b", "knowledge"), ABILITIES.of("qwen3.5-4b", "knowledge")
    assert guessed and known
    assert guessed.inferred and not guessed.tests and not guessed.sources
    assert not known.inferred and "mmlu-pro" in known.tests and known.sources
    assert guessed.deviation > known.deviation


def test_every_source_and_test_that_is_named_exists() -> None:
    content = json.loads((data_directory() / "abilities.json").read_text(encoding="utf-8"))
    for entry in content["models"].values():
        for capability, found in entry.items():
            assert all(content["tests"][test]["capability"] == capability for test in found["tests"])
            assert all(0 <= number < len(content["sources"]) for number in found["sources"])


def test_thinking_helps_reasoning_more_than_knowledge() -> None:
    assert ABILITIES.gain["reasoning"] > ABILITIES.gain["knowledge"] > 0


def test_points_are_a_share_of_the_current_tests() -> None:
    # one ability at the reference difficulty solves half: 9B's embedding ability minus the reference gives the logit
    embedding = quality(
        ABILITIES, "qwen3-embedding-8b", False, TASKS["rag-embedding"], "off", retention("bf16", 7_567_000_000)
    )
    assert embedding is not None
    logit = ability("qwen3-embedding-8b", "embedding") - ABILITIES.reference["embedding"]
    assert embedding.value == pytest.approx(100 / (1 + 2.718281828**-logit))


def test_quantization_costs_points_in_proportion() -> None:
    full = quality(ABILITIES, "qwen3.5-9b", True, TASKS["chat"], "off", retention("bf16", 9_400_000_000))
    less = quality(ABILITIES, "qwen3.5-9b", True, TASKS["chat"], "off", retention("Q4_K_M", 9_400_000_000))
    assert full and less
    # 2 % lost, and a tenth more of it because a tenth of chat is reasoning
    assert less.value == pytest.approx(full.value * (1 - 0.02 * 1.1))


def test_a_small_model_in_8_bits_is_below_a_large_one_in_4_and_above_it_in_2() -> None:
    def points(model: str, fmt: str, size: int) -> float:
        found = quality(ABILITIES, model, True, TASKS["chat"], "off", retention(fmt, size))
        assert found
        return found.value

    small = points("qwen3.5-9b", "Q8_0", 9_400_000_000)
    assert points("qwen3.8-27b", "Q4_K_M", 27_400_000_000) > small > points("qwen3.8-27b", "IQ2_XXS", 27_400_000_000)


def test_thinking_is_worth_nothing_where_the_task_does_not_gain_from_it() -> None:
    whole = retention("bf16", 27_400_000_000)
    off = quality(ABILITIES, "qwen3.8-27b", True, TASKS["vision"], "off", whole)
    high = quality(ABILITIES, "qwen3.8-27b", True, TASKS["vision"], "high", whole)
    assert off and high and off.value == high.value


def test_thinking_helps_mathematics() -> None:
    whole = retention("bf16", 27_400_000_000)
    values = [
        quality(ABILITIES, "qwen3.8-27b", True, TASKS["math"], effort, whole) for effort in ("off", "low", "high")
    ]
    points = [found.value for found in values if found]
    assert points == sorted(points) and len(set(points)) == 3


def test_a_model_that_cannot_do_the_task_has_no_quality_for_it() -> None:
    assert quality(ABILITIES, "qwen3-32b", True, TASKS["reranking"], "off", retention("bf16", 32_000_000_000)) is None
