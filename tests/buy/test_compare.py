"""Models on one box, GPUs for one model."""

from __future__ import annotations

from qwenpick.buy.compare import compare_gpus, compare_models
from qwenpick.buy.named import Cards
from qwenpick.catalog import Catalog, find_gpu, find_model
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request

GIB = 2**30


def test_a_model_that_cannot_be_planned_keeps_its_column_and_says_why(catalog: Catalog) -> None:
    box = simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)
    sides = compare_models(
        catalog, box, [find_model(catalog, "qwen3-8b"), find_model(catalog, "qwen-max")], Request(quant="4bit")
    )
    assert sides[0].answer
    assert sides[0].answer.fits
    assert sides[1].answer is None
    assert "API only" in (sides[1].why_not or "")


def test_more_bandwidth_and_memory_show_in_the_columns(catalog: Catalog) -> None:
    cards = compare_gpus(
        catalog,
        [Cards(find_gpu(catalog, "rtx 5070 ti")), Cards(find_gpu(catalog, "a10g"))],
        find_model(catalog, "qwen3-8b"),
        Request(),
    )
    small, large = cards
    assert small.answers["fp16"]
    assert not small.answers["fp16"].fits  # 15.3 GiB of weights do not fit 15.9 GiB with a cache
    assert large.answers["fp16"]
    assert large.answers["fp16"].fits
    assert small.answers["4bit"]
    assert small.answers["4bit"].fits
    fast, slow = small.answers["4bit"].plan.speed, large.answers["4bit"].plan.speed if large.answers["4bit"] else None
    assert fast
    assert slow
    assert fast.decode.value > slow.decode.value  # 896 GB/s against 600 GB/s
