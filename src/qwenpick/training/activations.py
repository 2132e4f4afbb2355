"""What a forward pass keeps for the backward one, in bytes per token, counted tensor by tensor as autograd saves them.

Read from transformers 5.17.0 models/qwen3*/modeling_*.py, peft 0.21.2 tuners/lora, bitsandbytes 0.50.2 autograd/_functions.py; bf16 autocast.
H is hidden, q and k the widths of queries and of keys, I the MLP's width.
"""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from qwenpick.catalog.schema import Architecture, DenseMlp, FullAttention, LinearAttention, MoeMlp, SlidingAttention
from qwenpick.training.adapters import roles, touches_mlp
from qwenpick.training.trainers import habits
from qwenpick.work.serving import Training

Layer = FullAttention | SlidingAttention | LinearAttention

CHUNK = 1024  # tokens whose logits exist at once where the loss is chunked


# bytes a value and token that flash-linear-attention 0.6.0 keeps where plain torch keeps 78: normed queries and keys, values, the products of a
# chunk (ops/gated_delta_rule/chunk.py save_for_backward), and the gated norm's; 65.6 less on two runs of Qwen3.5-2B, LoRA and full
FLA = 12.4


class Style(Enum):
    """Which weights are trained and in which type the residual stream runs."""

    FULL = "full"  # bf16 weights, trained
    FULL_FP32 = "full, FP32 weights under autocast"
    LORA = "lora"  # bf16 weights, FP32 adapters
    QLORA = "qlora"  # 4-bit weights, bf16 residual
    QLORA_FP32 = "qlora after k-bit preparation"  # 4-bit weights, FP32 residual


FP32_RESIDUAL = (Style.FULL_FP32, Style.QLORA_FP32)


def layer_bytes(architecture: Architecture, layer: Layer, training: Training, style: Style) -> int:
    """All that one layer keeps, per token."""
    masks = dropout_masks(architecture, layer, training)
    return _mixer(architecture, layer, training, style) + _mlp(architecture, training, style) + masks


def dropout_masks(architecture: Architecture, layer: Layer, training: Training) -> int:
    """A byte for every input of every adapted matrix, where LoRA has dropout: each has a mask of its own (native_dropout; 1.00 on two runs,
    benchmarks/measured/training_overlap_h200_2026_11_30.csv). Those of experts are not counted.
    """
    if training.method not in ("lora", "qlora") or not habits(training).dropout:
        return 0
    names, hidden, mlp = set(roles(training.target)), architecture.hidden_size, architecture.mlp
    inner = mlp.intermediate_size if isinstance(mlp, DenseMlp) else mlp.shared_intermediate_size
    if isinstance(layer, LinearAttention):
        read, wide = (
            {"attn_qkv", "attn_gate", "ssm_alpha", "ssm_beta"},
            ("ssm_out", layer.value_heads * layer.value_head_dim),
        )
    else:
        read, wide = {"attn_q", "attn_k", "attn_v"}, ("attn_output", layer.heads * layer.head_dim)
    found = hidden * len(names & read) + (wide[1] if wide[0] in names else 0)
    return found + (hidden * len(names & {"ffn_gate", "ffn_up"}) + ("ffn_down" in names) * inner if inner else 0)


def _mixer(architecture: Architecture, layer: Layer, training: Training, style: Style) -> int:
    """The first norm and the mixer. The norm keeps its input in FP32; every adapted matrix keeps its input in bf16."""
    hidden = architecture.hidden_size
    norm = {Style.FULL: 8, Style.FULL_FP32: 8, Style.LORA: 4, Style.QLORA: 4, Style.QLORA_FP32: 4}[style] * hidden
    match layer:
        case FullAttention() | SlidingAttention():
            queries, keys = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
            inputs = {Style.FULL: 0, Style.FULL_FP32: 6, Style.LORA: 6, Style.QLORA: 2, Style.QLORA_FP32: 6}[
                style
            ] * hidden
            # into attention, out of it, into the output projection once more
            per_query = 2 + 2 + (2 if style is Style.LORA else 0)
            per_key = 2 + 2
            if layer.qk_norm:
                per_query += 4 + (2 if style in (Style.FULL, Style.FULL_FP32) else 0)
                per_key += 4 + (2 if style in (Style.FULL, Style.FULL_FP32) else 0)
            gate = 6 * queries if layer.output_gate else 0
            scores = layer.heads * training.seq * 14 if training.attention == "eager" else 4 * layer.heads
            return norm + inputs + per_query * queries + per_key * keys + gate + scores + 16 * training.rank
        case LinearAttention():
            values = layer.value_heads * layer.value_head_dim
            # plain torch, FP32: 19.5 tensors as wide as the values, states of every chunk included; 4 of the convolution's width in bf16
            return norm + 6 * hidden + round((FLA if training.fla else 78) * values) + 8 * layer.conv_channels
        case _:
            assert_never(layer)


