"""The key-value cache and the recurrent state, layer by layer."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

from qwenpick.catalog.schema import Architecture, FullAttention, LinearAttention, SlidingAttention
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization.gguf.types import BLOCKS
from qwenpick.runtimes.llamacpp.model import MATRIX_ROW_PADDING

CELL_PADDING = 256  # llama-context.cpp: n_ctx, and each sequence's share of it, is padded to a multiple


def padded(tokens: int) -> int:
    """Tokens rounded up to whole paddings of the cache."""
    return -(-tokens // CELL_PADDING) * CELL_PADDING


@lru_cache(maxsize=4096)
def kv_totals(architecture: Architecture, cells: int, cache: KvCache, *, on_gpu: bool) -> tuple[int, ...]:
    """Running totals over the layers of the bytes of keys and values: entry n is the first n layers.

    layers with attention x cells x kv heads x head_dim x (k + v bytes); a quantized type takes its block's bytes.
    """
    layers = (_kv_layer(layer, cells, cache, on_gpu) for layer in architecture.layer_list)
    return tuple(accumulate(layers, initial=0))


def _kv_layer(
    layer: FullAttention | SlidingAttention | LinearAttention, cells: int, cache: KvCache, on_gpu: bool
) -> int:
    if isinstance(layer, LinearAttention):
        return 0
    width = layer.kv_heads * layer.head_dim
    return sum(_cached(name.upper(), width, cells, on_gpu) for name in (cache.k, cache.v))


def _cached(type_name: str, width: int, cells: int, on_gpu: bool) -> int:
    """Bytes of one layer's keys or values. CUDA pads the last row of quantized tensors. A type that is refused (fp8) counts a byte an element."""
    block, size = BLOCKS.get(type_name, (1, 1))
    rest = width % MATRIX_ROW_PADDING if on_gpu and block > 1 else 0
    padding = (MATRIX_ROW_PADDING - rest) // block * size if rest else 0
    return cells * width // block * size + padding


@lru_cache(maxsize=4096)
def indexer_totals(architecture: Architecture, cells: int) -> tuple[int, ...]:
    """Running totals over the layers of the bytes of an indexer's keys: cells x heads x head_dim x 2, beside the layer's own cache."""
    indexers = (getattr(layer, "indexer", None) for layer in architecture.layer_list)
    return tuple(accumulate((2 * cells * i.kv_heads * i.head_dim if i else 0 for i in indexers), initial=0))


@lru_cache(maxsize=4096)
def state_totals(architecture: Architecture, sequences: int) -> tuple[int, ...]:
    """Running totals over the layers of the bytes of the recurrent state: FP32, per sequence, whatever the context.

    linear layers x sequences x 4 x ((conv kernel - 1) x channels + value heads x key dim x value dim)
    """
    return tuple(accumulate((_state_layer(layer) * sequences for layer in architecture.layer_list), initial=0))


def _state_layer(layer: FullAttention | SlidingAttention | LinearAttention) -> int:
    if not isinstance(layer, LinearAttention):
        return 0
    return 4 * (layer.conv_state_elements + layer.ssm_state_elements)
