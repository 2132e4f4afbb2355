"""The operations of one layer's attention or delta net, as llama.cpp's graph has them. Facts read from src/llama-graph.cpp and src/models/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.catalog.schema import FullAttention, LinearAttention, SlidingAttention
from qwenpick.runtimes.llamacpp.graph import Node

if TYPE_CHECKING:
    from qwenpick.runtimes.llamacpp.network import Network
    from qwenpick.runtimes.llamacpp.step import Step


def attention(net: Network, x: Node, step: Step, kind: FullAttention | SlidingAttention) -> Node:
    graph, batch, rows = net.graph, net.batch, net.batch.tokens
    queries, keys = kind.heads * kind.head_dim * net.unit, kind.kv_heads * kind.head_dim * net.unit
    side = step.side
    half = batch.context * kind.kv_heads * kind.head_dim  # elements of the layer's cached keys
    key_cache, value_cache = graph.cache(batch.key_bytes(half), side), graph.cache(batch.value_bytes(half), side)
    if net.architecture.gguf_arch == "qwen":  # gen 1: one projection for all three
        joint = biased(net, net.matmul(x, step, "attn_qkv", queries + 2 * keys, rows), step, "attn_qkv", rows)
        q, k, v = graph.view(joint, queries), graph.view(joint, keys), graph.view(joint, keys)
    else:
        joint = net.matmul(x, step, "attn_q", queries * (2 if kind.output_gate else 1), rows)
        joint = biased(net, joint, step, "attn_q", rows) if kind.qkv_bias else joint
        q, k, v = graph.view(joint, queries), None, None
    if kind.qk_norm:
        q = net.norm(q, step, "attn_q_norm", rows * kind.heads, queries)
    q = rotated(net, graph.op(queries, q, net.positions, in_place=not q.is_view))
    v = rotated(net, v or projected(net, x, step, "attn_v", keys, kind.qkv_bias))
    k = k or projected(net, x, step, "attn_k", keys, kind.qkv_bias)
    if kind.qk_norm:
        k = net.norm(k, step, "attn_k_norm", rows * kind.kv_heads, keys)
    k = rotated(net, graph.op(keys, k, net.positions, in_place=not k.is_view))
    graph.store(key_cache, graph.view(k), net.key_rows)
    graph.store(value_cache, graph.view(v), net.value_rows)
    q, cached_keys, cached_values = graph.view(graph.view(q)), graph.view(key_cache), graph.view(value_cache)
    if batch.flash_attention:
        attended = graph.op(queries, q, cached_keys, cached_values, net.mask)
        attended.extra = batch.copied_bytes(half)
    else:
        scores = graph.op(kind.heads * batch.attended * net.unit, cached_keys, q)
        odds = graph.op(scores.size, scores, net.mask, in_place=True)
        attended = graph.op(queries, graph.view(graph.op(queries, cached_values, odds)))
    attended = graph.view(attended)
    if net.rotation:
        attended = rotated(net, attended)
    if kind.output_gate:
        gate = graph.op(queries, graph.view(joint, queries))
        gate = graph.op(queries, gate, in_place=True)
        attended = graph.op(queries, attended, gate, in_place=True)
    return net.matmul(attended, step, "attn_output", net.hidden, rows)


def projected(net: Network, x: Node, step: Step, role: str, size: int, bias: bool) -> Node:
    projected = net.matmul(x, step, role, size, net.batch.tokens)
    return net.graph.view(biased(net, projected, step, role, net.batch.tokens) if bias else projected)


def biased(net: Network, x: Node, step: Step, role: str, rows: int) -> Node:
    return net.graph.op(x.size, x, net.weight(step, f"{role}.bias"), rows=rows, in_place=True)


def rotated(net: Network, x: Node) -> Node:
    """Through the Hadamard rotation that a quantized cache asks for."""
    return net.graph.view(net.graph.op(x.size, net.rotation, net.graph.view(x))) if net.rotation else x


def linear(net: Network, x: Node, step: Step, kind: LinearAttention) -> Node:
    """A gated delta net: convolve, read the state, run the recurrence, write the state, gate and project."""
    graph, unit, rows, sequences = net.graph, net.unit, net.batch.tokens, net.batch.sequences
    channels, values = kind.conv_channels * unit, kind.value_heads * kind.value_head_dim * unit
    heads, keys = kind.value_heads * unit, kind.key_heads * kind.key_head_dim * unit
    side = step.side
    conv_cache, state_cache = graph.cache(0, side), graph.cache(0, side)
    conv_bytes, state_bytes = 4 * kind.conv_state_elements * sequences, 4 * kind.ssm_state_elements * sequences
    past = read(net, conv_cache, conv_bytes)
    qkv = graph.view(net.matmul(x, step, "attn_qkv", channels, rows))
    window = graph.op(channels + conv_bytes, graph.view(past), qkv)
    graph.store(conv_cache, graph.view(window, conv_bytes))
    state = graph.view(read(net, state_cache, state_bytes))
    convolved = graph.op(channels, window, net.weight(step, "ssm_conv1d"), rows=kind.conv_channels)
    convolved = graph.op(channels, convolved, in_place=True)
    q, k = graph.op(keys, graph.view(convolved, keys)), graph.op(keys, graph.view(convolved, keys))
    v = graph.view(convolved, values)
    if net.architecture.gguf_arch == "qwen3next":  # one projection for both, copied apart
        both = graph.view(net.matmul(x, step, "ssm_ba", 2 * heads, rows))
        decay = graph.op(heads, graph.view(both, heads))
    else:
        both = None
        decay = graph.view(net.matmul(x, step, "ssm_alpha", heads, rows))
    decay = graph.op(heads, decay, net.weight(step, "ssm_dt.bias"), rows=rows, in_place=not decay.is_view)
    decay = graph.op(heads, graph.op(heads, decay, in_place=True), net.weight(step, "ssm_a"), rows=rows, in_place=True)
    if both is not None:
        strength = graph.op(heads, graph.op(heads, graph.view(both, heads)), in_place=True)
    else:
        strength = graph.op(heads, graph.view(net.matmul(x, step, "ssm_beta", heads, rows)))
    result = graph.op(values + state_bytes, q, k, v, graph.view(decay), strength, state)
    graph.store(state_cache, graph.view(result, state_bytes))
    normed = net.norm(graph.view(result, values), step, "ssm_norm", rows * kind.value_heads, values)
    gate = graph.op(values, graph.view(net.matmul(x, step, "attn_gate", values, rows)))
    gated = graph.view(graph.op(values, normed, gate, in_place=True))
    return graph.view(net.matmul(gated, step, "ssm_out", net.hidden, rows))


def read(net: Network, cache: Node, size: int) -> Node:
    """The sequences' rows of a recurrent cache; clearing and moving others cost nothing."""
    assert net.state_rows
    seen = net.graph.view(cache)
    net.graph.store(cache, seen)
    rows = net.graph.op(size, seen, net.state_rows)
    net.graph.store(cache, net.graph.op(0, seen, net.state_rows))
    return rows
