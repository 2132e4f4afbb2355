"""vLLM's account: what it requests of a GPU, what it pays out of it, and what is left for the cache."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenpick.i18n import N_
from qwenpick.machine.hardware import cuda_free, cuda_total
from qwenpick.memory.account import RAM, Memory, Part, gpu
from qwenpick.memory.account import memory as gather
from qwenpick.runtimes.given import read
from qwenpick.runtimes.vllm import cache as pool
from qwenpick.runtimes.vllm.buffers import buffers, offloaded
from qwenpick.runtimes.vllm.graphs import OLD_RANK_UNTIL, Link
from qwenpick.runtimes.vllm.options import Options
from qwenpick.runtimes.vllm.profile import (
    COMMUNICATORS_BEFORE,
    OLD_NCCL_BEFORE,
    UNIFIED_OTHERS,
    Profile,
    Rank,
    kernels_of,
    profile,
)
from qwenpick.runtimes.vllm.runner import context_bytes
from qwenpick.runtimes.vllm.settings import Settings, utilization
from qwenpick.runtimes.vllm.weights import around_layers, loaded_format, weights
from qwenpick.values import dataclass
from qwenpick.work.placement import Cut
from qwenpick.work.sharding import communication_bytes, over_pcie, stage_layers

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving


LENT = N_("beside the request")
LENT_FOR = N_("graphs, attention's buffers and communicators beyond what is free beside it")


@dataclass(frozen=True, slots=True)
class Stage:
    """What each rank of one pipeline stage holds: its weights and buffers, what its profile run finds, and how its pool is cut.

    `in_ram` are weights of its that lie in RAM.
    """

    weights: tuple[tuple[str, int], ...]
    buffers: tuple[Part, ...]
    profile: Profile
    layout: pool.Layout

    @property
    def loaded(self) -> int:
        """Bytes of "Model loading took"."""
        return sum(size for _, size in self.weights) + sum(part.bytes for part in self.buffers)

    cache_bytes: int | None = None
    in_ram: int = 0

    def left(self, requested: int) -> int:
        """Bytes of the request that are left for the cache, negative where it does not suffice; as many as were asked for by name."""
        found = self.profile
        if self.cache_bytes is not None:  # kv_cache_memory_bytes does not respect the share: gpu_worker.py
            return self.cache_bytes
        return requested - self.loaded - found.activation - found.non_torch - found.graph_estimate


def smallest(placement: Placement) -> Device | None:
    """The device with least memory: it rules what every rank may take."""
    return min(placement.devices, key=lambda d: d.total or 0) if placement.devices else None


def requested(device: Device, work: Serving) -> int:
    """Bytes that vLLM asks for of CUDA's total: ceil(total x gpu_memory_utilization), v1/worker/utils.py request_memory."""
    return math.ceil((cuda_total(device) or 0) * utilization(work, device))


def budget(device: Device, work: Serving) -> int | None:
    """Bytes that vLLM may take of the device: what it requests, which must be free beside its own CUDA context.

    A default request that is not free is lowered to what is (the launch command then says so); an explicit one is refused. A cache that was asked for
    by its bytes does not respect the share.
    """
    total, free = cuda_total(device), cuda_free(device)
    if total is None or free is None:
        return None
    said = read(Options, work.options)
    left = max(0, free - context_bytes(device, said.release))
    return left if said.kv_cache_memory_bytes else min(requested(device, work), left)


def beside_bytes(architecture: Architecture, placement: Placement, version: tuple[int, ...]) -> int:
    """Bytes that each rank takes before vLLM looks at what is free: the CUDA context, and communicators where they do not count as inside."""
    gpus = placement.tensor_parallel * placement.pipeline_parallel * placement.data_parallel
    inside = version < COMMUNICATORS_BEFORE
    old = version < OLD_NCCL_BEFORE
    around = 0 if inside else communication_bytes(gpus, architecture.is_moe, smallest(placement), old)
    return max(context_bytes(device, version) for device in placement.devices or (None,)) + around


def outside_bytes(architecture: Architecture, placement: Placement, stage: Stage, version: tuple[int, ...]) -> int:
    """Bytes that a rank takes beside its request: the same, and graphs and attention's buffers beyond what the request pays for them."""
    return beside_bytes(architecture, placement, version) + stage.profile.outside


def link_of(placement: Placement) -> Link:
    """What joins a rank to others."""
    if placement.tensor_parallel * placement.pipeline_parallel * placement.data_parallel == 1:
        return "alone"
    return "pcie" if over_pcie(smallest(placement)) else "nvlink"


def stages_of(
    model: Model | None,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    chosen: Settings,
) -> tuple[Stage, ...]:
    """Every pipeline stage of a start with these settings, first to last."""
    stages, ranks = placement.pipeline_parallel, placement.tensor_parallel
    cut = Cut(ranks, stages, placement.data_parallel, placement.expert_parallel, placement.stage_layers)
    loaded = weights(architecture, checkpoint, chosen, cut)
    kernels = kernels_of(placement.devices[0] if placement.devices else None, loaded_format(checkpoint, chosen))
    said = read(Options, work.options)
    offload = int((said.cpu_offload_gb or 0) * 2**30)
    around = around_layers(architecture, loaded_format(checkpoint, chosen), cut)
    held = [
        offloaded(stage, offload, placement.host_table, around[i], chosen.version) for i, stage in enumerate(loaded)
    ]
    found = []
    for index, layers in enumerate(stage_layers(architecture.num_layers, stages, placement.stage_layers)):
        first, last = index == 0, index == stages - 1
        rank = Rank(ranks, len(layers), first, last, link_of(placement), cut.data)
        found.append(
            Stage(
                held[index][0],
                tuple(buffers(model, architecture, chosen, layers, first, last, ranks)),
                profile(architecture, chosen, rank, kernels, work.image_tokens),
                pool.layout(architecture, chosen, work.kv_cache, ranks, layers, last),
                said.kv_cache_memory_bytes,
                held[index][1],
            )
        )
    return tuple(found)


