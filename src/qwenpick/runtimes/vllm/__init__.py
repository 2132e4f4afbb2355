"""vLLM: a share of each GPU is requested, and weights, the profiled peak and the KV cache are paid out of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.memory import Memory, Part, gpu
from qwenpick.memory import memory as gather
from qwenpick.parallel import parallel_placements
from qwenpick.parts import cuda_free, cuda_total
from qwenpick.runtimes.vllm import cache as pool
from qwenpick.runtimes.vllm import refusals
from qwenpick.runtimes.vllm.profile import CONTEXT, Profile, profile, workspace_bytes
from qwenpick.runtimes.vllm.settings import OPTIONS, Settings, least, settings, utilization
from qwenpick.runtimes.vllm.weights import loaded_format, rope_bytes, weights
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.hardware import Device, Machine
    from qwenpick.placement import Placement
    from qwenpick.workload import Serving

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
        architecture, settings(architecture, work, None).version, "version" in work.options
    ):
        return why
    if "gpu_memory_utilization" not in work.options:
        return None
    for device in placement.devices:
        total, free = cuda_total(device), cuda_free(device)
        if total and free is not None and requested(total, work) > free - CONTEXT:
            left = format_bytes(max(0, free - CONTEXT))
            return f"vLLM wants {format_bytes(requested(total, work))} of {device.name} and only {left} would be free when it starts"
    return None


def placements(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    machine: Machine,
) -> Iterator[Placement]:
    """One GPU, then tensor parallel over equal ones, then pipeline stages."""
    return parallel_placements(architecture, checkpoint.format, machine, refusals.VENDORS)


def requested(total: int, work: Serving) -> int:
    """Bytes that vLLM asks for of CUDA's total: ceil(total x gpu_memory_utilization), v1/worker/utils.py request_memory."""
    return math.ceil(total * utilization(work))


def budget(device: Device, work: Serving) -> int | None:
    """Bytes that vLLM may take of the device: what it requests, which must be free beside its own CUDA context.

    A default request that is not free is lowered to what is (the launch command then says so); an explicit one is refused.
    """
    total, free = cuda_total(device), cuda_free(device)
    if total is None or free is None:
        return None
    return min(requested(total, work), max(0, free - CONTEXT))


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What each GPU must hold at least: weights, the profiled peak, what lies outside torch, graphs, and blocks for `sequences` x `context`."""
    device = min(placement.devices, key=lambda d: d.total or 0) if placement.devices else None
    return _memory(model, architecture, checkpoint, work, placement, least(architecture, work, device))


def planned(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Settings:
    """The settings to start with: vLLM's own for the GPU where they hold, else the ones that take least; a share that is free."""
    device = min(placement.devices, key=lambda d: d.total or 0) if placement.devices else None
    own = settings(architecture, work, device)
    needed = _memory(model, architecture, checkpoint, work, placement, own)
    holds = all(needed.on(gpu(i)) <= (budget(d, work) or 0) for i, d in enumerate(placement.devices))
    chosen = own if holds else least(architecture, work, device)
    shares = ((budget(d, work) or 0) / (cuda_total(d) or 1) for d in placement.devices)
    free = math.floor(10000 * min(shares, default=1.0)) / 10000
    return replace(chosen, utilization=min(chosen.utilization, free)) if free else chosen


def _memory(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    chosen: Settings,
) -> Memory:
    """The parts of a start with these settings."""
    ranks, stages = placement.tensor_parallel, placement.pipeline_parallel
    found = _profile(architecture, checkpoint, work, placement, chosen)
    cut = pool.layout(architecture, chosen, work.kv_cache, ranks, stages)
    pages = -(-work.context // cut.block_size) * work.sequences
    common = [
        Part(
            "kv cache",
            pages * cut.block_bytes,
            "",
            f"{pages} blocks of {cut.block_size} tokens x {cut.block_bytes} bytes",
            "kv cache",
        ),
        Part(
            "delta-net states",
            cut.states * work.sequences * cut.block_bytes,
            "",
            f"{cut.states} blocks x {work.sequences} sequences x {cut.block_bytes} bytes",
            "state",
        ),
        Part(
            "activations",
            found.activation,
            "",
            f"profile run of {chosen.batched_tokens} tokens and {chosen.sequences} sampled rows",
            "compute",
        ),
        Part("outside torch", found.non_torch, "", "kernels and communication buffers, measured", "overhead"),
        Part(
            "cuda graphs",
            found.graph_estimate or found.graphs,
            "",
            f"captures up to batch {chosen.max_graph} x {architecture.num_layers} layers",
            "overhead",
        ),
        Part("rope table", rope_bytes(model, architecture), "", "positions x rotary dimensions x 2 bytes", "weights"),
    ]
    per_stage = weights(architecture, checkpoint, chosen, ranks, stages)
    name = loaded_format(checkpoint, chosen)
    cut_in = f" over {ranks} GPUs" if ranks > 1 else ""
    parts: list[Part] = []
    for index in range(max(1, len(placement.devices))):
        where = gpu(index)
        stage = per_stage[min(index // ranks, stages - 1)]
        parts += [
            Part(f"{part} weights", size, where, f"tensors in {name}{cut_in}, rounded as torch allocates", "weights")
            for part, size in stage
        ]
        parts += [Part(p.name, p.bytes, where, p.formula, p.kind) for p in common]
    return gather(parts)


def profiled(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> Profile:
    """What vLLM's profile run finds on each GPU with vLLM's own settings, by the card that has least memory."""
    device = min(placement.devices, key=lambda d: d.total or 0) if placement.devices else None
    return _profile(architecture, checkpoint, work, placement, settings(architecture, work, device))


def _profile(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement, chosen: Settings
) -> Profile:
    fp8 = loaded_format(checkpoint, chosen).startswith("fp8")
    workspace = workspace_bytes(placement.devices[0] if placement.devices else None)
    return profile(architecture, chosen, placement.tensor_parallel, workspace, fp8, work.image_tokens)


def available_kv(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> int:
    """Bytes left for the KV cache on the GPU that has least: "Available KV cache memory". Negative where weights do not fit."""
    ranks = placement.tensor_parallel
    chosen = settings(architecture, work, min(placement.devices, key=lambda d: d.total or 0))
    found = profiled(architecture, checkpoint, work, placement)
    per_stage = weights(architecture, checkpoint, chosen, ranks, placement.pipeline_parallel)
    heaviest = max(sum(size for _, size in stage) for stage in per_stage)
    least = min(requested(cuda_total(d) or 0, work) for d in placement.devices)
    return (
        least - heaviest - rope_bytes(model, architecture) - found.activation - found.non_torch - found.graph_estimate
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


def _pool(architecture: Architecture, work: Serving, placement: Placement) -> tuple[pool.Layout, int, tuple[int, int]]:
    """The layout of the pool, the longest sequence and the version."""
    chosen = settings(architecture, work, placement.devices[0] if placement.devices else None)
    cut = pool.layout(architecture, chosen, work.kv_cache, placement.tensor_parallel, placement.pipeline_parallel)
    return cut, chosen.context, chosen.version


__all__ = [
    "FAMILIES", "FORMATS", "NAME", "OPTIONS", "READ_FROM", "TITLE", "available_kv", "budget", "kv_tokens", "max_concurrency", "memory", "placements",
    "planned", "profiled", "refusal", "requested", "tokens_of",
]  # fmt: skip
