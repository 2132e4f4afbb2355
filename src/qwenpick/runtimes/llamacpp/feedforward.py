"""The operations of one layer's MLP, as llama.cpp's graph has them: dense, and routed to experts. Facts read from src/llama-graph.cpp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.catalog.schema import MoeMlp
from qwenpick.runtimes.llamacpp.graph import Node

if TYPE_CHECKING:
    from qwenpick.runtimes.llamacpp.network import Network
    from qwenpick.runtimes.llamacpp.step import Step


def mlp(net: Network, x: Node, step: Step, inner: int, rows: int, suffix: str = "") -> Node:
    gate = net.matmul(x, step, f"ffn_gate{suffix}", inner, rows)
    up = net.matmul(x, step, f"ffn_up{suffix}", inner, rows)
    return net.matmul(net.graph.op(inner, gate, up), step, f"ffn_down{suffix}", net.width(rows), rows)


def experts(net: Network, x: Node, step: Step, moe: MoeMlp, rows: int) -> Node:
    """Route, run the chosen experts, weigh and add; then the shared expert behind its own gate."""
    graph, unit, width = net.graph, 4 * rows, net.width(rows)
    chosen, every = moe.experts_per_token * unit, moe.experts * unit
    scores = net.matmul(x, step, "ffn_gate_inp", every, rows)
    odds = graph.op(every, scores, in_place=True)
    shaped = graph.view(odds)
    picks = graph.view(graph.op(every, odds), chosen)
    shares = graph.view(graph.op(chosen, shaped, picks))
    older = net.architecture.gguf_arch == "qwen2moe"
    if not older:  # shares are made to add up to 1
        total = graph.op(unit, graph.op(unit, shares), in_place=True)
        shares = graph.op(chosen, shares, total)
    weights = graph.view(shares)
    routed = graph.view(x)
    inner = moe.intermediate_size * chosen
    gate = graph.op(inner, net.weight(step, "ffn_gate_exps"), routed, picks, rows=rows)
    up = graph.op(inner, net.weight(step, "ffn_up_exps"), routed, picks, rows=rows)
    wide = net.architecture.hidden_size * chosen
    down = graph.op(wide, net.weight(step, "ffn_down_exps"), graph.op(inner, gate, up), picks, rows=rows)
    weighed = graph.op(wide, down, weights, in_place=True)
    outputs = [graph.view(weighed, width) for _ in range(moe.experts_per_token)]
    added = outputs[0]
    for following in outputs[1:]:
        added = graph.op(width, added, following, in_place=not added.is_view)
    if net.has_gpu:
        added.kept = (down, shares)  # CUDA fuses the weighing with the sum
    if not moe.shared_intermediate_size:
        return added
    shared = mlp(net, x, step, moe.shared_intermediate_size * unit, rows, "_shexp")
    opening = net.matmul(x, step, "ffn_gate_inp_shexp", unit, rows)
    swish = graph.op(unit, opening, in_place=not older)
    opening = graph.op(unit, swish, opening, in_place=True) if older else swish
    shared = graph.op(width, shared, opening, in_place=True)
    return graph.op(width, added, shared, in_place=True)
