"""How vLLM is started: with its own settings where they hold, else with ones that do; and why a start would be given up."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.machine.hardware import cuda_free, cuda_total
from qwenpick.memory.account import gpu
from qwenpick.runtimes.given import read
from qwenpick.runtimes.vllm import cache as pool
from qwenpick.runtimes.vllm.account import (
    LENT,
    Stage,
    available,
    beside_bytes,
    blocks_of,
    budget,
    link_of,
    outside_bytes,
    parts_of,
    requested,
    smallest,
    stages_of,
)
from qwenpick.runtimes.vllm.graphs import OLD_RANK_UNTIL, taken_bytes
from qwenpick.runtimes.vllm.options import Options
from qwenpick.runtimes.vllm.settings import Settings, least, settings
from qwenpick.units import format_bytes
from qwenpick.work.sharding import stage_layers

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving


def planned(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Settings:
    """The settings to start with: vLLM's own for the GPU where they hold, else the ones that take least; a share that is free."""
    device = smallest(placement)
    chosen = settings(architecture, work, device)
    if not placement.devices:
        return chosen
    run = (model, architecture, checkpoint, work, placement)
    needed = parts_of(*run, chosen)
    holds = all(needed.on(gpu(i)) <= (budget(d, work) or 0) for i, d in enumerate(placement.devices))
    if not holds or chosen.sequences > state_blocks(*run, chosen):
        chosen = least(architecture, work, device)
    if read(Options, work.options).max_num_seqs is None:
        chosen = replace(chosen, sequences=max(work.sequences, min(chosen.sequences, state_blocks(*run, chosen))))
    lent = {part.where: part.bytes for part in needed.parts if part.name == LENT}
    shares = (
        ((budget(d, work) or 0) - lent.get(gpu(i), 0)) / (cuda_total(d) or 1) for i, d in enumerate(placement.devices)
    )
    free = math.floor(10000 * min(shares)) / 10000
    return replace(chosen, utilization=min(chosen.utilization, free)) if free else chosen


def written(chosen: Settings) -> dict[str, float]:
    """The settings as the options that `launch` writes."""
    return {
        "max_num_seqs": chosen.sequences,
        "max_num_batched_tokens": chosen.batched_tokens,
        "gpu_memory_utilization": chosen.utilization,
    }


def state_blocks(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    chosen: Settings,
) -> int:
    """How many sequences may be decoded at once: blocks of the pool where states take them and graphs are captured, else no limit.

    config/compilation.py resolve_cudagraph_mode_and_sizes: every sequence of max_num_seqs needs a block for its state.
    """
    if not architecture.is_hybrid or not chosen.max_graph:
        return chosen.sequences
    return blocks_of(model, architecture, checkpoint, work, placement, chosen)


def share_refusal(architecture: Architecture, work: Serving, placement: Placement) -> str | None:
    """Why a share of the memory that was asked for by name is not free: beside it lie the context and, over several GPUs, communicators."""
    if read(Options, work.options).gpu_memory_utilization is None:
        return None
    chosen = least(architecture, work, smallest(placement))
    beside = beside_bytes(architecture, placement, chosen.version)
    for device in placement.devices:
        total, free = cuda_total(device), cuda_free(device)
        if total and free is not None and requested(device, work) > free - beside:
            return _(
                "vLLM asks for {requested} of {name}, and only {left} would be free when it starts",
                requested=format_bytes(requested(device, work)),
                name=device.name,
                left=format_bytes(max(0, free - beside)),
            )
    return graphs_refusal(architecture, work, placement, chosen)


