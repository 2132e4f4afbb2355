"""The key-value cache and the recurrent state, layer by layer."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

from qwenpick.catalog.schema import Architecture, LinearAttention
from qwenpick.quantization.gguf.types import BLOCKS
from qwenpick.workload import KvCache

CELL_PADDING = 256  # llama-context.cpp: n_ctx, and each sequence's share of it, is padded to a multiple


def padded(tokens: int) -> int:
    """Tokens rounded up to whole paddings of the cache."""
    return -(-tokens // CELL_PADDING) * CELL_PADDING


@lru_cache(maxsize=4096)
def kv_totals(architecture: Architecture, cells: int, cache: KvCache) -> tuple[int, ...]:
    """Running totals over the layers of the bytes of keys and values: entry n is the first n layers.

    layers with attention x cells x kv heads x head_dim x (k + v bytes); a quantized type takes its block's bytes.
    """
    return tuple(accumulate((_kv_layer(layer, cells, cache) for layer in architecture.layer_list), initial=0))


def _kv_layer(layer: object, cells: int, cache: KvCache) -> int:
    if isinstance(layer, LinearAttention):
        return 0
    width: int = layer.kv_heads * layer.head_dim  # type: ignore[attr-defined]
    return sum(cells * width // block * size for block, size in (BLOCKS[cache.k.upper()], BLOCKS[cache.v.upper()]))


@lru_cache(maxsize=4096)
def state_totals(architecture: Architecture, sequences: int) -> tuple[int, ...]:
    """Running totals over the layers of the bytes of the recurrent state: FP32, per sequence, whatever the context.

    linear layers x sequences x 4 x ((conv kernel - 1) x channels + value heads x key dim x value dim)
    """
    return tuple(accumulate((_state_layer(layer) * sequences for layer in architecture.layer_list), initial=0))


def _state_layer(layer: object) -> int:
    if not isinstance(layer, LinearAttention):
        return 0
    return 4 * (layer.conv_state_elements + layer.ssm_state_elements)
