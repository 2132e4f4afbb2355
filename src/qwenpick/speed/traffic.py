"""What one forward pass has to touch: bytes of weights (dense, experts, output head), of cache and state, and the weights' elements."""

from __future__ import annotations

from functools import lru_cache

from qwenpick.catalog.schema import Architecture, FullAttention, LinearAttention, MoeMlp, SlidingAttention
from qwenpick.memory.cache import CACHE_BITS, KvCache
from qwenpick.memory.quantization import FORMATS, sizes
from qwenpick.values import dataclass

# head dimensions of mlx's fused attention for a prompt (scaled_dot_product_attention.cpp of 0.32.2)
MLX_FUSED = (64, 80, 128)
F32 = 4  # bytes; every engine keeps the delta net's recurrent state in FP32


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """Weights of the text model in one format: bytes and elements. `experts` counts all experts, `chosen / of` is the share that one token runs.

    The embedding counts only where it is also the output head: a token reads one row of it.
    """

    dense: int
    experts: int
    output: int
    dense_elements: int
    expert_elements: int
    output_elements: int
    layers: int
    linear_layers: int
    chosen: int
    of: int
    hidden: int

    def touched(self, tokens: float) -> float:
        """The share of the experts that `tokens` independent tokens of one step run: 1 - (1 - chosen/of)^tokens."""
        return 1.0 - float((1.0 - self.chosen / self.of) ** tokens)


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """What the sequence costs beside the weights. `per_token` is elements of keys and values per cached token over all full-attention layers.

    `windowed` are (elements per token, window) of sliding layers; `state` is bytes of recurrent and convolution state; `flops` is FLOP per query
    token and cached token (QK and AV: 4 x heads x head_dim, over the full-attention layers); `budget` caps the tokens a query attends to
    (an indexer). Tensor parallelism cannot cut the cache into more than `kv_heads` pieces. `wide_scores` are the scores per query token and cached
    token of layers whose head_dim MLX has no fused kernel for a prompt for; `full_layers` is how many layers attend to everything.
    """

    per_token: int
    windowed: tuple[tuple[int, int], ...]
    state: int
    flops: int
    budget: int | None
    index_per_token: float
    kv_heads: int
    wide_scores: int
    full_layers: int

    def cache_elements(self, depth: float) -> float:
        """Elements of keys and values (and index keys) that one query reads at this depth."""
        attended = min(depth, self.budget) if self.budget else depth
        sliding = sum(elements * min(depth, window) for elements, window in self.windowed)
        return self.per_token * attended + sliding + self.index_per_token * depth


def cache_bytes_per_element(cache: KvCache) -> float:
    """Mean bytes of a cached element: keys and values are read in equal numbers."""
    return (CACHE_BITS[cache.k] + CACHE_BITS[cache.v]) / 16


@lru_cache(maxsize=4096)
def traffic(architecture: Architecture, format_name: str, file_bytes: int | None) -> Traffic:
    """The weights of the text model in a format; scaled to `file_bytes` where the published size is known."""
    parts = [(tensor, size) for tensor, size in sizes(architecture, format_name) if tensor.part == "text"]
    whole = parts if FORMATS[format_name].container == "gguf" else sizes(architecture, format_name)
    scale = file_bytes / sum(size for _, size in whole) if file_bytes else 1.0
    head = "token_embd" if architecture.tied_embeddings else "output"
    experts = [(t, s) for t, s in parts if t.role.endswith("_exps")]
    dense = [(t, s) for t, s in parts if t.layers and not t.role.endswith("_exps")]
    output = [(t, s) for t, s in parts if t.role == head]
    mlp = architecture.mlp
    return Traffic(
        dense=round(scale * sum(s for _, s in dense)),
        experts=round(scale * sum(s for _, s in experts)),
        output=round(scale * sum(s for _, s in output)),
        dense_elements=sum(t.elements for t, _ in dense),
        expert_elements=sum(t.elements for t, _ in experts),
        output_elements=sum(t.elements for t, _ in output),
        layers=architecture.num_layers,
        linear_layers=sum(isinstance(layer, LinearAttention) for layer in architecture.layer_list),
        chosen=mlp.experts_per_token if isinstance(mlp, MoeMlp) else 1,
        of=mlp.experts if isinstance(mlp, MoeMlp) else 1,
        hidden=architecture.hidden_size,
    )


@lru_cache(maxsize=1024)
def attention(architecture: Architecture) -> Attention:
    """Cache, state and attention work of one sequence."""
    per_token = state = flops = wide = full = 0
    index_per_token = 0.0
    budget: int | None = None
    windowed: list[tuple[int, int]] = []
    for layer in architecture.layer_list:
        match layer:
            case FullAttention():
                full += 1
                per_token += 2 * layer.kv_heads * layer.head_dim  # k and v
                flops += 4 * layer.heads * layer.head_dim  # 2 for QK, 2 for AV
                wide += layer.heads if layer.head_dim not in MLX_FUSED else 0
                if layer.indexer:
                    budget = layer.indexer.budget
                    index_per_token += layer.indexer.kv_heads * layer.indexer.head_dim / layer.indexer.compress_ratio
            case SlidingAttention():
                windowed.append((2 * layer.kv_heads * layer.head_dim, layer.window))
            case LinearAttention():
                # read and written back
                state += 2 * F32 * layer.ssm_state_elements + 2 * F32 * layer.conv_state_elements
    return Attention(
        per_token, tuple(windowed), state, flops, budget, index_per_token, architecture.attention.kv_heads, wide, full
    )
