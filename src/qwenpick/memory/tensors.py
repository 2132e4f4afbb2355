"""Every tensor of an architecture, by role, shape and layer. Parameter counts and weights in any format are sums over these.

Roles are llama.cpp's tensor names, since its quantizer decides by them; other engines fuse or split the same elements.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from qwenpick.catalog.schema import Architecture, DenseMlp, FullAttention, LinearAttention, MoeMlp, SlidingAttention
from qwenpick.values import dataclass

NGRAM_TABLE = "ngram-table"  # the extra part of Flash-Next that is looked up, not multiplied


@dataclass(frozen=True, slots=True)
class Tensor:
    """Equal tensors in one or more layers. `shape` is (experts,) rows, columns; a matrix maps `columns` inputs to `rows` outputs.

    `layers` are the indices of the layers that hold one each; empty for a tensor outside the layers. `part` is text, mtp, vision, audio or
    the name of an extra part; vision, audio and extra parts are one tensor each, of the counted size.
    """

    role: str
    shape: tuple[int, ...]
    layers: tuple[int, ...] = ()
    part: str = "text"

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.layers) or 1

    @property
    def elements(self) -> int:
        """Elements of all of them together."""
        return math.prod(self.shape) * self.count


@lru_cache(maxsize=512)
def tensors(architecture: Architecture) -> tuple[Tensor, ...]:
    """The tensors of an architecture: the language model, its MTP block, its towers and extra parts. Tied weights stand once."""
    hidden, vocab = architecture.hidden_size, architecture.vocab_size
    found = [Tensor("token_embd", (vocab, hidden)), Tensor("output_norm", (hidden,))]
    if not architecture.tied_embeddings:
        found.append(Tensor("output", (vocab, hidden)))
    by_kind: dict[FullAttention | SlidingAttention | LinearAttention, list[int]] = {}
    for index, layer in enumerate(architecture.layer_list):
        by_kind.setdefault(layer, []).append(index)
    for layer, indices in by_kind.items():
        found += [Tensor(role, shape, tuple(indices)) for role, shape in _mixer(layer, hidden)]
    everywhere = tuple(range(architecture.num_layers))
    found += [Tensor(role, shape, everywhere) for role, shape in _mlp(architecture)]
    if architecture.mtp_layers:
        block = [
            Tensor(role, shape, (), "mtp")
            for _ in range(architecture.mtp_layers)
            for role, shape in _mtp_layer(architecture)
        ]
        found += block
        if architecture.mtp_parameters:
            found.append(
                Tensor("nextn.other", (architecture.mtp_parameters - sum(t.elements for t in block),), (), "mtp")
            )
    if architecture.vision:
        found.append(Tensor("vision", (architecture.vision.parameters,), (), "vision"))
    if architecture.audio:
        found.append(Tensor("audio", (architecture.audio.parameters,), (), "audio"))
    found += [Tensor(extra.name, (extra.parameters,), (), extra.name) for extra in architecture.extras]
    return tuple(found)


def parameters(architecture: Architecture, part: str | None = None) -> int:
    """The number of parameters: of one `part` (text, mtp, vision, audio, …), or of all but the MTP block, tied weights once."""
    return sum(t.elements for t in tensors(architecture) if (t.part == part if part else t.part != "mtp"))


def active_parameters(architecture: Architecture) -> int:
    """Parameters of the text path that one token uses: everything in it and the extra parts it needs, but only the experts that run."""
    mlp = architecture.mlp
    parts = {"text", *(extra.name for extra in architecture.extras if extra.active)}
    text = [t for t in tensors(architecture) if t.part in parts]
    if not isinstance(mlp, MoeMlp):
        return sum(t.elements for t in text)
    return sum(
        t.elements * mlp.experts_per_token // mlp.experts if t.role.endswith("_exps") else t.elements for t in text
    )


def _mixer(
    layer: FullAttention | SlidingAttention | LinearAttention, hidden: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(role, shape) of one layer's attention or delta net, its norm included."""
    yield "attn_norm", (hidden,)
    match layer:
        case FullAttention() | SlidingAttention():
            queries, keys = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
            yield "attn_q", (queries * (2 if layer.output_gate else 1), hidden)
            yield "attn_k", (keys, hidden)
            yield "attn_v", (keys, hidden)
            yield "attn_output", (hidden, queries)
            if layer.qkv_bias:
                yield "attn_q.bias", (queries,)
                yield "attn_k.bias", (keys,)
                yield "attn_v.bias", (keys,)
            if layer.qk_norm:
                yield "attn_q_norm", (layer.head_dim,)
                yield "attn_k_norm", (layer.head_dim,)
        case LinearAttention():
            values = layer.value_heads * layer.value_head_dim
            yield "attn_qkv", (layer.conv_channels, hidden)
            yield "attn_gate", (values, hidden)
            yield "ssm_beta", (layer.value_heads, hidden)
            yield "ssm_alpha", (layer.value_heads, hidden)
            yield "ssm_conv1d", (layer.conv_channels, layer.conv_kernel)
            yield "ssm_dt.bias", (layer.value_heads,)
            yield "ssm_a", (layer.value_heads,)
            yield "ssm_norm", (layer.value_head_dim,)
            yield "ssm_out", (hidden, values)


def _mlp(architecture: Architecture) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(role, shape) of one layer's MLP, its norm included."""
    hidden = architecture.hidden_size
    yield "ffn_norm", (hidden,)
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            yield "ffn_gate", (inner, hidden)
            yield "ffn_up", (inner, hidden)
            yield "ffn_down", (hidden, inner)
        case MoeMlp(experts=experts, intermediate_size=inner, shared_intermediate_size=shared):
            yield "ffn_gate_inp", (experts, hidden)
            yield "ffn_gate_exps", (experts, inner, hidden)
            yield "ffn_up_exps", (experts, inner, hidden)
            yield "ffn_down_exps", (experts, hidden, inner)
            if shared:
                yield "ffn_gate_inp_shexp", (1, hidden)
                yield "ffn_gate_shexp", (shared, hidden)
                yield "ffn_up_shexp", (shared, hidden)
                yield "ffn_down_shexp", (hidden, shared)


def _mtp_layer(architecture: Architecture) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(role, shape) of a multi-token-prediction block: two norms and a projection of (embedding, hidden) before a full layer, a norm after it."""
    hidden = architecture.hidden_size
    yield "nextn.eh_proj", (hidden, 2 * hidden)
    yield "nextn.enorm", (hidden,)
    yield "nextn.hnorm", (hidden,)
    yield "nextn.shared_head_norm", (hidden,)
    yield from _mixer(architecture.attention, hidden)
    yield from _mlp(architecture)
