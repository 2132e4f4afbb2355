"""Drafting with the model's own MTP block (--spec-type draft-mtp): a second context beside the model's."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, DenseMlp, MoeMlp
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


def draft_compute(architecture: Architecture, batch: Batch, *, in_line: bool = False) -> int:
    """Compute buffer of the draft's graph: mask + 2 hidden + the MLP's peak; `in_line`, over several GPUs, the inputs four times as the model's own.

    As servers printed it for Qwen3.8-27B at 8,192 tokens: 8 + 2 x 10 + 3 x 34 = 130 MiB for micro-batches of 512, 520 MiB for 2,048; at 262,144
    tokens over two GPUs, micro-batches of 256: 613 MiB.
    """
    unit = 4 * batch.tokens
    hidden = architecture.hidden_size * unit
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            peak = 3 * inner * unit
        case MoeMlp(experts_per_token=used, intermediate_size=inner, shared_intermediate_size=shared):
            peak = max(3 * inner * used * unit, 2 * used * hidden + shared * unit + hidden)
    copies = 3 * batch.mask_bytes + 7 * hidden if in_line else 0
    return batch.mask_bytes + 2 * hidden + max(peak, architecture.vocab_size * 4 * batch.outputs) + copies
