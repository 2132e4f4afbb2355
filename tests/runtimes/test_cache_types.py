"""A cache format that an engine lacks is refused with a sentence, or answered by an engine that has it; it never ends in a traceback."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import CACHE_BITS, KvCache, parse_cache
from qwenpick.recommending.answer import recommend
from qwenpick.recommending.request import Request
from qwenpick.runtimes import RUNTIMES

BOX = (["h200"], None, 64 * 2**30, False)


@pytest.mark.parametrize("runtime", sorted(set(RUNTIMES) - {"mlx"}))
@pytest.mark.parametrize("cache", sorted(CACHE_BITS))
def test_every_cache_in_every_engine_is_planned_or_refused(catalog: Catalog, runtime: str, cache: str) -> None:
    answer = fit(
        catalog,
        simulate(catalog, *BOX),
        catalog.models["qwen3-8b"],
        Request(runtime=runtime, kv_cache=KvCache(cache, cache)),
    )
    assert answer.plan.verdict in {"fits", "refused"}
    assert answer.plan.verdict == "fits" or "cache" in answer.plan.reason


@pytest.mark.parametrize(
    ("runtime", "cache"),
    [("vllm", "q8_0"), ("vllm", "fp8/f16"), ("sglang", "q4_0"), ("llama.cpp", "fp8"), ("ollama", "fp8")],
)
def test_a_gate_does_not_pass_a_cache_that_the_engine_refuses_at_its_start(
    catalog: Catalog, runtime: str, cache: str
) -> None:
    answer = fit(
        catalog,
        simulate(catalog, *BOX),
        catalog.models["qwen3-8b"],
        Request(runtime=runtime, kv_cache=parse_cache(cache)),
    )
    assert answer.plan.verdict == "refused"
    assert not answer.fits


def test_an_fp8_cache_without_an_engine_finds_one_that_has_it(catalog: Catalog) -> None:
    box, cache = simulate(catalog, *BOX), KvCache("fp8", "fp8")
    assert fit(catalog, box, catalog.models["qwen3-8b"], Request(kv_cache=cache)).plan.runtime == "vllm"
    picks = recommend(catalog, box, Request(kv_cache=cache, series="Qwen3.5"), details=False).picks
    assert picks and {pick.plan.runtime for pick in picks} <= {"vllm", "sglang"}
