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
    available,
    blocks_of,
    budget,
    parts_of,
    requested,
    smallest,
    stages_of,
)
from qwenpick.runtimes.vllm.options import Options
from qwenpick.runtimes.vllm.profile import CONTEXT
from qwenpick.runtimes.vllm.settings import Settings, least, settings
from qwenpick.units import format_bytes
from qwenpick.work.sharding import communication_bytes

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
    gpus = placement.tensor_parallel * placement.pipeline_parallel * placement.data_parallel
    beside = CONTEXT + communication_bytes(gpus, architecture.is_moe, smallest(placement))
    for device in placement.devices:
        total, free = cuda_total(device), cuda_free(device)
        if total and free is not None and requested(device, work) > free - beside:
            return _(
                "vLLM wants {requested} of {name} and only {left} would be free when it starts",
                requested=format_bytes(requested(device, work)),
                name=device.name,
                left=format_bytes(max(0, free - beside)),
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
    cut = stages_of(model, architecture, checkpoint, work, placement, chosen)[0].layout
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
