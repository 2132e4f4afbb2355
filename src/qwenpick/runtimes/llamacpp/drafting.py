"""Drafting with the model's own MTP block (--spec-type draft-mtp): a second context beside the model's."""

from __future__ import annotations

from dataclasses import replace

from qwenpick.catalog.schema import Architecture, DenseMlp, MoeMlp
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization.gguf.types import BLOCKS
from qwenpick.runtimes.llamacpp.batch import Batch


def draft_cache(architecture: Architecture, batch: Batch, types: tuple[str, str]) -> int:
    """Bytes of the block's own keys and values: MTP layers x cells x kv heads x head_dim x (k + v bytes).

    Their types are the draft's own, whatever the model's cache is (-ctkd, -ctvd; common.h: f16).
    """
    attention = architecture.attention
    elements = batch.context * attention.kv_heads * attention.head_dim
    each = sum(elements // block * size for block, size in (BLOCKS[cache.upper()] for cache in types))
    return architecture.mtp_layers * each


def draft_compute(architecture: Architecture, batch: Batch, cache: KvCache, *, in_line: bool) -> int:
    """Compute buffer of the draft's graph: 2 hidden and the larger of attention with its mask and the MLP, whose buffers take over the mask's.

    Servers printed for Qwen3.8-27B 2 x 10 + 4 x 2 + 3 x 34 = 130 MiB at 8,192 and 32,768 tokens (520 with micro-batches of 2,048) and at 200,704
    2 x 10 + 196 + 4 x 12 = 264. `in_line`, over several GPUs, the inputs stay, four times as the model's own: 613 MiB at 262,144 tokens and
    micro-batches of 256.
    """
    unit = 4 * batch.tokens
    hidden = architecture.hidden_size * unit
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            peak = 3 * inner * unit
        case MoeMlp(experts_per_token=used, intermediate_size=inner, shared_intermediate_size=shared):
            peak = max(3 * inner * used * unit, 2 * used * hidden + shared * unit + hidden)
    kind = architecture.attention
    keys, queries = kind.kv_heads * kind.head_dim * unit, kind.heads * kind.head_dim * unit
    dense = 4 * keys + max(peak, architecture.vocab_size * 4 * batch.outputs)
    if in_line:
        return 4 * batch.mask_bytes + 9 * hidden + dense
    copied = replace(batch, cache=cache).copied_bytes(batch.context * kind.kv_heads * kind.head_dim)
    attention = batch.mask_bytes + 4 * queries + copied
    return 2 * hidden + max(dense, attention)
