"""vLLM's account: what it requests of a GPU, what it pays out of it, and what is left for the cache."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qwenpick.i18n import N_
from qwenpick.machine.hardware import cuda_free, cuda_total
from qwenpick.memory.account import Memory, Part, gpu
from qwenpick.memory.account import memory as gather
from qwenpick.runtimes.vllm import cache as pool
from qwenpick.runtimes.vllm.profile import CONTEXT, Profile, kernels_of, profile
from qwenpick.runtimes.vllm.settings import Settings, utilization
from qwenpick.runtimes.vllm.weights import deepstack_bytes, loaded_format, rope_bytes, selection_bytes, weights

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving


def smallest(placement: Placement) -> Device | None:
    """The device with least memory: it rules what every rank may take."""
    return min(placement.devices, key=lambda d: d.total or 0) if placement.devices else None


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


def parts_of(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    chosen: Settings,
) -> Memory:
    """The parts of a start with these settings."""
    ranks, stages = placement.tensor_parallel, placement.pipeline_parallel
    found = profile_of(architecture, checkpoint, work, placement, chosen)
    cut = pool.layout(architecture, chosen, work.kv_cache, ranks, stages)
    pages = -(-work.context // cut.block_size) * work.sequences
    common = [
        Part(
            "kv cache",
            pages * cut.block_bytes,
            "",
            N_(
                "{pages} blocks of {block_size} tokens x {block_bytes} bytes",
                pages=pages,
                block_size=cut.block_size,
                block_bytes=cut.block_bytes,
            ),
            "kv cache",
        ),
        Part(
            "delta-net states",
            cut.states * work.sequences * cut.block_bytes,
            "",
            N_(
                "{states} blocks x {sequences} sequences x {block_bytes} bytes",
                states=cut.states,
                sequences=work.sequences,
                block_bytes=cut.block_bytes,
            ),
            "state",
        ),
        Part(
            "activations",
            found.activation,
            "",
            N_(
                "profile run of {batched_tokens} tokens and {sequences} sampled rows",
                batched_tokens=chosen.batched_tokens,
                sequences=chosen.sequences,
            ),
            "compute",
        ),
        Part("outside torch", found.non_torch, "", N_("kernels and communication buffers, measured"), "overhead"),
        Part(
            "cuda graphs",
            found.graph_estimate,
            "",
            N_(
                "captures up to batch {max_graph} x {num_layers} layers",
                max_graph=chosen.max_graph,
                num_layers=architecture.num_layers,
            ),
            "overhead",
        ),
        Part(
            "rope table",
            rope_bytes(model, architecture),
            "",
            N_("positions x rotary dimensions x 2 bytes"),
            "weights",
        ),
        Part(
            "deepstack buffers",
            deepstack_bytes(architecture, chosen),
            "",
            N_("levels x batched tokens x hidden x 2 bytes"),
            "weights",
        ),
        Part(
            "selected tokens",
            selection_bytes(architecture, chosen, stages),
            "",
            N_("batched tokens x (budget + compress_ratio) x 4 bytes, the layers with an indexer"),
            "weights",
        ),
    ]
    per_stage = weights(architecture, checkpoint, chosen, ranks, stages)
    name = loaded_format(checkpoint, chosen)
    formula = (
        N_("tensors in {name} over {ranks} GPUs, rounded as torch allocates", name=name, ranks=ranks)
        if ranks > 1
        else N_("tensors in {name}, rounded as torch allocates", name=name)
    )
    parts: list[Part] = []
    for index in range(max(1, len(placement.devices))):
        where = gpu(index)
        stage = per_stage[min(index // ranks, stages - 1)]
        parts += [
            Part(
                N_("{part} weights", part=part),
                size,
                where,
                formula,
                "weights",
            )
            for part, size in stage
        ]
        parts += [Part(p.name, p.bytes, where, p.formula, p.kind) for p in common]
    return gather(parts)


def profile_of(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement, chosen: Settings
) -> Profile:
    """What the profile run of these settings finds on each GPU."""
    kernels = kernels_of(placement.devices[0] if placement.devices else None, loaded_format(checkpoint, chosen))
    return profile(
        architecture, chosen, placement.tensor_parallel, placement.pipeline_parallel, kernels, work.image_tokens
    )


def available(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    chosen: Settings,
) -> int:
    """Bytes that are left for the KV cache on the GPU that has least, with these settings; negative where weights do not fit."""
    found = profile_of(architecture, checkpoint, work, placement, chosen)
    per_stage = weights(architecture, checkpoint, chosen, placement.tensor_parallel, placement.pipeline_parallel)
    heaviest = max(sum(size for _unused, size in stage) for stage in per_stage)
    least_asked = min(requested(cuda_total(d) or 0, work) for d in placement.devices)
    return (
        least_asked
        - heaviest
        - rope_bytes(model, architecture)
        - deepstack_bytes(architecture, chosen)
        - selection_bytes(architecture, chosen, placement.pipeline_parallel)
        - found.activation
        - found.non_torch
        - found.graph_estimate
    )
