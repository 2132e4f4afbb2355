"""Parallel sizes that are asked for by the engine's own options are the ones that are judged."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, fit
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request


def asked(catalog: Catalog, gpus: str, runtime: str, **options: object) -> Answer:
    box = simulate(catalog, [gpus], None, 64 * 2**30, False)
    return fit(catalog, box, catalog.models["qwen3-8b"], Request(quant="fp16", runtime=runtime, options=options))


@pytest.mark.parametrize(
    ("runtime", "tensor", "pipeline"),
    [("vllm", "tensor_parallel_size", "pipeline_parallel_size"), ("sglang", "tp_size", "pp_size")],
)
def test_the_sizes_that_are_asked_for_are_planned(catalog: Catalog, runtime: str, tensor: str, pipeline: str) -> None:
    placement = asked(catalog, "4x h200", runtime, **{tensor: 2, pipeline: 2}).plan.placement
    assert (placement.tensor_parallel, placement.pipeline_parallel, len(placement.devices)) == (2, 2, 4)


def test_a_size_that_heads_do_not_divide_by_or_that_the_box_lacks_is_no(catalog: Catalog) -> None:
    three = asked(catalog, "4x h200", "vllm", tensor_parallel_size=3)  # 32 heads
    assert (three.fits, three.plan.verdict) == (False, "refused")
    two = asked(catalog, "h200", "vllm", tensor_parallel_size=2)
    assert not two.fits
    assert two.plan.reason == "2 GPUs are asked for, and 1 can be used"


@pytest.mark.parametrize("size", [0, -1, 1.5, "two", True])
def test_a_size_that_is_none_is_a_bad_request(catalog: Catalog, size: object) -> None:
    with pytest.raises(QwenpickError, match="whole number"):
        asked(catalog, "2x h200", "vllm", tensor_parallel_size=size)


@pytest.mark.parametrize("value", [5, 0, -0.5, 1.01, True, "half"])
def test_a_share_of_a_gpu_is_above_0_and_up_to_1(catalog: Catalog, value: object) -> None:
    for runtime, name in (("vllm", "gpu_memory_utilization"), ("sglang", "mem_fraction_static")):
        with pytest.raises(QwenpickError, match="a share above 0 and up to 1"):
            asked(catalog, "h200", runtime, **{name: value})
