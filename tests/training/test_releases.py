"""Older releases of trainers, where they need other memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from qwenpick.training.activations import mask_bytes
from qwenpick.training.answer import Tuned, tune
from qwenpick.training.checks import check
from qwenpick.training.trainers import habits, older
from qwenpick.work.serving import Training

GIB = 2**30
VOCABULARY = 151936


def tuned(catalog: Catalog, name: str, work: Training, gpu: str) -> Tuned:
    return tune(catalog, simulate(catalog, [gpu], None, 256 * GIB, False), catalog.models[name], work)


def part(catalog: Catalog, name: str, work: Training, of: str, gpu: str = "h200") -> int:
    box = simulate(catalog, [gpu], None, 256 * GIB, False)
    found = tune(catalog, box, catalog.models[name], work)
    return sum(one.bytes for one in found.memory.parts if one.name == of and one.where == "gpu0")


@pytest.mark.parametrize(
    ("version", "tokens", "logits"),
    [  # rows of logits at a time x bytes, and the gradient of the hidden states in 16 bits
        (None, 8192, 8192 // 8 * 14),  # 18.5 GiB at 16 bytes, of 4: a multiple of 4 chunks
        ("2026.10.6", 8192, 512 * 4),
        ("2026.8.1", 8192, 8192 // 4 * 14),
        ("2026.6.7", 8192, 8192 * 14),  # half of 133 GiB: all at once
    ],
)
def test_unsloths_loss_by_release(catalog: Catalog, version: str | None, tokens: int, logits: int) -> None:
    work = Training("qlora", seq=tokens, trainer="unsloth", trainer_version=version)
    from qwenpick.training.lora import prepare
    from qwenpick.training.loss import loss

    architecture, checkpoint = (
        catalog.architecture(catalog.models["qwen3-8b"]),
        catalog.models["qwen3-8b"].checkpoints[0],
    )
    one = loss(architecture, work, prepare(architecture, work, checkpoint), tokens, 133 * GIB)
    assert one.logits == logits * VOCABULARY + 2 * tokens * 4096


def test_trl_held_all_logits_before_1_7(catalog: Catalog) -> None:
    assert (
        part(catalog, "qwen3-8b", Training(seq=8192, trainer="trl", trainer_version="1.6.0"), "logits and loss")
        == 12 * VOCABULARY * 8192
    )
    newer = Training(seq=8192, trainer="trl", trainer_version="1.16")
    assert part(catalog, "qwen3-8b", newer, "logits and loss") < GIB


def test_trl_before_0_26_keeps_adapters_in_fp32_and_in_fp16_casts_the_rest_up() -> None:
    old = habits(Training(trainer="trl", trainer_version="0.24.0"))
    assert (old.adapters, old.upcast_in_fp16, old.tiles_loss) == (4, True, False)
    assert habits(Training(trainer="trl", trainer_version="0.26")).adapters == 2


def test_ms_swift_3_held_the_logits_of_a_reranker(catalog: Catalog) -> None:
    """modelscope/ms-swift 4805: out of memory on four L40S."""
    box = simulate(catalog, ["4x l40s"], None, 256 * GIB, False)
    work = Training(
        "full", seq=8192, zero=1, gpus=4, grad_accum=64, trainer="ms-swift", objective="rerank", trainer_version="3.7"
    )
    model = catalog.models["qwen3-reranker-0.6b"]
    assert tune(catalog, box, model, work).verdict == "no"


@pytest.mark.parametrize(
    ("trainer", "version", "words"),
    [
        ("trl", "new", "is no version"),
        ("llama-factory", "0.9", "leave --trainer-version out"),
        ("unsloth", "2025.7.4", "before 2025.9 is not modelled"),
    ],
)
def test_a_release_that_changes_nothing_or_was_not_read_is_refused(trainer: str, version: str, words: str) -> None:
    with pytest.raises(QwenpickError, match=words):
        check(Training(trainer=trainer, trainer_version=version))


def test_unsloth_brings_the_kernels_of_delta_nets_from_2026_7(catalog: Catalog) -> None:
    assert tuned(catalog, "qwen3.5-9b", Training("qlora", trainer="unsloth"), "a100 80gb").training.fla
    assert not tuned(catalog, "qwen3.5-9b", Training("qlora", trainer="trl"), "a100 80gb").training.fla
    assert not tuned(catalog, "qwen3-8b", Training("qlora", trainer="unsloth"), "a100 80gb").training.fla
    before = Training("qlora", trainer="unsloth", trainer_version="2026.6.7")
    assert not tuned(catalog, "qwen3.5-9b", before, "a100 80gb").training.fla
    on_hopper = Training(
        "qlora", trainer="unsloth", trainer_version="2026.9.5"
    )  # Triton 3.4 to 3.7.0 miscompiles there
    assert not tuned(catalog, "qwen3.5-9b", on_hopper, "h100").training.fla
    assert tuned(catalog, "qwen3.5-9b", on_hopper, "a100 80gb").training.fla


def test_unsloth_held_masks_as_squares_before_2026_10_1(catalog: Catalog) -> None:
    shape = catalog.architecture(catalog.models["qwen3-vl-8b-instruct"])
    work = Training("qlora", seq=8192, batch=2, trainer="unsloth")
    assert mask_bytes(shape, work) == (2 * 8192**2, 2 * 2 * 8192**2)  # one byte an entry, and the bias in 16 bits
    assert mask_bytes(shape, replace(work, seq=65_536, batch=1)) == (65_536**2, 0)  # attention drops it from there on
    for without in (
        replace(work, trainer_version="2026.10.1"),
        replace(work, attention="flash"),
        replace(work, trainer="trl"),
    ):
        assert mask_bytes(shape, without) == (0, 0)
    dense = catalog.architecture(catalog.models["qwen3-8b"])
    assert mask_bytes(dense, work) == (0, 0)  # attention of its own
    assert mask_bytes(dense, replace(work, method="full"))[0] > 0


def test_a_release_that_would_not_hold_is_said(catalog: Catalog) -> None:
    long = Training("qlora", seq=65_536, trainer="unsloth", optimizer="adamw-8bit")
    found = tuned(catalog, "qwen3.5-9b", long, "rtx pro 6000")
    assert found.verdict == "fits"
    assert [note for note in found.notes if "before 2026.7" in note]
    assert not any(
        "before" in note for note in tuned(catalog, "qwen3.5-9b", replace(long, seq=2048), "rtx pro 6000").notes
    )
    assert [version for version, _run in older(replace(long, trainer_version="2026.8"))] == []
    assert [run.trainer_version for _version, run in older(Training(trainer="ms-swift"))] == ["3.999"]


def test_trl_held_all_logits_of_preferences_before_1_14(catalog: Catalog) -> None:
    for objective, version, tiles in (
        ("dpo", "1.13.0", False),
        ("grpo", "1.13.0", False),
        ("kto", "1.14.0", True),
        ("sft", "1.13.0", True),
    ):
        assert habits(Training(trainer="trl", objective=objective, trainer_version=version)).tiles_loss is tiles
    assert [version for version, _run in older(Training(trainer="trl", objective="dpo"))] == ["1.14", "1.7", "0.26"]
    assert [version for version, _run in older(Training(trainer="trl"))] == ["1.7", "0.26"]
