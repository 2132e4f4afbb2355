"""The most that prefill holds beside weights and cache: the prompt runs through one layer at a time, all of it at once.

Read from transformers 5.17.0: models/qwen*/modeling_*.py, integrations/moe.py; bitsandbytes 0.50 autograd/_functions.py and backends/cuda/ops.py.
Everything is bytes per token unless a name says otherwise; a bf16 element is 2 bytes.
"""

from __future__ import annotations

from typing import assert_never

from qwenpick.catalog.schema import Architecture, DenseMlp, FullAttention, LinearAttention, MoeMlp, SlidingAttention
from qwenpick.runtimes.transformers.versions import FUSED_EXPERTS, Version

CHUNK = 64  # tokens of a chunk in torch_chunk_gated_delta_rule
# int64 expert ids, permutation and its inverse, offsets and weights of one (token, expert) pair, in bytes
ROUTING = 8 * 8


def kept_by_the_loop(architecture: Architecture) -> int:
    """Input embeddings, the layer's input, the residual and the normed input: 4 x hidden x 2 bytes."""
    return 4 * architecture.hidden_size * 2


def rotary(architecture: Architecture) -> int:
    """cos and sin of every position (shared by the batch), its id and its token: 2 x head_dim x 2 bytes + 16."""
    return 2 * architecture.attention.head_dim * 2 + 16


def mlp(architecture: Architecture, format_name: str, version: Version) -> int:
    """The MLP at its widest.

    Dense: silu(gate), up and their product, 3 x intermediate x 2 bytes. INT8: silu(gate) in bf16 while up is INT32, FP16 and bf16 at once, and the
    input in INT8. MoE: the gathered inputs, the experts' outputs, those weighted and those in order again, each experts_per_token x hidden.
    """
    hidden = architecture.hidden_size
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            return 10 * inner + hidden if format_name == "int8" else 3 * inner * 2
        case MoeMlp(experts=experts, experts_per_token=used, intermediate_size=inner, shared_intermediate_size=shared):
            # expert after expert, of the tokens that chose it: little beside the two sums of hidden
            if version < FUSED_EXPERTS:
                return 2 * hidden * 2 + experts * 6 + max(3 * inner, 3 * shared) * 2
            gathered = used * (max(4 * hidden, hidden + 4 * inner) * 2 + ROUTING)
            return gathered + (hidden * 2 if shared else 0)
        case _:
            assert_never(architecture.mlp)


def attention(layer: FullAttention | SlidingAttention | LinearAttention) -> int:
    """A mixer at its widest, the residual apart.

    Attention: the query projection (and its gate) beside two FP32 copies in its norm, or four copies in bf16 while it is rotated.
    Delta net in plain torch, FP32: query, key, value, beta x key, beta x value, decayed keys, both solutions, the output and one product in the
    making are 10 x values; three chunk x chunk matrices a head; beside them the projections in bf16.
    """
    match layer:
        case FullAttention() | SlidingAttention():
            queries, keys = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
            rotated = 8 * queries + 4 * keys + (2 * queries if layer.output_gate else 0)
            normed = (10 * queries + (4 * queries if layer.output_gate else 0)) if layer.qk_norm else 0
            return max(rotated, normed)
        case LinearAttention():
            values = layer.value_heads * layer.value_head_dim
            keys = layer.value_heads * layer.key_head_dim  # repeated to the value heads
            chunk_fp32 = 4 * (4 * values + 6 * keys + 3 * layer.value_heads * CHUNK)
            projections = 2 * (layer.conv_channels + values + (2 * keys if layer.value_heads > layer.key_heads else 0))
            return chunk_fp32 + projections
        case _:
            assert_never(layer)


def widest(architecture: Architecture, format_name: str, version: Version) -> int:
    """Bytes per token at the peak of a forward pass without gradients: the wider of MLP and mixer, and what the loop keeps."""
    hidden = architecture.hidden_size
    mixers = max(attention(layer) for layer in set(architecture.layer_list))
    return max(mlp(architecture, format_name, version) + 4 * hidden * 2, mixers + 3 * hidden * 2)


def dequantized(architecture: Architecture, format_name: str, version: Version) -> tuple[int, int]:
    """(bytes per token, bytes of the largest weight in 16 bits) while a 4-bit weight is dequantized for its product; (0, 0) for other formats.

    In the MLP that is the up projection: silu(gate) and up, 2 x intermediate, beside the weight.
    """
    if format_name not in ("nf4", "gptq-int4", "awq-int4", "gptq-int8"):
        return 0, 0
    hidden = architecture.hidden_size
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            return 2 * inner * 2 + kept_by_the_loop(architecture), inner * hidden * 2
        case MoeMlp(intermediate_size=inner, shared_intermediate_size=shared):
            widest_linear = max(
                shared, *(_queries(layer) for layer in architecture.layer_list), inner if version < FUSED_EXPERTS else 0
            )
            return kept_by_the_loop(architecture) + 2 * widest_linear * 2, widest_linear * hidden * 2
        case _:
            assert_never(architecture.mlp)


def _queries(layer: FullAttention | SlidingAttention | LinearAttention) -> int:
    """Rows of the widest projection of a mixer."""
    match layer:
        case FullAttention() | SlidingAttention():
            return layer.heads * layer.head_dim * (2 if layer.output_gate else 1)
        case LinearAttention():
            return layer.conv_channels
        case _:
            assert_never(layer)


def scores(architecture: Architecture, tokens: int) -> int:
    """Bytes of one sequence's attention matrix in eager attention: scores three times in bf16, softmax in FP32: heads x tokens^2 x 10."""
    return architecture.attention.heads * tokens * tokens * 10


def images(architecture: Architecture, image_tokens: int) -> int:
    """Bytes that one sequence's images keep during prefill: FP32 pixels, and what the tower hands over, scattered into the prompt and apart."""
    tower = architecture.vision
    if tower is None or not image_tokens:
        return 0
    pixels = 3 * (tower.temporal_patch_size or 1) * tower.patch_size**2 * (tower.merge_size or 1) ** 2
    return image_tokens * (4 * pixels + (3 + len(tower.deepstack_layers)) * tower.output_size * 2)


def tower(architecture: Architecture, image_tokens: int) -> int:
    """Bytes of the vision tower at its widest, before the prompt runs: its MLP (twice, GELU), its input, residual and norms, for every patch."""
    encoder = architecture.vision
    if encoder is None:
        return 0
    return image_tokens * (encoder.merge_size or 1) ** 2 * 2 * (2 * encoder.intermediate_size + 5 * encoder.hidden_size)


def logits(architecture: Architecture, tokens: int) -> int:
    """Bytes of 16-bit logits and their FP32 copy, vocabulary x 6 a token, and the hidden states they come from. Qwen 1's code makes no copy."""
    per_logit = 2 if architecture.model_type == "qwen" else 6
    return architecture.vocab_size * tokens * per_logit + architecture.hidden_size * tokens * 2


def held_logits(architecture: Architecture, tokens: int) -> int:
    """Bytes of the prompt's logits while the first token is generated, where all were made: FP32 (16 bits in Qwen 1's code)."""
    return architecture.vocab_size * tokens * (2 if architecture.model_type == "qwen" else 4)


def rotary_tables(architecture: Architecture, layers: int) -> int:
    """Bytes of every layer's own cos and sin in old releases: 32,768 positions x head_dim x 2 x 2 bytes."""
    return layers * 32768 * architecture.attention.head_dim * 2 * 2
