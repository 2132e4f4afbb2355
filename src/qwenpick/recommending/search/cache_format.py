"""What recommend tries where a plan does not fit on the GPUs as the engine starts by itself: a cache of 8 bits, and a lean start of vLLM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.memory.account import RAM
from qwenpick.memory.cache import KvCache
from qwenpick.planning.plan import Plan, evaluate
from qwenpick.recommending.practice import LEAN_ENGINES, lean_options
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

# what a lean start has less of
LEAN_PARTS = ("vision weights", "audio weights", "activations", "cuda graphs", "delta-net states")


@dataclass(frozen=True, slots=True)
class Miss:
    """Bytes missing on the GPUs, and what an 8-bit cache saves there at most: half of a 16-bit one, what pages are rounded to, and compute buffers.

    The buffers are counted whole: with an 8-bit cache Ollama computes attention without its scores. `lean` is what a lean start saves at most.
    """

    missing: int
    cache: int
    compute: int
    lean: int = 0

    @property
    def eight_bits_help(self) -> bool:
        """Whether an 8-bit cache may be enough. Never false where it is: `longest context` relies on that."""
        return self.missing <= self.cache * 9 // 16 + self.compute

    @property
    def lean_helps(self) -> bool:
        """Whether a lean start may be enough, with an 8-bit cache too."""
        return self.missing <= self.cache * 9 // 16 + self.lean


def miss_of(plan: Plan | None, machine: Machine) -> Miss | None:
    """How far a plan on GPUs is from holding, at the least; None where the GPUs are not what is missing."""
    if plan is None or plan.verdict == "refused" or plan.mode != "gpu":
        return None
    missing = -plan.headroom
    if len(machine.devices) > 1:  # another layout may use all of them evenly
        need = sum(place.need for place in plan.places if place.where != RAM)
        missing = min(missing, need - sum(budget(device, plan.work) or 0 for device in machine.devices))
    lean = (
        sum(part.bytes for part in plan.memory.parts if part.name in LEAN_PARTS) if plan.runtime in LEAN_ENGINES else 0
    )
    return Miss(missing, plan.memory.of("kv cache"), plan.memory.of("compute"), lean)


def miss_without_ram(architecture: Architecture, checkpoint: Checkpoint, work: Serving, search: Search) -> Miss | None:
    """How far llama.cpp is, at the least, from holding the model on the GPUs alone; None where they do not even hold the layers, or are none."""
    devices = search.machine.devices
    room = sum(budget(device, work) or 0 for device in devices)
    if not devices or layer_bytes(architecture, checkpoint) > room:
        return None
    alone = whole(architecture, checkpoint, work)
    return Miss(alone.on_gpu.with_driver(devices[0]) - room, alone.cache, alone.compute)


def spills_over_several(plan: Plan) -> bool:
    """Whether llama.cpp leaves a part of the model in RAM beside several GPUs."""
    return plan.runtime == "llamacpp" and plan.mode not in ("gpu", "cpu") and len(plan.box) > 1


def made_to_fit(
    architecture: Architecture,
    model: Model,
    checkpoint: Checkpoint,
    engine: Runtime,
    work: Serving,
    search: Search,
    miss: Miss | None,
) -> Plan | None:
    """The plan on GPUs alone in the first of the other ways that holds, where what it saves may be enough and nobody asked for options.

    First a cache of 8 bits, where nobody said which; then the lean start.
    """
    if miss is None or work.options:
        return None
    small = EIGHT_BIT_CACHE.get(engine.NAME) if search.any_cache else None
    ways = [replace(work, kv_cache=KvCache(small, small))] if small and miss.eight_bits_help else []
    if engine.NAME in LEAN_ENGINES and miss.lean_helps and not (work.image_tokens or work.audio_seconds):
        lean = replace(work, options=lean_options(work))
        ways += [lean, *([replace(lean, kv_cache=KvCache(small, small))] if small else [])]
    for way in ways:
        plan = evaluate(model, architecture, checkpoint, engine, way, search.machine, True, search.strict)
        if plan and plan.holds(search.strict):
            return plan
    return None
