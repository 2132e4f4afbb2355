"""What must hold for every model, engine and format: the invariants of the design, over the whole catalogue."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenpick.catalog import Catalog, Model, load
from qwenpick.machine.hardware import Device, Machine
from qwenpick.memory.account import Memory
from qwenpick.memory.cache import KvCache
from qwenpick.planning.checkpoints import checkpoints
from qwenpick.planning.plan import judge
from qwenpick.runtimes import RUNTIMES, Runtime, find_runtime
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

GIB = 2**30
CATALOG: Catalog = load()
OPEN = sorted(model.id for model in CATALOG.models.values() if model.architecture)


def gpu_of(total: int) -> Device:
    return Device("GPU", "nvidia", total, total, compute_capability="9.0")


def apple_of(total: int) -> Device:
    return Device("Apple", "apple", total, total, unified=True, compute_capability="Metal")


def needs(
    runtime: Runtime, model: Model, work: Serving, format_index: int = 0, total: int = 4096 * GIB
) -> Memory | None:
    """What the engine needs on one GPU; None where it does not run the model."""
    architecture = CATALOG.architecture(model)
    found = checkpoints(model, runtime)
    device = apple_of(total) if runtime.NAME == "mlx" else gpu_of(total)
    if not found:
        return None
    checkpoint = found[format_index % len(found)]
    placement = Placement((device,))
    if runtime.refusal(architecture, checkpoint, work, placement):
        return None
    return runtime.memory(model, architecture, checkpoint, work, placement)


engine = st.sampled_from(sorted(RUNTIMES)).map(find_runtime)
model_id = st.sampled_from(OPEN).map(CATALOG.models.__getitem__)
contexts = st.integers(min_value=1, max_value=131072)


@given(engine, model_id, st.integers(0, 30), contexts, st.integers(1, 16))
def test_the_parts_add_up_and_none_is_negative(
    runtime: Runtime, model: Model, index: int, context: int, sequences: int
) -> None:
    needed = needs(runtime, model, Serving(context, sequences), index)
    if needed:
        assert (
            needed.total == sum(part.bytes for part in needed.parts) == sum(needed.on(where) for where in needed.places)
        )
        assert all(isinstance(part.bytes, int) and part.bytes > 0 and part.formula for part in needed.parts)


@given(engine, model_id, st.integers(0, 30), contexts, contexts)
def test_more_context_never_needs_less(runtime: Runtime, model: Model, index: int, one: int, other: int) -> None:
    short, long = sorted((one, other))
    less, more = needs(runtime, model, Serving(short), index), needs(runtime, model, Serving(long), index)
    assert not (less and more) or less.total <= more.total


@given(engine, model_id, st.integers(0, 30), st.integers(1, 32), st.integers(1, 32))
def test_more_sequences_never_need_less(runtime: Runtime, model: Model, index: int, one: int, other: int) -> None:
    few, many = sorted((one, other))
    less, more = needs(runtime, model, Serving(4096, few), index), needs(runtime, model, Serving(4096, many), index)
    assert not (less and more) or less.total <= more.total


@given(engine, model_id, st.integers(0, 30), st.integers(1, 300), st.integers(1, 300))
def test_more_device_memory_never_loses_a_fit(runtime: Runtime, model: Model, index: int, one: int, other: int) -> None:
    small, large = sorted((one * GIB, other * GIB))
    architecture = CATALOG.architecture(model)
    found = checkpoints(model, runtime)
    if not found:
        return
    checkpoint = found[index % len(found)]
    verdicts = []
    for total in (small, large):
        device = apple_of(total) if runtime.NAME == "mlx" else gpu_of(total)
        machine = Machine((device,), 1024 * GIB, 1024 * GIB)
        verdicts.append(judge(model, architecture, checkpoint, runtime, Serving(4096), Placement((device,)), machine))
    assert not verdicts[0].holds() or verdicts[1].holds()


@given(engine, model_id, st.integers(0, 30), contexts)
def test_a_plan_holds_exactly_when_every_place_holds_what_it_must(
    runtime: Runtime, model: Model, index: int, context: int
) -> None:
    architecture = CATALOG.architecture(model)
    found = checkpoints(model, runtime)
    if not found:
        return
    device = apple_of(24 * GIB) if runtime.NAME == "mlx" else gpu_of(24 * GIB)
    machine = Machine((device,), 64 * GIB, 64 * GIB)
    plan = judge(
        model, architecture, found[index % len(found)], runtime, Serving(context), Placement((device,)), machine
    )
    if plan.verdict != "refused":
        assert plan.holds() == all(p.budget is None or p.need <= p.budget for p in plan.places)
        assert sum(p.need for p in plan.places) == plan.memory.total


@pytest.mark.parametrize("name", ["llamacpp", "vllm", "transformers"])
def test_a_recurrent_state_does_not_depend_on_context_and_grows_with_sequences(name: str, catalog: Catalog) -> None:
    runtime, model = find_runtime(name), catalog.models["qwen3.5-27b"]
    states = {}
    for context, sequences in ((4096, 1), (65536, 1), (4096, 4)):
        needed = needs(runtime, model, Serving(context, sequences))
        assert needed
        states[context, sequences] = needed.of("state")
    if states[4096, 1]:  # vLLM keeps states in the pages of its cache
        assert states[4096, 1] == states[65536, 1]
        assert states[4096, 4] == 4 * states[4096, 1]


def test_a_hybrid_is_charged_the_cache_of_its_full_attention_layers_only(catalog: Catalog) -> None:
    # Qwen3.5-27B: 16 of 64 layers keep keys and values. 2 x 16 x 4 heads x 256 x 131,072 tokens x 2 bytes = 8 GiB
    work = Serving(131072)
    needed = needs(find_runtime("llamacpp"), catalog.models["qwen3.5-27b"], work)
    assert needed
    assert needed.of("kv cache") == 8 * GIB


@pytest.mark.parametrize("name", ["llamacpp", "vllm", "sglang"])
def test_a_smaller_cache_format_never_needs_more(name: str, catalog: Catalog) -> None:
    runtime, eight = find_runtime(name), "fp8" if name != "llamacpp" else "q8_0"
    for model in catalog.models.values():
        if model.architecture:
            full = needs(runtime, model, Serving(32768))
            small = needs(runtime, model, replace(Serving(32768), kv_cache=KvCache(eight, eight)))
            assert not (full and small) or small.of("kv cache") <= full.of("kv cache"), model.id