def held_refusal(architecture: Architecture, work: Serving, placement: Placement) -> str | None:
    """Why a cache that was set by its bytes does not hold the sequences that are planned."""
    size = read(Options, work.options).kv_cache_memory_bytes
    if size is None:
        return None
    chosen = least(architecture, work, smallest(placement))
    stages, sequences = placement.pipeline_parallel, -(-work.sequences // placement.data_parallel)
    for index, layers in enumerate(stage_layers(architecture.num_layers, stages, placement.stage_layers)):
        cut = pool.layout(
            architecture, chosen, work.kv_cache, placement.tensor_parallel, layers, last=index == stages - 1
        )
        if (held := size // cut.block_bytes // cut.blocks(work.context)) < sequences:
            return _(
                "kv_cache_memory_bytes of {size} hold {held} of {sequences} sequences of {context} tokens",
                size=format_bytes(size),
                held=held,
                sequences=sequences,
                context=work.context,
            )
    return None


def graphs_refusal(architecture: Architecture, work: Serving, placement: Placement, chosen: Settings) -> str | None:
    """Why the graphs would not find room beside the request, in releases that take gigabytes for them over several GPUs."""
    link = link_of(placement)
    if link == "alone" or chosen.version >= OLD_RANK_UNTIL or not chosen.captures:
        return None
    graphs = taken_bytes(architecture, architecture.num_layers // placement.pipeline_parallel, chosen, link)
    for device in placement.devices:
        if (free := cuda_free(device)) is None:
            continue
        left = free - beside_bytes(architecture, placement, chosen.version) - requested(device, work)
        if graphs > left:
            return _(
                "the graphs of vLLM {version} take {graphs} and only {left} of {name} is free beside the request",
                version=".".join(map(str, chosen.version)),
                graphs=format_bytes(graphs),
                name=device.name,
                left=format_bytes(max(0, left)),
            )
    return None


def profile_refusal(
    architecture: Architecture, placement: Placement, chosen: Settings, stages: tuple[Stage, ...]
) -> str | None:
    """Why the states would not find room while graphs are profiled: a block for each captured sequence, before the cache is made.

    vLLM 0.27 v1/worker/gpu_model_runner.py _init_minimal_kv_cache_for_profiling, and that of the V2 runner's gpu/cudagraph_utils.py from 0.29 on:
    the share does not matter, what is free does. Nothing is profiled for a cache that was set by its bytes (gpu_worker.py
    determine_available_memory).
    """
    if not architecture.is_hybrid or not stages[0].profile.graph_estimate or stages[0].cache_bytes is not None:
        return None
    blocks = min(chosen.sequences, chosen.max_graph)
    for index, device in enumerate(placement.devices):
        stage, free = stages[placement.stage(index)], cuda_free(device)
        if free is None:
            continue
        needed = blocks * stage.layout.block_bytes
        left = free - beside_bytes(architecture, placement, chosen.version) - stage.loaded - stage.profile.non_torch
        if needed > left:
            return _(
                "profiling its graphs takes {needed} for the states of {blocks} sequences and only {left} of {name} is free beside the weights",
                needed=format_bytes(needed),
                blocks=blocks,
                left=format_bytes(max(0, left)),
                name=device.name,
            )
    return None


def set_refusal(
    architecture: Architecture, placement: Placement, chosen: Settings, stages: tuple[Stage, ...]
) -> str | None:
    """Why a cache that was set by its bytes would not find room; nothing else looks: gpu_worker.py determine_available_memory."""
    for index, device in enumerate(placement.devices):
        stage, free = stages[placement.stage(index)], cuda_free(device)
        if stage.cache_bytes is None or free is None:
            continue
        left = free - outside_bytes(architecture, placement, stage, chosen.version) - stage.loaded
        left -= stage.profile.activation + stage.profile.non_torch + stage.profile.graph_estimate
        if stage.cache_bytes > left:
            return _(
                "kv_cache_memory_bytes asks for {asked}, and only {left} of {name} is free beside the weights and what a step takes",
                asked=format_bytes(stage.cache_bytes),
                left=format_bytes(max(0, left)),
                name=device.name,
            )
    return None


def cache_refusal(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> str | None:
    """Why vLLM would give up while it starts with its own settings: no cache, too little of it, or fewer blocks than sequences."""
    chosen = settings(architecture, work, smallest(placement))
    left = available(model, architecture, checkpoint, work, placement, chosen)
    if left <= 0:
        return _("no memory is left for the cache")
    stages = stages_of(model, architecture, checkpoint, work, placement, chosen)
    why = graphs_refusal(architecture, work, placement, chosen)
    why = why or profile_refusal(architecture, placement, chosen, stages)
    if why := why or set_refusal(architecture, placement, chosen, stages):
        return why
    cut = stages[0].layout
    blocks = blocks_of(model, architecture, checkpoint, work, placement, chosen)
    if pool.concurrency(cut, blocks, chosen.context) < 1:
        return _(
            "the cache of {left} is too small for one sequence of {context} tokens",
            left=format_bytes(left),
            context=chosen.context,
        )
    if architecture.is_hybrid and chosen.max_graph and chosen.sequences > blocks:
        return _(
            "max_num_seqs {sequences} exceeds the {blocks} blocks for states", sequences=chosen.sequences, blocks=blocks
        )
    return None
