"""The 8-bit key-value cache that recommend tries where the 16-bit one does not fit on the GPUs and nobody said which."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.memory import gpu
from qwenpick.placement import Placement
from qwenpick.plan import Plan, evaluate
from qwenpick.runtimes.llamacpp.best_case import layer_bytes
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.parts import needed
from qwenpick.workload import KvCache

if TYPE_CHECKING:
    from qwenpick.candidates import Search
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.runtimes import Runtime
    from qwenpick.workload import Serving

EIGHT_BIT_CACHE = {"llamacpp": "q8_0", "ollama": "q8_0", "vllm": "fp8", "sglang": "fp8", "mlx": "q8_0"}


@dataclass(frozen=True, slots=True)
class Miss:
    """Bytes missing on the fullest GPU, and bytes of the key-value cache."""

    missing: int
    cache: int


def miss_of(plan: Plan | None) -> Miss | None:
    """How far a plan on GPUs is from holding; None where the GPUs are not what is missing."""
    if plan is None or plan.verdict == "refused" or plan.mode != "gpu":
        return None
    return Miss(-plan.headroom, plan.memory.of("kv cache"))


def miss_on_one_gpu(architecture: Architecture, checkpoint: Checkpoint, work: Serving, search: Search) -> Miss | None:
    """How far llama.cpp is from holding the model on one GPU. For what `must_use_ram`, whose figures these are."""
    devices = search.machine.devices
    if len(devices) != 1:
        return None
    room = budget(devices[0], work) or 0
    if layer_bytes(architecture, checkpoint) > room:
        return None
    whole = needed(architecture, checkpoint, work, Placement(devices))
    return Miss(whole.on(gpu(0)) - room, whole.of("kv cache"))


def in_eight_bits(
    architecture: Architecture,
    model: Model,
    checkpoint: Checkpoint,
    engine: Runtime,
    work: Serving,
    search: Search,
    miss: Miss | None,
) -> Plan | None:
    """The plan on GPUs alone with an 8-bit cache, where nobody said what cache, and half of it (what 8 bits save at most) is enough."""
    kind = EIGHT_BIT_CACHE.get(engine.NAME)
    if not kind or miss is None or 2 * miss.missing > miss.cache or not search.any_cache or work.options:
        return None
    small = replace(work, kv_cache=KvCache(kind, kind))
    plan = evaluate(model, architecture, checkpoint, engine, small, search.machine, True, search.strict)
    return plan if plan and plan.holds(search.strict) else None
