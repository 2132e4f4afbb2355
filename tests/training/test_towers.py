"""What vision and audio towers keep of a sequence, frozen or trained, by trainer and release."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from qwenpick.training.answer import tune
from qwenpick.training.towers import Kept, audio_bytes, audio_tokens, image_bytes, vision_kept
from qwenpick.work.serving import Training

GIB = 2**30
OLD_VL, NEW_VL, OMNI = "qwen2.5-vl-7b-instruct", "qwen3-vl-8b-instruct", "qwen2.5-omni-7b"


def kept(catalog: Catalog, name: str, work: Training) -> Kept:
    return vision_kept(catalog.architecture(catalog.models[name]), work)


@pytest.mark.parametrize(
    ("name", "work", "what"),
    [
        (OLD_VL, Training(trainer="trl"), Kept.INPUTS),  # its patch_embed is an input layer: transformers 5 hooks it
        (NEW_VL, Training(trainer="trl"), Kept.NOTHING),  # names none
        (OLD_VL, Training(trainer="trl", checkpointing=False), Kept.NOTHING),  # no hooks without recomputation
        (OLD_VL, Training(trainer="llama-factory"), Kept.ALL),  # recomputes trained blocks only
        (OLD_VL, Training("qlora", trainer="llama-factory"), Kept.NOTHING),
        (NEW_VL, Training(trainer="ms-swift"), Kept.INPUTS),
        (NEW_VL, Training(trainer="ms-swift", trainer_version="4.6.0"), Kept.NOTHING),
        (NEW_VL, Training(trainer="ms-swift", trainer_version="3.12"), Kept.INPUTS),
        (NEW_VL, Training(train_vision=True), Kept.INPUTS),
        (NEW_VL, Training(train_vision=True, checkpointing=False), Kept.ALL),
    ],
)
def test_a_frozen_tower_keeps_what_its_hooks_make_it_keep(
    catalog: Catalog, name: str, work: Training, what: Kept
) -> None:
    assert kept(catalog, name, work) is what


def test_kept_inputs_of_a_frozen_tower_are_a_residual_a_block(catalog: Catalog) -> None:
    shape = catalog.architecture(catalog.models[OLD_VL])
    nothing = image_bytes(shape, Training(image_tokens=1000, checkpointing=False))
    inputs = image_bytes(shape, Training(image_tokens=1000, trainer="trl"))
    # 4 patches a token x 32 blocks x 1,280 x 2 bytes, and the merger's norm and activation
    assert inputs - nothing == 1000 * (4 * 32 * 1280 * 2 + 4 * 1280 * 6)
    everything = image_bytes(shape, Training(image_tokens=1000, trainer="llama-factory"))
    assert everything - nothing == 1000 * (4 * 32 * (16 * 1280 + 6 * 3420) + 4 * 1280 * 6)


def test_sound_counts_by_the_second(catalog: Catalog) -> None:
    shape = catalog.architecture(catalog.models[OMNI])
    assert audio_tokens(shape, 30) == 750
    read = 100 * 128 * 4 * 30 + 2 * 3584 * 750
    assert audio_bytes(shape, Training(audio_seconds=30, checkpointing=False)) == read
    # inputs of two convolutions' activations, 150 frames a second, and of 32 layers, 50 frames a second
    assert audio_bytes(shape, Training(audio_seconds=30, trainer="trl")) - read == 30 * 1280 * 2 * (150 + 50 * 32)
    assert audio_tokens(catalog.architecture(catalog.models["qwen3-omni-30b-a3b-instruct"]), 30) == 390


def test_sound_is_refused_where_it_has_no_place(catalog: Catalog) -> None:
    box = simulate(catalog, ["h200"], None, 256 * GIB, False)
    with pytest.raises(QwenpickError, match="no audio tower"):
        tune(catalog, box, catalog.models["qwen3-8b"], Training(audio_seconds=30))
    with pytest.raises(QwenpickError, match="750 tokens"):
        tune(catalog, box, catalog.models[OMNI], Training(audio_seconds=30, seq=512))
    found = tune(catalog, box, catalog.models[OMNI], Training(audio_seconds=30))
    assert any("750 tokens" in note for note in found.notes)