def _mlp(architecture: Architecture, training: Training, style: Style) -> int:
    """The second norm and the MLP: gate, silu(gate), up, and their product where the down projection is trained or adapted."""
    hidden = architecture.hidden_size
    norm = {Style.FULL: 8, Style.FULL_FP32: 8, Style.LORA: 4, Style.QLORA: 4, Style.QLORA_FP32: 4}[style] * hidden
    adapted = style in (Style.FULL, Style.FULL_FP32) or touches_mlp(training.target)
    inputs = (
        {Style.FULL: 0, Style.FULL_FP32: 4, Style.LORA: 4, Style.QLORA: 2, Style.QLORA_FP32: 4}[style] * hidden
        if adapted
        else 0
    )
    wide = (12 if style is Style.QLORA_FP32 else 6) + (2 if adapted else 0)
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            return norm + inputs + wide * inner + (12 * training.rank if adapted else 0)
        case MoeMlp(experts=experts, experts_per_token=used, intermediate_size=inner, shared_intermediate_size=shared):
            # with or without the inputs of both products
            kept = 4 * hidden + 8 * inner if adapted else 2 * hidden + 6 * inner
            return norm + inputs + used * kept + 8 * experts + wide * shared
        case _:
            assert_never(architecture.mlp)


def backward_bytes(architecture: Architecture, layer: Layer, style: Style) -> int:
    """Gradients in flight while one layer is taken back, per token: those of the MLP's width, and the residual's."""
    hidden = architecture.hidden_size
    residual = (8 if style in FP32_RESIDUAL else 4) * hidden
    mlp = architecture.mlp
    inner = (
        8 * mlp.intermediate_size
        if isinstance(mlp, DenseMlp)
        else mlp.experts_per_token * (4 * hidden + 4 * mlp.intermediate_size)
    )
    mixer = 24 * layer.value_heads * layer.value_head_dim if isinstance(layer, LinearAttention) else 0
    return residual + max(inner, mixer)


def int8_inputs(architecture: Architecture, layer: Layer, training: Training, style: Style) -> int:
    """Inputs of bitsandbytes' INT8 products, per token: its function keeps them where checkpointing cannot drop them.

    Both normed inputs and the MLP's product, in FP32 after k-bit preparation, and attention's output. Without checkpointing some are there anyway.
    """
    hidden, mlp = architecture.hidden_size, architecture.mlp
    inner = mlp.intermediate_size if isinstance(mlp, DenseMlp) else mlp.shared_intermediate_size
    width = 4 if style is Style.QLORA_FP32 else 2
    mixed = (
        layer.heads * layer.head_dim
        if not isinstance(layer, LinearAttention)
        else layer.value_heads * layer.value_head_dim
    )
    if not training.checkpointing:
        return width * (2 * hidden + inner) if style is Style.QLORA_FP32 else 0
    return width * (2 * hidden + inner) + 2 * mixed


def checkpoint_bytes(architecture: Architecture, style: Style) -> int:
    """The input of one checkpointed layer, per token: the residual stream."""
    return (4 if style in FP32_RESIDUAL else 2) * architecture.hidden_size


def head_bytes(architecture: Architecture, style: Style) -> int:
    """What the last norm (and a trained lm_head) keep, per token."""
    return (8 if style in (Style.FULL, Style.FULL_FP32) else 4) * architecture.hidden_size


def logit_bytes(architecture: Architecture, training: Training) -> int:
    """Logits and loss on the way back, per token: log-softmax, the gradient into it and the one out of it, 3 x vocabulary x 4 bytes.

    Qwen 1's own code does not cast logits up: under DeepSpeed in FP16, which uses no autocast, its loss is in 16 bits, 4 x vocabulary x 2.
    """
    if architecture.model_type == "qwen" and training.zero and training.precision == "fp16-mixed":
        return 8 * architecture.vocab_size
    return 12 * architecture.vocab_size


FAST = ("qwen2", "qwen3")  # dense models whose attention Unsloth writes itself: 2026.10.9 models/loader.py
UNBIASED = 65_536  # tokens from which it drops a plain causal mask in attention (unsloth_zoo temporary_patches/misc.py, Unsloth 4906)


def mask_bytes(architecture: Architecture, training: Training) -> tuple[int, int]:
    """Bytes of the causal mask that a step keeps, tokens x tokens, and of the 16-bit bias that PyTorch makes of it in a layer.

    Compiled, transformers cannot see that a mask is plainly causal (masking_utils.py _ignore_causal_mask_sdpa), and Unsloth compiled it.
    """
    own = architecture.model_type in FAST and training.method != "full"
    if not habits(training).makes_masks or own or training.attention != "sdpa":
        return 0, 0
    square = training.batch * training.seq**2
    return square, 0 if training.seq >= UNBIASED else 2 * square
