"""Which engine is tried first, and what recommend makes of it."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import Device
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.answer import recommend
from qwenpick.recommending.request import Request
from qwenpick.recommending.search.formats import ladder, least_held, weights_of
from qwenpick.runtimes import find_runtime, vllm
from qwenpick.units import GIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving
from tests.conftest import mostly_slow


def test_on_a_datacentre_gpu_the_format_of_a_serving_engine_is_picked(catalog: Catalog) -> None:
    box = simulate(catalog, ["h100 80gb"], None, 256 * GIB, False)
    picks = recommend(catalog, box, Request(), details=False).picks
    assert picks[0].plan.runtime == "vllm"
    assert {p.plan.checkpoint.format: p.plan.runtime for p in picks if p.plan.model.id == "qwen3.8-27b"} == {
        "fp8": "vllm"
    }
    assert all("engine" not in p.ranked.parts for p in picks if p.plan.runtime == "vllm")
    assert all(p.ranked.parts["engine"] == -3 for p in picks if p.plan.runtime == "llamacpp")


def test_sixteen_bits_are_f16_where_the_gpu_has_no_bf16(catalog: Catalog) -> None:
    for name, expected in (("t4", "F16"), ("a2", "BF16")):
        box = simulate(catalog, [name], None, 64 * GIB, False)
        found = recommend(catalog, box, Request(series="Qwen3", runtime="llamacpp", prefer="quality", quant="fp16"), 20)
        assert {pick.plan.checkpoint.format for pick in found.picks} == {expected}


@pytest.mark.parametrize(("every",), mostly_slow([(4,), (1,)], 1))
def test_what_a_checkpoint_holds_at_least_is_no_more_than_its_weights(catalog: Catalog, every: int) -> None:
    for model in list(catalog.models.values())[::every]:
        if not (model.architecture and model.open_weights):
            continue
        architecture = catalog.architecture(model)
        for name in ("llamacpp", "vllm", "mlx"):
            for checkpoint in ladder(model, find_runtime(name), None):
                least = least_held(architecture, model, checkpoint)
                assert least <= weights_of(architecture, checkpoint), (model.id, checkpoint.format)


def test_a_measured_file_holds_more_than_any_run_must(catalog: Catalog) -> None:
    model = catalog.models["qwen3.8-flash-next"]
    architecture = catalog.architecture(model)
    checkpoint = next(c for c in model.checkpoints if c.format == "fp8" and c.bytes)
    held, loaded = weights_of(architecture, checkpoint), Placement((Device("H200", "nvidia", 2**40, 2**40),))
    needed = vllm.memory(model, architecture, checkpoint, Serving(4096), loaded).of("weights")
    # vLLM loads no MTP block (2.6 billion parameters in 16 bits) unless it is to draft
    assert held < needed < (checkpoint.bytes or 0) - 4 * 10**9
