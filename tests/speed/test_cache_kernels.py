"""Cache types that llama.cpp has no attention kernel for: which, on what, since when, and what it costs."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache, parse_cache
from qwenpick.recommending.request import Request
from qwenpick.speed import Speed
from qwenpick.speed.cache_kernels import way_of
from qwenpick.speed.devices import Class
from qwenpick.units import GIB

OLD, NEW = 10819, 11434


@pytest.mark.parametrize(
    ("cache", "kind", "old", "new"),
    [
        ("f16", "ampere", "fused", "fused"),
        ("bf16", "ada", "fused", "fused"),
        ("q8_0", "blackwell", "fused", "fused"),
        ("q4_0", "rdna", "fused", "fused"),
        ("q4_1", "ampere", "cpu", "converted"),
        ("q5_1", "rdna", "cpu", "converted"),
        ("q8_0/q4_0", "turing", "cpu", "converted"),
        ("f16/q8_0", "hopper", "cpu", "converted"),
        ("iq4_nl", "ampere", "cpu", "cpu"),
        ("q5_1", "rdna-vulkan", "fused", "fused"),
        ("iq4_nl", "arc-vulkan", "fused", "fused"),
        ("bf16/q8_0", "arc-vulkan", "cpu", "cpu"),
        ("q5_0", "apple", "fused", "fused"),
        ("q8_0/q4_0", "apple-m5", "cpu", "cpu"),
        ("q8_0/q4_0", "arc", "fused", "fused"),
        ("iq4_nl", "arc", "cpu", "cpu"),
        ("q5_0/q4_1", "cpu", "fused", "fused"),
    ],
)
def test_which_build_has_a_kernel_where(cache: str, kind: Class, old: str, new: str) -> None:
    assert (way_of(parse_cache(cache), kind, OLD), way_of(parse_cache(cache), kind, NEW)) == (old, new)
    every = way_of(parse_cache(cache), kind, OLD, every_pair=True)
    assert every == (new if "iq4_nl" in cache or new == "cpu" else "fused")


def _speed(catalog: Catalog, model: str, gpu: str, cache: str, context: int, **options: object) -> tuple[Speed, str]:
    box = simulate(catalog, [gpu], None, 64 * GIB, False)
    asked = Request(runtime="llamacpp", quant="Q4_K_M", context=context, kv_cache=parse_cache(cache), options=options)
    found = fit(catalog, box, catalog.models[model], asked)
    assert found.plan.speed
    return found.plan.speed, " ".join(found.notes)


def test_attention_on_the_cpu_is_as_slow_as_it_was_measured(catalog: Catalog) -> None:
    # ggml-org/llama.cpp#28456: 1,511 tokens/s with q8_0 and 197 with q5_1; sudoingX/qwen38-mtp#39: 1,492 with q4_0 and 41.5 with q5_0
    slow, note = _speed(catalog, "qwen3.8-27b", "rtx 4080", "q5_1", 512, build=OLD)
    assert slow.by_depth[-1].prefill and slow.by_depth[-1].prefill.contains(197)
    assert "attention would run on the CPU" in note and "q8_0" in note
    long, _note = _speed(catalog, "qwen3.8-27b", "rtx 5090 laptop", "q5_0", 2560, build=OLD)
    assert long.by_depth[-1].prefill and long.by_depth[-1].prefill.contains(41.5)


def test_a_mixed_cache_on_an_old_build_writes_as_slowly_as_it_did(catalog: Catalog) -> None:
    # lmstudio-bug-tracker#2246, RTX 3090, 35B-A3B, at a depth that is not said: 121 tokens/s with q4_0, 18 with q8_0 and q4_0
    slow, _note = _speed(catalog, "qwen3.6-35b-a3b", "rtx 3090", "q8_0/q4_0", 4096, build=OLD)
    usual, note = _speed(catalog, "qwen3.6-35b-a3b", "rtx 3090", "q4_0", 4096, build=OLD)
    assert slow.each.high < usual.each.low and "kernel" not in note and usual.each.contains(121)
    assert slow.by_depth[-1].each.low < 18 < slow.by_depth[0].each.high


def test_todays_builds_copy_the_cache_and_lose_little(catalog: Catalog) -> None:
    copied, note = _speed(catalog, "qwen3.8-27b", "rtx 3090", "q5_0", 16384)
    built, none = _speed(catalog, "qwen3.8-27b", "rtx 3090", "q5_0", 16384, fa_all_quants=True)
    assert "GGML_CUDA_FA_QUANTS=all" in note and "GGML_CUDA_FA_QUANTS" not in none
    assert 0.6 < copied.by_depth[-1].each.value / built.by_depth[-1].each.value < 1
    assert copied.prefill == built.prefill  # a prompt is read from a 16-bit copy either way


def test_the_default_is_the_build_that_is_planned_for() -> None:
    from qwenpick.runtimes.llamacpp.options import Options
    from qwenpick.speed.flags import LATEST

    assert f"b{LATEST}" == Options.RELEASE and way_of(KvCache("q5_0", "q5_0"), "ada", LATEST) == "converted"
