"""Arithmetic that several engines share: what a token costs in the cache, and what a sequence costs in a delta net's state."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.catalog.schema import Architecture, FullAttention, LinearAttention, SlidingAttention
from qwenpick.work.serving import CACHE_BITS, KvCache

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Device

F16 = KvCache()  # 16-bit keys and values
DRIVER_KEEPS = (
    430 * 2**20
)  # NVML's total over CUDA's where the driver does not say: T4 440 MiB, RTX 3090 451, L4 475, H100 479, H200 615
DRIVER_SHARE = 0.0013  # and this much of the total


@lru_cache(maxsize=1024)
def attention_layers(architecture: Architecture) -> tuple[FullAttention | SlidingAttention, ...]:
    """The layers that cache keys and values, from first to last."""
    return tuple(layer for layer in architecture.layer_list if not isinstance(layer, LinearAttention))


@lru_cache(maxsize=1024)
def linear_layers(architecture: Architecture) -> tuple[LinearAttention, ...]:
    """The layers that keep a recurrent state, from first to last."""
    return tuple(layer for layer in architecture.layer_list if isinstance(layer, LinearAttention))


def layer_bits(
    layer: FullAttention | SlidingAttention, cache: KvCache, ranks: int = 1, *, compressed: bool = True
) -> float:
    """Bits that one token takes in one layer's cache on each of `ranks` tensor-parallel ranks; a rank keeps at least one head.

    An indexer keeps a key beside them for every `compress_ratio` tokens, in 16 bits and whole on every rank (vLLM models/qwen4_exp/common/
    qsa_cache.py, SGLang mem_cache: QSATokenToKVPool, September 2026), or one for each token where it is not `compressed`.
    """
    bits = (
        (CACHE_BITS[cache.k] + CACHE_BITS[cache.v]) * max(1, layer.kv_heads // ranks) * layer.head_dim
    )  # k and v x heads x head_dim
    if isinstance(layer, FullAttention) and layer.indexer:
        keys = layer.indexer.kv_heads * layer.indexer.head_dim
        bits += CACHE_BITS["f16"] * keys / (layer.indexer.compress_ratio if compressed else 1)
    return bits


@lru_cache(maxsize=4096)
def kv_bytes_per_token(architecture: Architecture, cache: KvCache = F16, ranks: int = 1) -> int:
    """Bytes that one more token adds to the cache of all layers on each rank while every layer still keeps it."""
    return int(sum(layer_bits(layer, cache, ranks) for layer in attention_layers(architecture)) / 8)


@lru_cache(maxsize=4096)
def kv_bytes(architecture: Architecture, tokens: int, cache: KvCache = F16) -> int:
    """Bytes of one sequence's keys and values after `tokens` tokens, an indexer's uncompressed; a sliding layer keeps its window only."""
    return int(
        sum(
            layer_bits(layer, cache, compressed=False)
            * (min(tokens, layer.window) if isinstance(layer, SlidingAttention) else tokens)
            for layer in attention_layers(architecture)
        )
        / 8
    )


@lru_cache(maxsize=1024)
def conv_state_elements(architecture: Architecture) -> int:
    """Elements of the convolutions' states of one sequence, over all linear layers."""
    return sum(layer.conv_state_elements for layer in linear_layers(architecture))


@lru_cache(maxsize=1024)
def ssm_state_elements(architecture: Architecture) -> int:
    """Elements of the recurrent states of one sequence, over all linear layers."""
    return sum(layer.ssm_state_elements for layer in linear_layers(architecture))


def state_bytes(architecture: Architecture, conv_bytes: int = 2, ssm_bytes: int = 4) -> int:
    """Bytes of one sequence's recurrent state: convolution in the model's type, the rest in FP32 as the released configs say."""
    return conv_state_elements(architecture) * conv_bytes + ssm_state_elements(architecture) * ssm_bytes


def cuda_total(device: Device) -> int | None:
    """Bytes that cudaMemGetInfo gives as the total: what NVML reports less what the driver keeps for itself. Others report one figure.

    RTX 5090: 32,607 MiB - 430 - 0.13 % = 32,135 MiB, where engines' logs say 31.4 GiB.
    """
    if device.total is None or device.vendor != "nvidia" or device.unified:
        return device.total
    kept = device.reserved if device.reserved is not None else DRIVER_KEEPS + int(device.total * DRIVER_SHARE)
    return max(0, device.total - kept)


def cuda_free(device: Device) -> int | None:
    """Bytes that cudaMemGetInfo gives as free before a process starts: what the driver says, at most the total."""
    total = cuda_total(device)
    return total if device.free is None or total is None else min(device.free, total)
