"""Speed by depth, and the bound that reading memory sets."""

from __future__ import annotations

import pytest

from qwenpick import speed
from qwenpick.catalog import Catalog
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization import FORMATS
from qwenpick.render.values import band_values, speed_values
from qwenpick.runtimes.flags import read_flags
from qwenpick.speed import Speed
from qwenpick.units import GIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving


def _speed(catalog: Catalog, model: str, format_name: str, gpu: str, work: Serving, depth: int | None = None) -> Speed:
    from qwenpick.catalog.schema import Checkpoint

    box = simulate(catalog, [gpu], None, 64 * GIB, False)
    architecture = catalog.architecture(catalog.models[model])
    found = speed.estimate(
        architecture,
        Checkpoint(format=format_name),
        "llamacpp",
        work,
        Placement(box.devices),
        box,
        catalog.gpus,
        depth=depth,
        flags=read_flags("llamacpp", work.options),
    )
    assert found and format_name in FORMATS
    return found


def test_deeper_is_never_faster_and_the_full_context_is_the_last(catalog: Catalog) -> None:
    found = _speed(catalog, "qwen3-8b", "Q4_K_M", "rtx 4090", Serving(32768), depth=4096)
    assert [at.depth for at in found.by_depth] == [0, 4096, 32768]
    values = [at.each.value for at in found.by_depth]
    assert values == sorted(values, reverse=True)
    assert found.by_depth[1].each == found.each


def test_the_bound_is_bandwidth_over_the_bytes_of_one_step(catalog: Catalog) -> None:
    found = _speed(catalog, "qwen3-8b", "Q8_0", "rtx 4090", Serving(8192), depth=0)
    bound = found.roofline
    assert bound.bandwidth == pytest.approx(1008e9, rel=0.001)
    assert bound.tokens_per_second == pytest.approx(bound.bandwidth / bound.bytes_per_token)
    # 6.95 billion parameters of the layers and 0.62 billion of the head at 34 bytes for 32 weights: 8.04 GB
    assert bound.bytes_per_token == pytest.approx(8.04e9, rel=0.005)


@pytest.mark.parametrize("model", ["qwen3-0.6b", "qwen3-30b-a3b", "qwen3.5-9b"])
@pytest.mark.parametrize("gpu", ["rtx 5090", "strix halo", "m3 ultra", "arc b580", "p40"])
@pytest.mark.parametrize("sequences", [1, 8])
def test_no_range_ends_above_the_bound(catalog: Catalog, model: str, gpu: str, sequences: int) -> None:
    for drafts in ({}, {"spec_type": "draft-mtp", "draft_n_max": 2}):
        found = _speed(catalog, model, "Q4_K_M", gpu, Serving(16384, sequences, options=drafts))
        for at in found.by_depth:
            assert at.each.low <= at.each.value <= at.each.high <= found.generation.roofline(at.depth).tokens_per_second


def test_a_quantized_cache_raises_the_bound_at_depth_alone(catalog: Catalog) -> None:
    plain = _speed(catalog, "qwen3-8b", "Q4_K_M", "rtx 4090", Serving(32768))
    small = _speed(catalog, "qwen3-8b", "Q4_K_M", "rtx 4090", Serving(32768, kv_cache=KvCache("q8_0", "q8_0")))
    assert small.roofline.tokens_per_second > plain.roofline.tokens_per_second
    assert small.generation.roofline(0) == plain.generation.roofline(0)


def test_drafts_raise_the_bound_to_all_of_them_being_right(catalog: Catalog) -> None:
    plain = _speed(catalog, "qwen3.5-9b", "Q4_K_M", "rtx 4090", Serving(8192))
    drafting = _speed(
        catalog, "qwen3.5-9b", "Q4_K_M", "rtx 4090", Serving(8192, options={"spec_type": "draft-mtp", "draft_n_max": 2})
    )
    assert (plain.roofline.accepted, drafting.roofline.accepted) == (1, 3)
    assert drafting.roofline.tokens_per_second == pytest.approx(3 * plain.roofline.tokens_per_second)


def test_a_prompt_that_fills_the_context_is_read_more_slowly(catalog: Catalog) -> None:
    found = _speed(catalog, "qwen3-8b", "Q4_K_M", "rtx 4090", Serving(32768), depth=4096)
    start, typical, full = found.by_depth
    assert start.prefill is None and typical.prefill == found.prefill
    assert full.prefill and full.prefill.value < found.prefill.value
    # as 0.1 said it: --context is what a prompt may fill; first_token is that of the task's prompt
    assert speed_values(found)["prefill"] == band_values(full.prefill)


def test_a_prompt_is_never_longer_than_the_context(catalog: Catalog) -> None:
    from qwenpick.fitting.answer import fit
    from qwenpick.recommending.request import Request

    box = simulate(catalog, ["strix halo"], None, 32 * GIB, False)
    asked = Request(runtime="llamacpp", quant="Q4_K_M", context=128)
    told = fit(catalog, box, catalog.models["qwen3-1.7b"], asked).plan.speed
    assert told and told.prompt == 128
