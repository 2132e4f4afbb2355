"""What recommend tries where a plan does not fit on the GPUs as the engine starts by itself: a smaller cache, and a lean start of vLLM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.memory.account import RAM
from qwenpick.memory.cache import CACHE_BITS, KvCache, kv_bytes
from qwenpick.planning.plan import Plan, evaluate
from qwenpick.recommending.practice import LEAN_ENGINES, lean_options
from qwenpick.recommending.quantization_loss import SIZES, STURDY
from qwenpick.recommending.scoring import kept_of_cache
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.parts import copies_of, is_pooled
from qwenpick.runtimes.llamacpp.whole import layer_bytes, whole
from qwenpick.speed.cache_kernels import way_of
from qwenpick.speed.devices import class_of
from qwenpick.speed.flags import LATEST
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.recommending.request import Request
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

# Smaller ones, of models that stand them, where 8 bits are not enough. Two types at once only where a default build has a kernel for them: Arc, not
# CUDA, HIP and Metal (speed/cache_kernels.py); Ollama has one type for both (OLLAMA_KV_CACHE_TYPE).
_MIXED, _FOUR = KvCache("q8_0", "q4_0"), KvCache("q4_0", "q4_0")
FOUR_BIT_CACHES: Mapping[str, tuple[KvCache, ...]] = {
    "llamacpp": (_MIXED, _FOUR),
    "lmstudio": (_MIXED, _FOUR),
    "ollama": (_FOUR,),
}

# what a lean start has less of
LEAN_PARTS = ("vision weights", "audio weights", "activations", "cuda graphs", "delta-net states")


@dataclass(frozen=True, slots=True)
class Miss:
    """Bytes missing on the GPUs, and what a smaller cache saves there at most: its bits, what pages are rounded to, and compute buffers.

    The buffers are counted whole: with an 8-bit cache Ollama computes attention without its scores. `lean` is what a lean start saves at most.
    """

    missing: int
    cache: int
    compute: int
    lean: int = 0

    def brought_by(self, cache: KvCache) -> bool:
        """Whether a smaller cache may be enough. Never false where it is: `longest context` relies on that."""
        bits = min((CACHE_BITS[cache.k] + CACHE_BITS[cache.v]) / 2, 8.0)
        return self.missing <= self.cache * (17 - bits) / 16 + self.compute

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
    alone = whole(architecture, checkpoint, work, copies=copies_of(devices, work))
    return Miss(alone.on_gpu.with_driver(devices[0]) - room, alone.cache, alone.compute)


def spills_over_several(plan: Plan) -> bool:
    """Whether llama.cpp leaves a part of the model in RAM beside several GPUs."""
    return plan.runtime == "llamacpp" and plan.mode not in ("gpu", "cpu") and len(plan.box) > 1


def smaller_caches(engine: str, model: Model, architecture: Architecture) -> tuple[KvCache, ...]:
    """The caches of fewer bits that are tried in an engine, the best kept first: one of 8, and those that the model stands."""
    eight = EIGHT_BIT_CACHE.get(engine)
    if eight is None:
        return ()
    # four-bit keys were measured of 27B and 35B-A3B
    sturdy = model.parameters is not None and model.parameters.total > SIZES[STURDY - 1]
    stood = (
        cache
        for cache in FOUR_BIT_CACHES.get(engine, ())
        if kept_of_cache(architecture, cache).advised and (sturdy or cache != _FOUR)
    )
    return KvCache(eight, eight), *stood


def least_cache_bytes(engine: str, model: Model, architecture: Architecture, tokens: int, request: Request) -> int:
    """Bytes of all users' keys and values in the smallest cache that is tried in the engine: what is too large with it need not be planned.

    0 where options may change them, or a model for embeddings keeps none.
    """
    if request.options or is_pooled(model):
        return 0
    asked = request.kv_cache
    caches = (asked,) if asked else (KvCache(), *smaller_caches(engine, model, architecture))
    return request.users * min(kv_bytes(architecture, tokens, cache) for cache in caches)


def caches_with_kernels(
    engine: str, model: Model, architecture: Architecture, devices: tuple[Device, ...]
) -> list[KvCache]:
    """Those of them that the devices attend to by a kernel."""
    return [cache for cache in smaller_caches(engine, model, architecture) if _has_kernel(cache, devices)]


def _has_kernel(cache: KvCache, devices: tuple[Device, ...]) -> bool:
    """Whether llama.cpp's default builds attend to keys and values of two types by a kernel, on all of the devices; of one type they do."""
    return cache.k == cache.v or all(way_of(cache, class_of(one, None), LATEST) == "fused" for one in devices)


def made_to_fit(
    architecture: Architecture,
    model: Model,
    checkpoint: Checkpoint,
    engine: Runtime,
    work: Serving,
    search: Search,
    miss: Miss | None,
) -> Iterator[Plan]:
    """The plans on GPUs alone that hold in other ways, where what they save may be enough and nobody asked for options.

    A cache of 8 bits, where nobody said which, else what is smaller and is stood; else lean starts, until one fits beyond doubt.
    """
    if miss is None or work.options:
        return

    def held(way: Serving) -> Plan | None:
        plan = evaluate(model, architecture, checkpoint, engine, way, search.machine, True, search.strict)
        return plan if plan and plan.holds(search.strict) else None

    devices = search.machine.devices
    caches = caches_with_kernels(engine.NAME, model, architecture, devices) if search.any_cache else []
    found = False
    for at, cache in enumerate(caches):
        if miss.brought_by(cache) and (plan := held(replace(work, kv_cache=cache))):
            yield plan
            found = True
            if at == 0:
                return
    if found or engine.NAME not in LEAN_ENGINES or not miss.lean_helps or work.image_tokens or work.audio_seconds:
        return
    lean = replace(work, options=lean_options(work))
    for way in (lean, *(replace(lean, kv_cache=cache) for cache in caches)):
        if plan := held(way):
            yield plan
            if plan.verdict == "fits":
                return
