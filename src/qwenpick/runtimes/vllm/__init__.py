"""vLLM: a share of each GPU is requested, and weights, the profiled peak and the KV cache are paid out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from qwenpick.memory.account import Memory
from qwenpick.runtimes.given import read
from qwenpick.runtimes.vllm import cache as pool
from qwenpick.runtimes.vllm import refusals
from qwenpick.runtimes.vllm.account import available, budget, parts_of, profile_of, requested, smallest
from qwenpick.runtimes.vllm.options import Options
from qwenpick.runtimes.vllm.profile import Profile
from qwenpick.runtimes.vllm.settings import least, settings
from qwenpick.runtimes.vllm.start import cache_refusal, planned, share_refusal
from qwenpick.runtimes.vllm.vendors import vendors
from qwenpick.work.parallel import parallel_placements

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

NAME = "vllm"
TITLE = "vLLM"
READ_FROM = "vLLM 0.26.0: config/cache.py, config/vllm.py, engine/arg_utils.py, v1/worker/gpu_worker.py, v1/core/kv_cache_utils.py"
FORMATS = ("bf16", "fp16", "fp8", "fp8-online", "gptq-int8", "awq-int4", "gptq-int4", "nvfp4", "mxfp4", "nf4")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("bf16", "fp16"),
    "8bit": ("fp8", "gptq-int8", "fp8-online"),
    "4bit": ("awq-int4", "gptq-int4", "nvfp4", "mxfp4", "nf4"),
}


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why vLLM would not start this there, as a sentence; None if it would (the KV cache aside)."""
    if why := refusals.refusal(architecture, checkpoint, placement, FORMATS, TITLE):
        return why
    if why := refusals.model_refusal(
        architecture, settings(architecture, work, None).version, read(Options, work.options).version is not None
    ):
        return why
    return refusals.cache_type_refusal(work, TITLE) or share_refusal(work, placement)


def placements(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    machine: Machine,
) -> Iterator[Placement]:
    """One GPU, then tensor parallel over equal ones, then pipeline stages."""
    return parallel_placements(
        architecture, checkpoint.format, machine, vendors(TITLE), read(Options, work.options).parallel
    )


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What each GPU must hold at least: weights, the profiled peak, what lies outside torch, graphs, and blocks for `sequences` x `context`."""
    return parts_of(model, architecture, checkpoint, work, placement, least(architecture, work, smallest(placement)))


def profiled(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> Profile:
    """What vLLM's profile run finds on each GPU with vLLM's own settings, by the card that has least memory."""
    chosen = settings(architecture, work, smallest(placement))
    return profile_of(architecture, checkpoint, work, placement, chosen)


def available_kv(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> int:
    """Bytes left for the KV cache on the GPU that has least: "Available KV cache memory". Negative where weights do not fit."""
    chosen = settings(architecture, work, smallest(placement))
    return available(model, architecture, checkpoint, work, placement, chosen)


def start_refusal(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> str | None:
    """Why vLLM would not start, or give up while it starts, with its own settings; None if it would serve."""
    return refusal(architecture, checkpoint, work, placement) or cache_refusal(
        model, architecture, checkpoint, work, placement
    )


def kv_tokens(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> int:
    """Tokens that vLLM would print as "GPU KV cache size"; 0 where it would not start."""
    cut, context, version = _pool(architecture, work, placement)
    return pool.tokens(cut, available_kv(model, architecture, checkpoint, work, placement), context, version)


def tokens_of(available: int, architecture: Architecture, work: Serving, placement: Placement) -> int:
    """Tokens of a KV cache of `available` bytes per GPU, as vLLM would print them."""
    cut, context, version = _pool(architecture, work, placement)
    return pool.tokens(cut, available, context, version)


def max_concurrency(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> float:
    """How many sequences of the full context are served at once: "Maximum concurrency". Below 1, vLLM refuses to start."""
    cut, context, _ = _pool(architecture, work, placement)
    return pool.concurrency(cut, available_kv(model, architecture, checkpoint, work, placement), context)


def _pool(architecture: Architecture, work: Serving, placement: Placement) -> tuple[pool.Layout, int, tuple[int, ...]]:
    """The layout of the pool, the longest sequence and the version."""
    chosen = settings(architecture, work, placement.devices[0] if placement.devices else None)
    cut = pool.layout(architecture, chosen, work.kv_cache, placement.tensor_parallel, placement.pipeline_parallel)
    return cut, chosen.context, chosen.version


__all__ = [
    "FAMILIES",
    "FORMATS",
    "NAME",
    "READ_FROM",
    "TITLE",
    "Options",
    "available_kv",
    "budget",
    "kv_tokens",
    "max_concurrency",
    "memory",
    "placements",
    "planned",
    "profiled",
    "refusal",
    "requested",
    "start_refusal",
    "tokens_of",
]  # fmt: skip
