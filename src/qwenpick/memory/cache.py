"""The formats of cached keys and values, what a token costs in them, and what a sequence costs in a delta net's state."""

from __future__ import annotations

from functools import lru_cache

from qwenpick.catalog.schema import Architecture, FullAttention, LinearAttention, SlidingAttention
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.values import dataclass

CACHE_BITS = {  # bits per element of a key or value, block scales included
    "f32": 32.0, "f16": 16.0, "bf16": 16.0, "fp8": 8.0, "q8_0": 8.5, "q5_1": 6.0, "q5_0": 5.5, "q4_1": 5.0, "q4_0": 4.5, "iq4_nl": 4.5,
    # vLLM's: config/cache.py CacheDType of 0.22 to 0.33. Keys and values of turboquant differ: their mean
    "nvfp4": 4.5, "int8_per_token_head": 8.0, "fp8_per_token_head": 8.0, "int4_per_token_head": 4.0, "turboquant_k8v4": 6.0,
    "turboquant_4bit_nc": 4.0, "turboquant_k3v4_nc": 3.5, "turboquant_3bit_nc": 3.0,
}  # fmt: skip
# Bits of scales, norms and zero points of one head's key or value, whatever its width: an FP32 scale (v1/kv_cache_interface.py); turboquant a 16-bit
# norm of a key, scale and zero point of a value (quantization/turboquant/config.py), FP8 keys none: their mean
HEAD_BITS = {
    "int8_per_token_head": 32.0, "fp8_per_token_head": 32.0, "int4_per_token_head": 32.0, "turboquant_k8v4": 16.0, "turboquant_4bit_nc": 24.0,
    "turboquant_k3v4_nc": 24.0, "turboquant_3bit_nc": 24.0,
}  # fmt: skip


_CACHE_NAMES = {
    "fp16": "f16",
    "fp32": "f32",
    "16bit": "f16",
    "8bit": "q8_0",
    "4bit": "q4_0",
    "auto": "f16",
    "fp8_e4m3": "fp8",
    "fp8_e5m2": "fp8",
}


@dataclass(frozen=True, slots=True)
class KvCache:
    """The formats of cached keys and values, apart (llama.cpp's -ctk and -ctv)."""

    k: str = "f16"
    v: str = "f16"

    def __str__(self) -> str:
        return self.k if self.k == self.v else f"{self.k}/{self.v}"


def parse_cache(text: str) -> KvCache:
    """The cache formats that `q8_0` or `q8_0/q4_0` (keys/values) name. Raises QwenpickError with the nearest one."""
    k, _unused, v = text.strip().casefold().partition("/")
    names = [_CACHE_NAMES.get(name, name) for name in (k, v or k)]
    for name in names:
        if name not in CACHE_BITS:
            raise QwenpickError(
                _(
                    "there is no cache format '{name}'{near} (known: {known})",
                    name=name,
                    near=did_you_mean(name, CACHE_BITS),
                    known=", ".join(CACHE_BITS),
                )
            )
    return KvCache(*names)


F16 = KvCache()  # 16-bit keys and values


@lru_cache(maxsize=1024)
def attention_layers(architecture: Architecture) -> tuple[FullAttention | SlidingAttention, ...]:
    """The layers that cache keys and values, from first to last."""
    return tuple(layer for layer in architecture.layer_list if not isinstance(layer, LinearAttention))


@lru_cache(maxsize=1024)
def linear_layers(architecture: Architecture) -> tuple[LinearAttention, ...]:
    """The layers that keep a recurrent state, from first to last."""
    return tuple(layer for layer in architecture.layer_list if isinstance(layer, LinearAttention))


def layer_bits(
    layer: FullAttention | SlidingAttention,
    cache: KvCache,
    ranks: int = 1,
    *,
    compressed: bool = True,
    indexed: bool = True,
) -> float:
    """Bits that one token takes in one layer's cache on each of `ranks` tensor-parallel ranks; a rank keeps at least one head.

    An indexer keeps a key beside them for every `compress_ratio` tokens, in 16 bits and whole on every rank (vLLM models/qwen4_exp/common/
    qsa_cache.py, SGLang mem_cache: QSATokenToKVPool, September 2026), or one for each token where it is not `compressed`; none where not `indexed`.
    """
    heads = max(1, layer.kv_heads // ranks)
    bits = (CACHE_BITS[cache.k] + CACHE_BITS[cache.v]) * heads * layer.head_dim  # k and v x heads x head_dim
    bits += (HEAD_BITS.get(cache.k, 0.0) + HEAD_BITS.get(cache.v, 0.0)) * heads
    if indexed and isinstance(layer, FullAttention) and layer.indexer:
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


def state_bytes(architecture: Architecture) -> int:
    """Bytes of one sequence's recurrent state: convolutions in 16 bits, the rest in FP32 as the released configs say (mlx-lm gated_delta.py)."""
    return conv_state_elements(architecture) * 2 + ssm_state_elements(architecture) * 4
