"""What supersedes a model needs no more memory, is newer, and is worth more."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.replace import replacement, replacement_on
from qwenpick.recommending.request import Request


def test_what_supersedes_a_model_needs_no_more_and_is_worth_more(catalog: Catalog) -> None:
    found = replacement(catalog, find_model(catalog, "qwen2.5-7b-instruct"))
    assert found.better
    for candidate in found.better:
        assert candidate.memory.total <= found.old.memory.total * found.old.plan.band.high
        assert candidate.worth.value > found.old.worth.value
        assert (candidate.model.released or "") >= (found.old.model.released or "")
    assert [model.id for model in found.line][:1] == ["qwen3-8b"]


@pytest.mark.parametrize("runtime", ["llamacpp", "ollama", "vllm", "sglang", "transformers", "mlx"])
def test_the_same_memory_is_a_box_on_which_every_candidate_fits(catalog: Catalog, runtime: str) -> None:
    found = replacement(catalog, find_model(catalog, "qwen2.5-7b-instruct"), runtime=runtime)
    assert found.same_memory
    assert found.better
    for candidate in (found.old, *found.better):
        assert candidate.plan.runtime == runtime
        assert candidate.plan.verdict == "fits"
    # one box for all
    assert {place.total for candidate in found.better for place in candidate.plan.places} == {
        place.total for place in found.old.plan.places
    }


def test_the_old_model_is_stored_as_it_would_be_chosen(catalog: Catalog) -> None:
    model = find_model(catalog, "qwen2.5-7b-instruct")
    assert replacement(catalog, model).old.checkpoint.format == "Q4_K_M"
    assert replacement(catalog, model, quant="Q8_0").old.checkpoint.format == "Q8_0"


def test_a_vision_model_is_replaced_by_one_that_sees(catalog: Catalog) -> None:
    found = replacement(catalog, find_model(catalog, "qwen2.5-vl-7b-instruct"))
    assert found.task.name == "vision"
    assert all("image" in candidate.model.inputs for candidate in found.better)


def test_a_name_without_weights_has_nothing_to_be_replaced(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="API only"):
        replacement(catalog, find_model(catalog, "qwen-max"))


def test_on_a_machine_what_replaces_a_model_runs_there_and_is_worth_more(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 3060"])
    found = replacement_on(catalog, find_model(catalog, "qwen2.5-7b-instruct"), box, Request())
    assert found.better
    for candidate in found.better:
        assert candidate.plan.holds()
        assert candidate.worth.value > found.old.worth.value
    assert found.better[0].model.id == "qwen3.5-9b"  # what recommend puts first on this card
