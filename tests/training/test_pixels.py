"""Pictures and videos as tokens, by their pixels."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.simulate import simulate
from qwenpick.training.answer import tune
from qwenpick.training.pixels import picture_tokens
from qwenpick.work.serving import Training

GIB = 2**30


@pytest.mark.parametrize(
    ("name", "trainer", "size", "frames", "tokens"),
    [  # computed by hand from the processors' rule
        ("qwen3-vl-8b-instruct", "trl", (1280, 720), 1, 22 * 40),  # 22.5 and 40 tokens of 32 pixels: the even one
        ("qwen2.5-vl-7b-instruct", "trl", (1280, 720), 1, 26 * 46),  # of 28 pixels
        ("qwen3-vl-8b-instruct", "llama-factory", (1280, 720), 1, 18 * 32),  # 1024 x 576 first
        ("qwen3-vl-8b-instruct", "trl", (64, 64), 1, 64),  # at least 65,536 pixels
        ("qwen2.5-vl-7b-instruct", "trl", (20_000, 20_000), 1, 127 * 127),  # at most 12,845,056: just below 128 a side
        ("qwen3-vl-8b-instruct", "trl", (1280, 720), 64, 32 * 14 * 26),  # all frames share 25,165,824
        ("qwen3-vl-8b-instruct", "llama-factory", (1280, 720), 64, 32 * 6 * 11),  # 341 x 192 first
        ("qwen-vl-chat", "qwen-1", (448, 448), 1, 256),
    ],
)
def test_pictures_are_so_many_tokens(
    catalog: Catalog, name: str, trainer: str, size: tuple[int, int], frames: int, tokens: int
) -> None:
    assert picture_tokens(catalog.architecture(catalog.models[name]), trainer, *size, frames) == tokens


def test_pictures_count_in_the_run_and_are_said(catalog: Catalog) -> None:
    box = simulate(catalog, ["h100"], None, 64 * GIB, False)
    work = Training(image_size=(1280, 720), images=2)
    found = tune(catalog, box, catalog.models["qwen3-vl-8b-instruct"], work)
    assert found.training.image_tokens == 1760
    assert "1,760 tokens" in found.notes[0]
    plain = tune(catalog, box, catalog.models["qwen3-vl-8b-instruct"], Training())
    assert found.memory.on("gpu0") > plain.memory.on("gpu0")


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (Training(image_size=(4096, 4096)), "a sequence has 2,048"),
        (Training(image_size=(9000, 30)), "at most 200 times"),
        (Training(images=2), "need --image-size"),
        (Training(image_tokens=4096), "a sequence has 2,048"),
    ],
)
def test_pictures_that_do_not_belong_there_are_refused(catalog: Catalog, work: Training, words: str) -> None:
    box = simulate(catalog, ["h100"], None, 64 * GIB, False)
    with pytest.raises(QwenpickError, match=words):
        tune(catalog, box, catalog.models["qwen3-vl-8b-instruct"], work)


def test_the_longest_sequence_is_looked_for_below_the_pictures_too(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)
    found = tune(catalog, box, catalog.models["qwen3-vl-8b-instruct"], Training("qlora", image_tokens=1024))
    assert found.longest
