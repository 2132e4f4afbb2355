"""One micro-batch led through the layers of a model: what its compute buffers hold at the fullest moment.

Facts read from src/llama-graph.cpp and src/models/qwen*.cpp of llama.cpp.
"""

from __future__ import annotations

from qwenpick.catalog.schema import DenseMlp, LinearAttention, MoeMlp
from qwenpick.runtimes.llamacpp.feedforward import experts, mlp
from qwenpick.runtimes.llamacpp.mixers import attention, linear
from qwenpick.runtimes.llamacpp.network import Network
from qwenpick.runtimes.llamacpp.step import Step


def peaks(net: Network, steps: tuple[Step, ...]) -> tuple[int, int]:
    """Bytes of the GPU's compute buffer and of the host's for a run through `steps`."""
    architecture, graph = net.architecture, net.graph
    last = architecture.num_layers - 1
    rows, width, unit = net.batch.tokens, net.hidden, net.unit
    embedded = current = net.embedding()
    if net.deepstack:
        current = net.slice(embedded)
    for step in steps:
        residual = current
        kind = architecture.layer_list[step.layer]
        normed = net.norm(current, step, "attn_norm", rows)
        mixed = (
            linear(net, normed, step, kind) if isinstance(kind, LinearAttention) else attention(net, normed, step, kind)
        )
        if step.layer == last and not architecture.is_hybrid:  # only the tokens whose logits are asked for go on
            rows, unit = net.batch.outputs, 4 * net.batch.outputs
            width = architecture.hidden_size * unit
            mixed, residual = graph.op(width, mixed, net.output_rows), graph.op(width, residual, net.output_rows)
        current = residual = graph.op(width, mixed, residual, in_place=True)
        normed = net.norm(current, step, "ffn_norm", rows)
        match architecture.mlp:
            case DenseMlp(intermediate_size=inner):
                fed = mlp(net, normed, step, inner * unit, rows)
            case MoeMlp() as routed:
                fed = experts(net, normed, step, routed, rows)
        current = graph.op(width, fed, residual, in_place=True)
        if step.layer < net.deepstack:
            current = graph.op(width, current, net.slice(embedded), in_place=True)
    normed = net.norm(current, net.output, "output_norm", rows)
    if architecture.is_hybrid:
        normed.output = True  # MTP may want it
        normed = graph.op(architecture.hidden_size * 4 * net.batch.outputs, normed, net.output_rows)
    normed.output = True
    net.matmul(normed, net.output, "output", architecture.vocab_size * 4 * net.batch.outputs, net.batch.outputs)
    return graph.peaks()
