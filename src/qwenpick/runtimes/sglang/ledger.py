"""What SGLang logs of its memory when it starts: per rank, and the pool that all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.memory.account import gpu
from qwenpick.runtimes.given import read
from qwenpick.runtimes.ledger import Ledger, Rank
from qwenpick.runtimes.sglang.options import Options
from qwenpick.runtimes.sglang.pools import IMAGES, LOADED, divided, sized_beside, slot_bytes, token_bytes, weights
from qwenpick.runtimes.sglang.share import NEW_NCCL, free_at_start, graph_bytes, settings

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

# the newest release whose starts were measured: weights and pools (benchmarks/measured/sglang_h200_2026_11_29.csv)
MEASURED = (0, 5, 16)
IMAGES_KEPT = (0, 5, 19)


def ledger(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Ledger:
    """The account of a start with the server's own settings: available_kv_cache_bytes is what the pool of tokens gets."""
    said, chosen = read(Options, work.options), settings(architecture, work, placement)
    stages = weights(architecture, checkpoint, work, placement)
    copy = placement.tensor_parallel * placement.pipeline_parallel
    old = said.release < NEW_NCCL
    frees = [free_at_start(device, copy, architecture.is_moe, old) or 0 for device in placement.devices[:copy]]
    free = min(frees)
    kept = IMAGES if architecture.vision and not said.language_only and said.release >= IMAGES_KEPT else 0
    graphs = graph_bytes(chosen)
    ranks, tokens, slots = [], [], []
    for index, seen in enumerate(frees):
        stage = stages[placement.stage(index)]
        loaded = sum(size for _name, size in stage)
        rest = (
            seen
            - sized_beside(stage, architecture, work, placement)
            - LOADED
            - (free - int(free * chosen.static))
            - kept
        )
        slot = slot_bytes(architecture, work, placement, placement.stage(index))
        states, pool = divided(rest, slot, work) if slot else (0, rest)
        slots += [states] if slot else []
        tokens.append(pool_tokens(architecture, work, placement, pool, placement.stage(index)))
        aside = max(0, seen - int(seen * chosen.static) - graphs)
        ranks.append(Rank(gpu(index), loaded, aside, LOADED, graphs, pool))
    held = min(*tokens, said.max_total_tokens or tokens[0])
    return Ledger(
        version=said.said_release or said.RELEASE,
        measured=said.release <= MEASURED,
        ranks=tuple(ranks),
        blocks=held // chosen.page,
        block_tokens=chosen.page,
        kv_cache_tokens=held,
        max_concurrency=held / work.context,
        mem_fraction_static=round(chosen.static, 3),
        state_slots=min(slots, default=None),
        refusal=None if held else _("no memory is left for the pool of tokens"),
    )


def pool_tokens(
    architecture: Architecture, work: Serving, placement: Placement, available: int, stage: int = -1
) -> int:
    """Tokens that a KV pool of `available` bytes holds on a rank of this stage (the last), whole pages: max_total_num_tokens."""
    page = settings(architecture, work, placement).page
    return max(0, available) // token_bytes(architecture, work, placement, stage) // page * page
