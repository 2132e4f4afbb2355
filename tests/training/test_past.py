"""What releases of the last year of transformers and accelerate needed more, and where that is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.machine.simulate import simulate
from qwenpick.training.answer import Tuned, tune
from qwenpick.training.past import loaded_whole
from qwenpick.training.trainers import habits
from qwenpick.work.serving import Training

GIB = 2**30
QLORA = Training("qlora", trainer="transformers")


def tuned(catalog: Catalog, name: str, work: Training, gpu: str) -> Tuned:
    return tune(catalog, simulate(catalog, [gpu], None, 256 * GIB, False), catalog.models[name], work)


@pytest.mark.parametrize(
    ("version", "whole"), [(None, False), ("5.17", False), ("5.3", True), ("5.0", True), ("4.57.1", False)]
)
def test_transformers_5_0_to_5_3_load_all_in_16_bits(version: str | None, whole: bool) -> None:
    assert habits(replace(QLORA, trainer_version=version)).loads_whole is whole


def test_the_peak_is_then_that_of_loading(catalog: Catalog) -> None:
    """Qwen2.5-7B: 13.47 GiB were reserved (transformers 44576); axolotl's example of Qwen3.5-27B, with 5.3.0 then: about 47 GiB."""
    short = replace(QLORA, seq=256, trainer_version="5.2")
    small = tuned(catalog, "qwen2.5-7b-instruct", short, "h200").peaks[0]
    assert small.reserved / GIB == pytest.approx(13.47, rel=0.01)
    large = replace(QLORA, seq=2048, optimizer="adamw-8bit", chunked_loss=True, trainer_version="5.3.0")
    found = tuned(catalog, "qwen3.5-27b", large, "a100 80gb").peaks[0]
    assert found.allocated / GIB == pytest.approx(47, rel=0.05)
    now = tuned(catalog, "qwen3.5-27b", replace(large, trainer_version=None), "a100 80gb").peaks[0]
    assert now.allocated < 0.7 * found.allocated


def test_a_card_too_small_for_that_is_said(catalog: Catalog) -> None:
    for trainer in ("transformers", "trl", "ms-swift", "llama-factory"):
        notes = tuned(
            catalog, "qwen3-14b", replace(QLORA, trainer=trainer, chunked_loss=trainer != "trl"), "rtx 4090"
        ).notes
        assert len([note for note in notes if "5.0 to 5.3" in note]) == 1
        assert not any("before 5.4" in note for note in notes)
    assert not any("5.0 to 5.3" in note for note in tuned(catalog, "qwen3-14b", QLORA, "a100 80gb").notes)
    named = tuned(catalog, "qwen3-14b", replace(QLORA, trainer_version="5.3"), "rtx 4090")
    assert named.verdict == "no"


def test_a_file_in_4_bits_and_what_gpus_divide_are_not_loaded_so(catalog: Catalog) -> None:
    shape = catalog.architecture(catalog.models["qwen3-14b"])
    nf4 = Checkpoint(format="nf4")
    assert loaded_whole(shape, QLORA, nf4) > 26 * GIB
    assert loaded_whole(shape, QLORA, Checkpoint(format="nf4", repo="unsloth/Qwen3-14B-unsloth-bnb-4bit")) == 0
    assert loaded_whole(shape, QLORA, Checkpoint(format="awq-int4")) == 0
    assert loaded_whole(shape, replace(QLORA, fsdp=True, gpus=2), nf4) == 0
    assert loaded_whole(shape, replace(QLORA, method="lora"), Checkpoint(format="bf16")) == 0


@pytest.mark.parametrize(
    ("name", "work", "gpu", "said"),
    [
        ("qwen3-1.7b", Training("full", trainer="trl"), "rtx 4090", "TRL loads"),
        ("qwen3-1.7b", Training("full", trainer="transformers"), "rtx 4090", "transformers below 5"),
        ("qwen3-1.7b", Training("full", trainer="trl"), "h200", ""),
        ("qwen3-1.7b", Training("full", trainer="llama-factory", precision="pure-bf16"), "rtx 4090", ""),
        ("qwen3-4b", Training("full", trainer="transformers", zero=2, gpus=2), "2x a100 80gb", ""),
        ("qwen3-8b", Training("lora", trainer="trl"), "rtx 4090", "TRL loads"),
        ("qwen3-8b", Training("lora", trainer="ms-swift"), "rtx 4090", ""),
    ],
)
def test_weights_in_fp32_are_said_where_they_decide(
    catalog: Catalog, name: str, work: Training, gpu: str, said: str
) -> None:
    found = tuned(catalog, name, work, gpu)
    assert found.verdict != "no"
    notes = [note for note in found.notes if "in FP32" in note and "dtype" in note]
    assert len(notes) == bool(said)
    assert all(note.startswith(said) for note in notes)


def test_accelerate_before_1_13_raised_frozen_weights(catalog: Catalog) -> None:
    work = Training("lora", trainer="transformers", fsdp=True, gpus=2)
    tight = tuned(catalog, "qwen3-32b", work, "2x l40s")
    assert any("accelerate before 1.13" in note and "30.51 GiB" in note for note in tight.notes)
    for other in (replace(work, trainer="torch"), replace(work, offload="parameters")):
        assert not any("accelerate" in note for note in tuned(catalog, "qwen3-14b", other, "2x l40s").notes)
    assert not any("accelerate" in note for note in tuned(catalog, "qwen3-8b", work, "2x l40s").notes)


@pytest.mark.parametrize(("trainer", "zero", "said"), [("trl", 3, True), ("ms-swift", 3, False), ("trl", 2, False)])
def test_layers_that_deepspeed_0_16_left_gathered_are_said_where_they_decide(
    catalog: Catalog, trainer: str, zero: int, said: bool
) -> None:
    """Of non-reentrant checkpointing alone: ms-swift's is the other kind."""
    work = Training("full", trainer=trainer, zero=zero, gpus=8, chunked_loss=trainer == "ms-swift")
    box = simulate(catalog, ["l40s"] * 8, None, 1024 * GIB, False)
    notes = tune(catalog, box, catalog.models["qwen3-14b"], work).notes
    assert any("DeepSpeed 0.16.0 to 0.16.7" in note and "22.75 GiB" in note for note in notes) is said
