"""The inputs, weights and single operations of the graphs that llama.cpp builds for Qwen models, as far as memory can tell them apart.

Facts read from src/llama-graph.cpp and src/models/qwen*.cpp of llama.cpp. Sizes are bytes of F32 activations: 4 x tokens x width.
"""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.catalog.schema import Architecture
from qwenpick.runtimes.llamacpp.batch import Batch
from qwenpick.runtimes.llamacpp.graph import Graph, Node
from qwenpick.runtimes.llamacpp.step import OUTPUT, Side, Step

# four positions per token: time, height, width and a spare
_SECTIONED_ROPE = ("qwen2vl", "qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe")


class Network:
    """The graph of one micro-batch as it is built: walk.py leads it through a sample of the model's layers that shows every kind of step.

    `sizes` are bytes by (layer, role); a weight that is not listed is small and counts as nothing.
    """

    def __init__(
        self,
        architecture: Architecture,
        batch: Batch,
        sizes: Mapping[tuple[int, str], int],
        output: Side,
        *,
        has_gpu: bool,
        op_offload: bool,
    ) -> None:
        self.architecture, self.batch, self.sizes = architecture, batch, sizes
        self.output = Step(OUTPUT, output, output)
        self.graph = Graph(has_gpu=has_gpu, op_offload=op_offload)
        self.has_gpu = has_gpu
        self.unit = 4 * batch.tokens
        self.hidden = architecture.hidden_size * self.unit
        self._inputs()

    def _inputs(self) -> None:
        """What the host fills in, in the order of the graph's leaves."""
        architecture, batch, cached, graph = self.architecture, self.batch, self.architecture.attention, self.graph
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
        # transposed values are written one by one
        values = 1 if batch.flash_attention else cached.kv_heads * cached.head_dim
        self.value_rows = graph.input(8 * batch.tokens * values)
        self.mask = graph.input(batch.mask_bytes)
        self.rotation = graph.input(4 * cached.head_dim**2) if batch.quantized_cache else None
        self.state_rows = graph.input(4 * batch.sequences) if architecture.is_hybrid else None
        self.output_rows = graph.input(4 * batch.outputs)

    def weight(self, step: Step, role: str) -> Node:
        side = step.experts if role.endswith("_exps") else step.side
        return self.graph.weight(self.sizes.get((step.layer, role), 4), side)

    def matmul(self, x: Node, step: Step, role: str, size: int, rows: int) -> Node:
        return self.graph.op(size, self.weight(step, role), x, rows=rows)

    def norm(self, x: Node, step: Step, role: str, rows: int, size: int | None = None) -> Node:
        size = self.width(rows) if size is None else size
        scaled = self.graph.op(size, x, in_place=not x.is_view)
        return self.graph.op(size, scaled, self.weight(step, role), rows=rows, in_place=True)

    def width(self, rows: int) -> int:
        return self.architecture.hidden_size * 4 * rows

    def slice(self, embedded: Node) -> Node:
        """One layer's share of the rows that entered; its copy spans all but the tail of the last row."""
        return self.graph.view(embedded, self.embedded - self.deepstack * self.architecture.hidden_size * 4)

    def embedding(self) -> Node:
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
