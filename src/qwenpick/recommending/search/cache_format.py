"""The 8-bit key-value cache that recommend tries where the 16-bit one does not fit on the GPUs and nobody said which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.memory.account import RAM
from qwenpick.memory.cache import KvCache
from qwenpick.planning.plan import Plan, evaluate
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.whole import layer_bytes, whole
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.search.space import Search
    from qwenpick.runtimes import Runtime
    from qwenpick.work.serving import Serving

EIGHT_BIT_CACHE = {
    "llamacpp": "q8_0",
    "ollama": "q8_0",
    "lmstudio": "q8_0",
    "vllm": "fp8",
    "sglang": "fp8",
    "mlx": "q8_0",
}


@dataclass(frozen=True, slots=True)
class Miss:
    """Bytes missing on the GPUs, and what an 8-bit cache saves there at most: half of a 16-bit one, what pages are rounded to, and compute buffers.

    The buffers are counted whole: with an 8-bit cache Ollama computes attention without its scores.
    """

    missing: int
    cache: int
    compute: int

    @property
    def eight_bits_help(self) -> bool:
        """Whether an 8-bit cache may be enough. Never false where it is: `longest context` relies on that."""
        return self.missing <= self.cache * 9 // 16 + self.compute


def miss_of(plan: Plan | None, machine: Machine) -> Miss | None:
    """How far a plan on GPUs is from holding, at the least; None where the GPUs are not what is missing."""
    if plan is None or plan.verdict == "refused" or plan.mode != "gpu":
        return None
    missing = -plan.headroom
    if len(machine.devices) > 1:  # another layout may use all of them evenly
        need = sum(place.need for place in plan.places if place.where != RAM)
        missing = min(missing, need - sum(budget(device, plan.work) or 0 for device in machine.devices))
    return Miss(missing, plan.memory.of("kv cache"), plan.memory.of("compute"))


def miss_on_one_gpu(architecture: Architecture, checkpoint: Checkpoint, work: Serving, search: Search) -> Miss | None:
    """How far llama.cpp is from holding the model on one GPU; None where there are more, or it does not even hold the layers."""
    devices = search.machine.devices
    if len(devices) != 1 or layer_bytes(architecture, checkpoint) > (budget(devices[0], work) or 0):
        return None
    alone = whole(architecture, checkpoint, work)
    return Miss(alone.missing(devices[0], work), alone.cache, alone.compute)


def in_eight_bits(
    architecture: Architecture,
    model: Model,
    checkpoint: Checkpoint,
    engine: Runtime,
    work: Serving,
    search: Search,
    miss: Miss | None,
) -> Plan | None:
    """The plan on GPUs alone with an 8-bit cache, where nobody said what cache, and what 8 bits save may be enough."""
    kind = EIGHT_BIT_CACHE.get(engine.NAME)
    if not kind or miss is None or not miss.eight_bits_help or not search.any_cache or work.options:
        return None
    small = replace(work, kv_cache=KvCache(kind, kind))
    plan = evaluate(model, architecture, checkpoint, engine, small, search.machine, True, search.strict)
    return plan if plan and plan.holds(search.strict) else None
