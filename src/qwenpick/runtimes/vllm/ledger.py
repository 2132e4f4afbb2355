"""What vLLM logs of its memory when it starts: per rank, and the cache that all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.memory.account import gpu
from qwenpick.runtimes.given import read
from qwenpick.runtimes.ledger import Ledger, Rank
from qwenpick.runtimes.vllm import cache as pool
from qwenpick.runtimes.vllm.account import Stage, blocks_of, requested, smallest, stages_of
from qwenpick.runtimes.vllm.options import Options
from qwenpick.runtimes.vllm.settings import MEASURED, MEASURED_TOO, settings
from qwenpick.runtimes.vllm.start import cache_refusal

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving


def ledger(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Ledger:
    """The account of a start with vLLM's own settings. Nothing is left, and no token, where the weights do not fit."""
    said = read(Options, work.options)
    chosen = settings(architecture, work, smallest(placement))
    run = (model, architecture, checkpoint, work, placement, chosen)
    stages, blocks = stages_of(*run), blocks_of(*run)
    cut = stages[0].layout
    copy = placement.tensor_parallel * placement.pipeline_parallel
    return Ledger(
        version=said.said_release or said.RELEASE,
        measured=chosen.version <= MEASURED or chosen.version == MEASURED_TOO,
        ranks=tuple(
            _rank(gpu(i), stages[placement.stage(i)], requested(device, work), chosen.version)
            for i, device in enumerate(placement.devices[:copy])
        ),
        blocks=blocks,
        block_tokens=cut.block_size,
        kv_cache_tokens=pool.tokens(cut, blocks, chosen.context, chosen.release),
        max_concurrency=pool.concurrency(cut, blocks, chosen.context),
        refusal=cache_refusal(model, architecture, checkpoint, work, placement),
    )


def _rank(where: str, stage: Stage, share: int, version: tuple[int, ...]) -> Rank:
    """From 0.27 on the peak is printed with the graphs' estimate in it: v1/worker/gpu_worker.py determine_available_memory."""
    found = stage.profile
    printed = found.activation + (found.graph_estimate if version >= (0, 27) else 0)
    return Rank(where, stage.loaded, printed, found.non_torch, found.graphs, stage.left(share))
