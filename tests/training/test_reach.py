"""How far a run stretches, how fast it is, and what it needs beside the GPUs."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.simulate import simulate
from qwenpick.training.answer import tune
from qwenpick.training.speed import speed, step_flops, step_seconds
from qwenpick.training.storage import storage
from qwenpick.work.serving import Training

GIB = 2**30
H200 = 989.5e12  # dense bf16 FLOP/s


def test_chunking_the_loss_reaches_further(catalog: Catalog) -> None:
    model, box = catalog.models["qwen3-8b"], simulate(catalog, [], 40 * GIB, 64 * GIB, False)
    plain, chunked = (tune(catalog, box, model, Training(chunked_loss=c)).longest or 0 for c in (False, True))
    assert chunked > 3 * plain


def test_nothing_fits_where_the_weights_do_not(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)
    found = tune(catalog, box, catalog.models["qwen3-8b"], Training("full"))
    assert (found.longest, found.largest) == (None, None)


def test_full_fine_tuning_takes_six_operations_a_weight_and_token_and_eight_with_checkpointing(
    catalog: Catalog,
) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    weights = 8190735360 - 151936 * 4096  # the embedding is looked up
    attention = 36 * 2 * 4096 * 1024
    for checkpointing, passes in ((False, 3), (True, 4)):
        work = Training("full", seq=1024, checkpointing=checkpointing)
        assert step_flops(architecture, work) == (2 * weights + attention) * passes * 1024


@pytest.mark.parametrize(
    ("name", "work", "seconds"),
    [  # seconds a step on one H200
        ("qwen3-8b", Training("lora", seq=8192), 1.27),
        ("qwen3-8b", Training("lora", seq=32768, chunked_loss=True), 6.94),
        ("qwen3-8b", Training("qlora", seq=8192), 1.47),
        ("qwen3-1.7b", Training("lora", seq=2048, checkpointing=False), 0.205),
        ("qwen3-0.6b", Training("full", seq=512), 0.241),
        ("qwen3.5-9b", Training("lora", seq=2048), 2.63),
        ("qwen3-30b-a3b", Training("lora", seq=4096, chunked_loss=True), 1.04),
    ],
)
def test_a_step_takes_about_as_long_as_measured(catalog: Catalog, name: str, work: Training, seconds: float) -> None:
    assert step_seconds(catalog.architecture(catalog.models[name]), work, H200) == pytest.approx(seconds, rel=0.35)


def test_an_epoch_has_a_band_around_its_hours(catalog: Catalog) -> None:
    found = speed(catalog.architecture(catalog.models["qwen3-8b"]), Training("lora", seq=8192), H200)
    assert found is not None
    expected, shortest, longest = found.hours(10_000_000)
    assert expected == pytest.approx(10_000_000 / found.tokens_per_second / 3600)
    assert shortest < expected < longest


def test_speed_is_unknown_where_the_rate_is(catalog: Catalog) -> None:
    assert speed(catalog.architecture(catalog.models["qwen3-8b"]), Training(), None) is None


def test_a_full_checkpoint_holds_weights_and_states(catalog: Catalog) -> None:
    architecture, weights = catalog.architecture(catalog.models["qwen3-8b"]), 8190735360
    full, lora = storage(architecture, Training("full")), storage(architecture, Training("lora"))
    assert full.checkpoint == (2 + 4) * weights
    assert full.result == 2 * weights
    assert lora.checkpoint == (4 + 8) * 43646976
    assert lora.download == 2 * weights
    assert full.disk(kept=1) == full.download + full.checkpoint + full.result