def parts_of(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    chosen: Settings,
) -> Memory:
    """The parts of a start with these settings."""
    stages = stages_of(model, architecture, checkpoint, work, placement, chosen)
    ranks, name = placement.tensor_parallel, loaded_format(checkpoint, chosen)
    formula = (
        N_("tensors in {name} over {ranks} GPUs, rounded as torch allocates", name=name, ranks=ranks)
        if ranks > 1
        else N_("tensors in {name}, rounded as torch allocates", name=name)
    )
    by_stage = [list(_stage_parts(stage, architecture, work, placement, chosen)) for stage in stages]
    parts: list[Part] = []
    later: list[Part] = []
    link = link_of(placement)
    lent_of: dict[tuple[int, Device], int] = {}  # alike on alike devices of a stage
    for index in range(max(1, len(placement.devices))):
        where, stage = gpu(index), placement.stage(index)
        parts += [
            Part(N_("{part} weights", part=part), size, where, formula, "weights")
            for part, size in stages[stage].weights
        ]
        parts += [Part(p.name, p.bytes, where, p.formula, p.kind) for p in by_stage[stage]]
        if placement.devices:
            device = placement.devices[index]
            if (stage, device) not in lent_of:
                lent_of[stage, device] = _lent(architecture, work, placement, stages[stage], device, chosen)
            parts.append(Part(LENT, lent_of[stage, device], where, LENT_FOR, "overhead"))
            if link != "alone" and chosen.version < OLD_RANK_UNTIL:
                unsure = stages[stage].profile.graphs // 2
                later.append(
                    Part("graphs of an old release", unsure, where, N_("known only roughly (within half)"), "surge")
                )
            if device.unified and device.vendor == "nvidia":
                others = N_("what else takes of the shared memory while vLLM looks at it")
                later.append(Part("other programs", UNIFIED_OTHERS, where, others, "surge"))
    in_ram = sum(stages[placement.stage(index)].in_ram for index in range(max(1, len(placement.devices))))
    parts.append(
        Part("weights in host memory", in_ram, RAM, N_("cpu_offload_gb of each GPU, and an n-gram table"), "weights")
    )
    return gather(parts, later)


def _lent(
    architecture: Architecture, work: Serving, placement: Placement, stage: Stage, device: Device, chosen: Settings
) -> int:
    """Bytes of the request that have to stay free for what lies beside it, where less than that is left."""
    free, share = cuda_free(device), budget(device, work)
    if free is None or share is None:
        return 0
    return max(0, outside_bytes(architecture, placement, stage, chosen.version) - (free - share))


def _stage_parts(
    stage: Stage, architecture: Architecture, work: Serving, placement: Placement, chosen: Settings
) -> Iterator[Part]:
    """What a rank of the stage holds beside its weights; sequences are spread over the copies."""
    cut, found = stage.layout, stage.profile
    sequences = -(-work.sequences // placement.data_parallel)
    pages = -(-work.context // cut.block_size) * sequences
    states = cut.states * sequences
    if cut.states and chosen.max_graph and (named := read(Options, work.options).max_num_seqs):
        # a block for every sequence that graphs are captured for: start.py state_blocks
        states = max(states, named - pages)
    yield Part(
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
    )
    yield Part(
        "delta-net states",
        states * cut.block_bytes,
        "",
        N_(
            "{states} blocks x {sequences} sequences x {block_bytes} bytes",
            states=cut.states,
            sequences=sequences,
            block_bytes=cut.block_bytes,
        )
        if states == cut.states * sequences
        else N_("a block for each of {sequences} sequences", sequences=chosen.sequences),
        "state",
    )
    if stage.cache_bytes is not None:
        rest = max(0, stage.cache_bytes - (pages + states) * cut.block_bytes)
        yield Part("rest of the cache", rest, "", N_("kv_cache_memory_bytes beyond these sequences"), "kv cache")
    yield Part(
        "activations",
        found.activation,
        "",
        N_(
            "profile run of {batched_tokens} tokens and {sequences} sampled rows",
            batched_tokens=chosen.batched_tokens,
            sequences=chosen.sequences,
        ),
        "compute",
    )
    yield Part("outside torch", found.non_torch, "", N_("kernels and communication buffers, measured"), "overhead")
    yield Part(
        "cuda graphs",
        found.graph_estimate,
        "",
        N_(
            "captures up to batch {max_graph} x {num_layers} layers",
            max_graph=chosen.max_graph,
            num_layers=architecture.num_layers,
        ),
        "overhead",
    )
    yield from stage.buffers


def blocks_of(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    chosen: Settings,
) -> int:
    """Blocks of the pool, which the rank with the fewest decides for all: v1/core/kv_cache_utils.py get_kv_cache_configs."""
    stages = stages_of(model, architecture, checkpoint, work, placement, chosen)
    asked = [requested(device, work) for device in placement.devices]
    return min(
        max(0, stages[placement.stage(i)].left(share)) // stages[placement.stage(i)].layout.block_bytes
        for i, share in enumerate(asked)
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
    stages = stages_of(model, architecture, checkpoint, work, placement, chosen)
    return min(stages[placement.stage(i)].left(requested(device, work)) for i, device in enumerate(placement.devices))
