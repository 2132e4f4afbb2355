"""What a local server may keep beside a run, and the settings that hold it within what the box has left."""

from __future__ import annotations

import shlex

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fitting.answer import fit
from qwenpick.launch import launch, run_of
from qwenpick.machine.simulate import simulate
from qwenpick.memory.cache import KvCache
from qwenpick.planning.plan import Plan
from qwenpick.planning.server_caches import of_plan, settings
from qwenpick.recommending.request import Request
from qwenpick.units import GIB, MIB


def _plan(catalog: Catalog, model: str, gpu: str, ram: float, **asked: object) -> Plan:
    box = simulate(catalog, [gpu], None, round(ram * GIB), False)
    return fit(catalog, box, catalog.models[model], Request(**asked)).plan  # type: ignore[arg-type]


# lmstudio-bug-tracker#1563: a checkpoint of 50.25 MiB; llama.cpp#23181: 149.6 MiB; a model without delta nets has nothing to go back to
@pytest.mark.parametrize(("model", "one"), [("qwen3.5-9b", 50.25), ("qwen3.8-27b", 149.6), ("qwen3-8b", 0.0)])
def test_a_checkpoint_is_one_recurrent_state(catalog: Catalog, model: str, one: float) -> None:
    kept = of_plan(_plan(catalog, model, "rtx 4090", 64, runtime="llamacpp", quant="Q4_K_M", context=8192))
    assert kept and kept.checkpoints / 32 == pytest.approx(one * MIB, rel=0.001)
    assert kept.prompts == 8 * GIB and kept.where == "ram" and not kept.exceeds


def test_slots_have_their_own_checkpoints(catalog: Catalog) -> None:
    asked = {"runtime": "llamacpp", "quant": "Q4_K_M", "context": 8192}
    one = of_plan(_plan(catalog, "qwen3.5-9b", "rtx 4090", 64, **asked))
    four = of_plan(_plan(catalog, "qwen3.5-9b", "rtx 4090", 64, **asked, users=4))
    assert one and four and four.checkpoints == 4 * one.checkpoints


def _bytes(engine: str, plan: Plan) -> int:
    """What a launched server may take at the place of its caches: the run, and the caches as the command bounds them."""
    kept = of_plan(plan)
    assert kept
    planned = launch(run_of(plan))
    words = [word for command in (*planned.prepare, planned.serve) for word in shlex.split(command.line())]
    place = next(place for place in plan.places if place.where == kept.where)

    def said(flag: str, variable: str, default: int | None) -> int | None:
        value = next((word.split("=")[1] for word in words if word.startswith(f"{variable}=")), None)
        return int(value or words[words.index(flag) + 1]) if value or flag in words else default

    if engine == "mlx":
        held = said("--prompt-cache-bytes", "-", None)
        used = sum(part.bytes for part in plan.memory.parts if part.kind in ("kv cache", "state"))
        return place.need + (kept.prompts or 0 if held is None else held - used)
    prompts = said("--cache-ram", "LLAMA_ARG_CACHE_RAM", 8192)
    count = said("--ctx-checkpoints", "LLAMA_ARG_CTX_CHECKPOINTS", 32)
    assert prompts is not None and count is not None
    return place.need + prompts * MIB + count * kept.checkpoints // 32


@pytest.mark.parametrize("ram", [3, 4, 6, 8, 12, 15, 24, 32, 64])
@pytest.mark.parametrize("engine", ["llamacpp", "ollama"])
@pytest.mark.parametrize("model", ["qwen3.5-9b", "qwen3-4b", "qwen3.8-27b"])
def test_caches_and_run_stay_within_ram(catalog: Catalog, model: str, engine: str, ram: float) -> None:
    plan = _plan(catalog, model, "rtx 3090", ram, runtime=engine, quant="Q4_K_M", context=32768, users=2)
    if not plan.holds():
        return
    place = next(place for place in plan.places if place.where == "ram")
    assert place.budget and _bytes(engine, plan) <= place.budget


@pytest.mark.parametrize("ram", [24, 36, 48, 128])
def test_mlx_keeps_ten_prompts_or_what_is_left(catalog: Catalog, ram: float) -> None:
    plan = _plan(catalog, "qwen3.5-4b", "m4 pro", ram, runtime="mlx", quant="mlx-8bit", context=65536)
    assert plan.holds() and plan.places[0].budget
    assert _bytes("mlx", plan) <= plan.places[0].budget


def test_a_box_whose_server_ran_out_of_memory_is_told_so(catalog: Catalog) -> None:
    """A 24 GB card with 15 GB of RAM: 11 GB of it taken, out of memory about daily (RakuenSoftware/aimee#1385)."""
    plan = _plan(
        catalog,
        "qwen3.8-27b",
        "rtx 3090",
        15,
        runtime="llamacpp",
        quant="Q4_K_M",
        context=131072,
        kv_cache=KvCache("q8_0", "q8_0"),
    )
    kept = of_plan(plan)
    assert kept and kept.exceeds and kept.most and kept.left and kept.most > kept.left
    assert settings(kept.server, kept.limits)[0] == "--cache-ram"


def test_what_was_asked_for_is_not_overruled(catalog: Catalog) -> None:
    plan = _plan(
        catalog, "qwen3.8-27b", "rtx 3090", 8, runtime="llamacpp", quant="Q4_K_M", context=8192,
        options={"cache_ram": 8192, "ctx_checkpoints": 4},
    )  # fmt: skip
    words = launch(run_of(plan)).serve.argv
    assert words[words.index("--cache-ram") + 1] == "8192" and words[words.index("--ctx-checkpoints") + 1] == "4"
    unbounded = _plan(
        catalog, "qwen3.8-27b", "rtx 3090", 8, runtime="llamacpp", quant="Q4_K_M", context=8192, options={"cache_ram": -1}
    )  # fmt: skip
    kept = of_plan(unbounded)
    assert kept and kept.most is None and kept.exceeds and "without a limit" in kept.sentence


def test_lm_studio_keeps_as_much(catalog: Catalog) -> None:
    kept = of_plan(_plan(catalog, "qwen3-8b", "rtx 3060 12gb", 8, runtime="lmstudio", context=8192))
    assert kept and kept.most == 8 * GIB and kept.exceeds
    assert kept.sentence.startswith("LM Studio also keeps") and "--cache-ram" in kept.sentence


def test_engines_and_models_that_keep_nothing_say_nothing(catalog: Catalog) -> None:
    assert of_plan(_plan(catalog, "qwen3-8b", "rtx 4090", 64, runtime="vllm")) is None
    assert of_plan(_plan(catalog, "qwen3-embedding-0.6b", "rtx 4090", 64, runtime="llamacpp")) is None
