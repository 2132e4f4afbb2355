"""The graphs that llama.cpp builds for Qwen models, operation by operation, as far as memory can tell them apart.

Facts read from src/llama-graph.cpp and src/models/qwen*.cpp of llama.cpp. Sizes are bytes of F32 activations: 4 x tokens x width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qwenpick.catalog.schema import Architecture, DenseMlp, FullAttention, LinearAttention, MoeMlp, SlidingAttention
from qwenpick.runtimes.llamacpp.batch import Batch
from qwenpick.runtimes.llamacpp.graph import Graph, Node, Side

OUTPUT = -1  # stands for the layer of what follows the last one

_SECTIONED_ROPE = (
    "qwen2vl",
    "qwen3vl",
    "qwen3vlmoe",
    "qwen35",
    "qwen35moe",
)  # four positions per token: time, height, width and a spare


@dataclass(frozen=True, slots=True)
class Homes:
    """Where the weights of layers lie and how large each is. A weight that is not listed is small and counts as nothing."""

    first_on_gpu: int  # layers before it, and their cache, lie in RAM
    output: Side
    cpu_moe_layers: int
    sizes: Mapping[tuple[int, str], int]

    def side(self, layer: int, role: str = "") -> Side:
        """Where a tensor of a layer lies."""
        if layer == OUTPUT:
            return self.output
        in_ram = layer < self.first_on_gpu or (layer < self.cpu_moe_layers and role.endswith("_exps"))
        return "ram" if in_ram else "gpu"


class Network:
    """Builds the graph of one micro-batch through `layers`, a sample of the model's that shows every kind of step."""

    def __init__(
        self, architecture: Architecture, batch: Batch, homes: Homes, *, has_gpu: bool, op_offload: bool
    ) -> None:
        self.architecture, self.batch, self.homes = architecture, batch, homes
        self.graph = Graph(has_gpu=has_gpu, op_offload=op_offload)
        self.has_gpu = has_gpu
        self.unit = 4 * batch.tokens
        self.hidden = architecture.hidden_size * self.unit
        self._inputs()

    def _inputs(self) -> None:
        """What the host fills in, in the order of the graph's leaves."""
        architecture, batch, attention, graph = self.architecture, self.batch, self.architecture.attention, self.graph
        vision = architecture.vision
        stacked = vision is not None and (architecture.gguf_arch or "").startswith("qwen3vl")
        self.deepstack = len(vision.deepstack_layers) if vision and stacked else 0
        self.embedded = self.hidden * (1 + self.deepstack)  # the rows that enter: deeper vision features ride along
        self.tokens = graph.input(self.unit)
        graph.input(self.embedded)  # embeddings instead of tokens
        # since b11400: a batch may mix tokens and embeddings
        self.mixed_tokens, self.mixed_slots, self.mixed = (
            graph.input(self.unit),
            graph.input(2 * self.unit),
            graph.input(self.embedded),
        )
        self.positions = graph.input(self.unit * (4 if architecture.gguf_arch in _SECTIONED_ROPE else 1))
        self.key_rows = graph.input(8 * batch.tokens)
        values = (
            1 if batch.flash_attention else attention.kv_heads * attention.head_dim
        )  # transposed values are written one by one
        self.value_rows = graph.input(8 * batch.tokens * values)
        self.mask = graph.input(batch.mask_bytes)
        self.rotation = graph.input(4 * attention.head_dim**2) if batch.quantized_cache else None
        self.state_rows = graph.input(4 * batch.sequences) if architecture.is_hybrid else None
        self.output_rows = graph.input(4 * batch.outputs)

    def peaks(self, layers: tuple[int, ...]) -> tuple[int, int]:
        """Bytes of the GPU's compute buffer and of the host's for a run through `layers`."""
        architecture, graph = self.architecture, self.graph
        last = architecture.num_layers - 1
        rows, width, unit = self.batch.tokens, self.hidden, self.unit
        embedded = current = self._embedding()
        if self.deepstack:
            current = self._slice(embedded)
        for layer in layers:
            residual = current
            kind = architecture.layer_list[layer]
            normed = self._norm(current, layer, "attn_norm", rows)
            mixed = (
                self._linear(normed, layer, kind)
                if isinstance(kind, LinearAttention)
                else self._attention(normed, layer, kind)
            )
            if layer == last and not architecture.is_hybrid:  # only the tokens whose logits are asked for go on
                rows, unit = self.batch.outputs, 4 * self.batch.outputs
                width = architecture.hidden_size * unit
                mixed, residual = graph.op(width, mixed, self.output_rows), graph.op(width, residual, self.output_rows)
            current = residual = graph.op(width, mixed, residual, in_place=True)
            normed = self._norm(current, layer, "ffn_norm", rows)
            match architecture.mlp:
                case DenseMlp(intermediate_size=inner):
                    fed = self._mlp(normed, layer, inner * unit, rows)
                case MoeMlp() as mlp:
                    fed = self._experts(normed, layer, mlp, rows)
            current = graph.op(width, fed, residual, in_place=True)
            if layer < self.deepstack:
                current = graph.op(width, current, self._slice(embedded), in_place=True)
        normed = self._norm(current, OUTPUT, "output_norm", rows)
        if architecture.is_hybrid:
            normed.output = True  # MTP may want it
            normed = graph.op(architecture.hidden_size * 4 * self.batch.outputs, normed, self.output_rows)
        normed.output = True
        self._matmul(normed, OUTPUT, "output", architecture.vocab_size * 4 * self.batch.outputs, self.batch.outputs)
        return graph.peaks()

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _weight(self, layer: int, role: str) -> Node:
        return self.graph.weight(self.homes.sizes.get((layer, role), 4), self.homes.side(layer, role))

    def _matmul(self, x: Node, layer: int, role: str, size: int, rows: int) -> Node:
        return self.graph.op(size, self._weight(layer, role), x, rows=rows)

    def _norm(self, x: Node, layer: int, role: str, rows: int, size: int | None = None) -> Node:
        size = self._width(rows) if size is None else size
        scaled = self.graph.op(size, x, in_place=not x.is_view)
        return self.graph.op(size, scaled, self._weight(layer, role), rows=rows, in_place=True)

    def _width(self, rows: int) -> int:
        return self.architecture.hidden_size * 4 * rows

    def _slice(self, embedded: Node) -> Node:
        """One layer's share of the rows that entered; its copy spans all but the tail of the last row."""
        return self.graph.view(embedded, self.embedded - self.deepstack * self.architecture.hidden_size * 4)

    def _embedding(self) -> Node:
        """Rows of the embedding, looked up in RAM; the branch for mixed batches is laid out though it does not run."""
        graph = self.graph
        table = graph.weight(4, "ram")
        looked_up = graph.op(self.hidden, table, self.tokens, side="ram")
        if self.deepstack:
            looked_up = graph.op(self.embedded, looked_up)
        among = graph.op(self.hidden, table, self.mixed_tokens, side="ram")
        if self.deepstack:
            among = graph.op(self.embedded, among)
        target = graph.op(self.embedded, self.mixed)
        merged = Node(self.embedded, (among, self.mixed_slots, target), base=target)
        graph.nodes.append(merged)
        return looked_up

    def _mlp(self, x: Node, layer: int, inner: int, rows: int, suffix: str = "") -> Node:
        gate = self._matmul(x, layer, f"ffn_gate{suffix}", inner, rows)
        up = self._matmul(x, layer, f"ffn_up{suffix}", inner, rows)
        return self._matmul(self.graph.op(inner, gate, up), layer, f"ffn_down{suffix}", self._width(rows), rows)

    def _experts(self, x: Node, layer: int, mlp: MoeMlp, rows: int) -> Node:
        """Route, run the chosen experts, weigh and add; then the shared expert behind its own gate."""
        graph, unit, width = self.graph, 4 * rows, self._width(rows)
        chosen, every = mlp.experts_per_token * unit, mlp.experts * unit
        scores = self._matmul(x, layer, "ffn_gate_inp", every, rows)
        odds = graph.op(every, scores, in_place=True)
        shaped = graph.view(odds)
        picks = graph.view(graph.op(every, odds), chosen)
        shares = graph.view(graph.op(chosen, shaped, picks))
        older = self.architecture.gguf_arch == "qwen2moe"
        if not older:  # shares are made to add up to 1
            total = graph.op(unit, graph.op(unit, shares), in_place=True)
            shares = graph.op(chosen, shares, total)
        weights = graph.view(shares)
        routed = graph.view(x)
        inner = mlp.intermediate_size * chosen
        gate = graph.op(inner, self._weight(layer, "ffn_gate_exps"), routed, picks, rows=rows)
        up = graph.op(inner, self._weight(layer, "ffn_up_exps"), routed, picks, rows=rows)
        wide = self.architecture.hidden_size * chosen
        down = graph.op(wide, self._weight(layer, "ffn_down_exps"), graph.op(inner, gate, up), picks, rows=rows)
        weighed = graph.op(wide, down, weights, in_place=True)
        outputs = [graph.view(weighed, width) for _ in range(mlp.experts_per_token)]
        added = outputs[0]
        for following in outputs[1:]:
            added = graph.op(width, added, following, in_place=not added.is_view)
        if self.has_gpu:
            added.kept = (down, shares)  # CUDA fuses the weighing with the sum
        if not mlp.shared_intermediate_size:
            return added
        shared = self._mlp(x, layer, mlp.shared_intermediate_size * unit, rows, "_shexp")
        opening = self._matmul(x, layer, "ffn_gate_inp_shexp", unit, rows)
        swish = graph.op(unit, opening, in_place=not older)
        opening = graph.op(unit, swish, opening, in_place=True) if older else swish
        shared = graph.op(width, shared, opening, in_place=True)
        return graph.op(width, added, shared, in_place=True)

    def _attention(self, x: Node, layer: int, kind: FullAttention | SlidingAttention) -> Node:
        graph, batch, rows = self.graph, self.batch, self.batch.tokens
        queries, keys = kind.heads * kind.head_dim * self.unit, kind.kv_heads * kind.head_dim * self.unit
        side = self.homes.side(layer)
        half = batch.context * kind.kv_heads * kind.head_dim  # elements of the layer's cached keys
        key_cache, value_cache = graph.cache(batch.key_bytes(half), side), graph.cache(batch.value_bytes(half), side)
        if self.architecture.gguf_arch == "qwen":  # gen 1: one projection for all three
            joint = self._biased(self._matmul(x, layer, "attn_qkv", queries + 2 * keys, rows), layer, "attn_qkv", rows)
            q, k, v = graph.view(joint, queries), graph.view(joint, keys), graph.view(joint, keys)
        else:
            joint = self._matmul(x, layer, "attn_q", queries * (2 if kind.output_gate else 1), rows)
            joint = self._biased(joint, layer, "attn_q", rows) if kind.qkv_bias else joint
            q, k, v = graph.view(joint, queries), None, None
        if kind.qk_norm:
            q = self._norm(q, layer, "attn_q_norm", rows * kind.heads, queries)
        q = self._rotated(graph.op(queries, q, self.positions, in_place=not q.is_view))
        v = self._rotated(v or self._projected(x, layer, "attn_v", keys, kind.qkv_bias))
        k = k or self._projected(x, layer, "attn_k", keys, kind.qkv_bias)
        if kind.qk_norm:
            k = self._norm(k, layer, "attn_k_norm", rows * kind.kv_heads, keys)
        k = self._rotated(graph.op(keys, k, self.positions, in_place=not k.is_view))
        graph.store(key_cache, graph.view(k), self.key_rows)
        graph.store(value_cache, graph.view(v), self.value_rows)
        q, cached_keys, cached_values = graph.view(graph.view(q)), graph.view(key_cache), graph.view(value_cache)
        if batch.flash_attention:
            attended = graph.op(queries, q, cached_keys, cached_values, self.mask)
            attended.extra = 4 * half if batch.quantized_cache else 0  # CUDA's kernel wants keys and values in 16 bits
        else:
            scores = graph.op(kind.heads * batch.attended * self.unit, cached_keys, q)
            odds = graph.op(scores.size, scores, self.mask, in_place=True)
            attended = graph.op(queries, graph.view(graph.op(queries, cached_values, odds)))
        attended = graph.view(attended)
        if self.rotation:
            attended = self._rotated(attended)
        if kind.output_gate:
            gate = graph.op(queries, graph.view(joint, queries))
            gate = graph.op(queries, gate, in_place=True)
            attended = graph.op(queries, attended, gate, in_place=True)
        return self._matmul(attended, layer, "attn_output", self.hidden, rows)

    def _projected(self, x: Node, layer: int, role: str, size: int, bias: bool) -> Node:
        projected = self._matmul(x, layer, role, size, self.batch.tokens)
        return self.graph.view(self._biased(projected, layer, role, self.batch.tokens) if bias else projected)

    def _biased(self, x: Node, layer: int, role: str, rows: int) -> Node:
        return self.graph.op(x.size, x, self._weight(layer, f"{role}.bias"), rows=rows, in_place=True)

    def _rotated(self, x: Node) -> Node:
        """Through the Hadamard rotation that a quantized cache asks for."""
        return self.graph.view(self.graph.op(x.size, self.rotation, self.graph.view(x))) if self.rotation else x

    def _linear(self, x: Node, layer: int, kind: LinearAttention) -> Node:
        """A gated delta net: convolve, read the state, run the recurrence, write the state, gate and project."""
        graph, unit, rows, sequences = self.graph, self.unit, self.batch.tokens, self.batch.sequences
        channels, values = kind.conv_channels * unit, kind.value_heads * kind.value_head_dim * unit
        heads, keys = kind.value_heads * unit, kind.key_heads * kind.key_head_dim * unit
        side = self.homes.side(layer)
        conv_cache, state_cache = graph.cache(0, side), graph.cache(0, side)
        conv_bytes, state_bytes = 4 * kind.conv_state_elements * sequences, 4 * kind.ssm_state_elements * sequences
        past = self._read(conv_cache, conv_bytes)
        qkv = graph.view(self._matmul(x, layer, "attn_qkv", channels, rows))
        window = graph.op(channels + conv_bytes, graph.view(past), qkv)
        graph.store(conv_cache, graph.view(window, conv_bytes))
        state = graph.view(self._read(state_cache, state_bytes))
        convolved = graph.op(channels, window, self._weight(layer, "ssm_conv1d"), rows=kind.conv_channels)
        convolved = graph.op(channels, convolved, in_place=True)
        q, k = graph.op(keys, graph.view(convolved, keys)), graph.op(keys, graph.view(convolved, keys))
        v = graph.view(convolved, values)
        if self.architecture.gguf_arch == "qwen3next":  # one projection for both, copied apart
            both = graph.view(self._matmul(x, layer, "ssm_ba", 2 * heads, rows))
            decay = graph.op(heads, graph.view(both, heads))
        else:
            both = None
            decay = graph.view(self._matmul(x, layer, "ssm_alpha", heads, rows))
        decay = graph.op(heads, decay, self._weight(layer, "ssm_dt.bias"), rows=rows, in_place=not decay.is_view)
        decay = graph.op(
            heads, graph.op(heads, decay, in_place=True), self._weight(layer, "ssm_a"), rows=rows, in_place=True
        )
        if both is not None:
            strength = graph.op(heads, graph.op(heads, graph.view(both, heads)), in_place=True)
        else:
            strength = graph.op(heads, graph.view(self._matmul(x, layer, "ssm_beta", heads, rows)))
        result = graph.op(values + state_bytes, q, k, v, graph.view(decay), strength, state)
        graph.store(state_cache, graph.view(result, state_bytes))
        normed = self._norm(graph.view(result, values), layer, "ssm_norm", rows * kind.value_heads, values)
        gate = graph.op(values, graph.view(self._matmul(x, layer, "attn_gate", values, rows)))
        gated = graph.view(graph.op(values, normed, gate, in_place=True))
        return graph.view(self._matmul(gated, layer, "ssm_out", self.hidden, rows))

    def _read(self, cache: Node, size: int) -> Node:
        """The sequences' rows of a recurrent cache; clearing and moving others cost nothing."""
        assert self.state_rows
        seen = self.graph.view(cache)
        self.graph.store(cache, seen)
        rows = self.graph.op(size, seen, self.state_rows)
        self.graph.store(cache, self.graph.op(0, seen, self.state_rows))
        return rows
