"""The 8-bit key-value cache that recommend tries where the 16-bit one does not fit on the GPUs and nobody said which."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.memory.cache import KvCache
from qwenpick.planning.plan import Plan, evaluate
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.whole import layer_bytes, whole

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.recommending.search.space import Search
    from qwenpick.runtimes import Runtime
    from qwenpick.work.serving import Serving

EIGHT_BIT_CACHE = {"llamacpp": "q8_0", "ollama": "q8_0", "vllm": "fp8", "sglang": "fp8", "mlx": "q8_0"}


@dataclass(frozen=True, slots=True)
class Miss:
    """Bytes missing on the fullest GPU, and bytes of the key-value cache."""

    missing: int
    cache: int

    @property
    def halving_helps(self) -> bool:
        """Whether half of a 16-bit cache, which 8 bits save at most, is as much as is missing."""
        return 2 * self.missing <= self.cache


def miss_of(plan: Plan | None) -> Miss | None:
    """How far a plan on GPUs is from holding; None where the GPUs are not what is missing."""
    if plan is None or plan.verdict == "refused" or plan.mode != "gpu":
        return None
    return Miss(-plan.headroom, plan.memory.of("kv cache"))


def miss_on_one_gpu(architecture: Architecture, checkpoint: Checkpoint, work: Serving, search: Search) -> Miss | None:
    """How far llama.cpp is from holding the model on one GPU; None where there are more, or it does not even hold the layers."""
    devices = search.machine.devices
    if len(devices) != 1 or layer_bytes(architecture, checkpoint) > (budget(devices[0], work) or 0):
        return None
    alone = whole(architecture, checkpoint, work)
    return Miss(alone.missing(devices[0], work), alone.cache)


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
    if not kind or miss is None or not miss.halving_helps or not search.any_cache or work.options:
        return None
    small = replace(work, kv_cache=KvCache(kind, kind))
    plan = evaluate(model, architecture, checkpoint, engine, small, search.machine, True, search.strict)
    return plan if plan and plan.holds(search.strict) else None
