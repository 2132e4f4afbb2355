"""A computation as llama.cpp's scheduler sees it: which operations run on the GPU, what is copied there, and how large both compute buffers get.

Behaviour of ggml/src/ggml-backend.cpp and ggml-alloc.c of llama.cpp b11434, with one GPU and the CPU:
- an operation runs where its weights or its cache lie; with enough tokens (32), also on the GPU for weights in RAM, which are copied for it;
- what has neither runs where its neighbours run, the GPU's first;
- a run of operations on one side is a split; its inputs from the other side are copied at its start, and copied weights end it;
- a result may take over the buffer of an operand that nobody else needs; what nobody needs any more is freed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qwenpick.runtimes.llamacpp.arena import Arena
from qwenpick.runtimes.llamacpp.step import Side

OFFLOAD_BATCH = 32  # tokens; ggml-cuda.cu, op_offload_min_batch_size
GPU_ALIGNMENT = 128  # ggml-cuda.cu, ggml_backend_cuda_buffer_type_get_alignment
RAM_ALIGNMENT = 32  # ggml-impl.h, TENSOR_ALIGNMENT


class Node:
    """A tensor of the graph. `base` is what a view looks into; `extra` are bytes more that the GPU's kernel wants beside the result."""

    __slots__ = (
        "base",
        "external",
        "extra",
        "held",
        "in_place",
        "is_view",
        "kept",
        "offset",
        "output",
        "side",
        "size",
        "sources",
        "users",
        "views",
        "weight",
    )  # fmt: skip

    def __init__(
        self, size: int, sources: Iterable[Node] = (), *, base: Node | None = None, side: Side | None = None
    ) -> None:
        self.size = size
        self.sources = list(sources)
        self.base = base
        self.side = side
        self.extra = 0
        self.in_place = self.is_view = self.weight = self.external = self.output = self.held = False
        self.kept: Sequence[Node] = ()  # what must stay until this node has run
        self.users = self.views = 0
        self.offset: int | None = None

    @property
    def place(self) -> Side | None:
        """Where its bytes lie."""
        return self.side or (self.base.side if self.base else None)


class Graph:
    """Operations in the order they run."""

    def __init__(self, *, has_gpu: bool, op_offload: bool) -> None:
        self.has_gpu = has_gpu
        self.op_offload = op_offload
        self.nodes: list[Node] = []
        self.inputs: list[Node] = []

    # -- building ------------------------------------------------------------------------------------------------------

    def input(self, size: int) -> Node:
        """What the host fills in before each run; it lies in RAM."""
        node = Node(size, side="ram")
        self.inputs.append(node)
        return node

    def weight(self, size: int, side: Side) -> Node:
        """A tensor of the model."""
        node = Node(size, side=side)
        node.weight = node.external = True
        return node

    def cache(self, size: int, side: Side) -> Node:
        """A tensor of the cache or the recurrent state."""
        node = Node(size, side=side)
        node.external = True
        return node

    def op(self, size: int, *sources: Node, rows: int = 0, in_place: bool = False, side: Side | None = None) -> Node:
        """A result of `size` bytes. `rows` is the batch that decides whether weights in RAM are worth copying to the GPU."""
        node = Node(size, sources, side=side)
        node.in_place = in_place
        if side is None:
            for source in sources:
                if source.weight:
                    lifted = self.has_gpu and self.op_offload and rows >= OFFLOAD_BATCH
                    node.side = "gpu" if source.side == "gpu" or lifted else "ram"
                    break
        self.nodes.append(node)
        return node

    def view(self, source: Node, size: int | None = None) -> Node:
        """The same bytes, or `size` of them, seen in another shape."""
        node = Node(source.size if size is None else size, (source,), base=source.base or source)
        node.is_view = True
        self.nodes.append(node)
        return node

    def store(self, target: Node, *sources: Node) -> Node:
        """Writing into a cache: it runs where the cache lies."""
        node = Node(0, (*sources, target), base=target, side=target.side)
        self.nodes.append(node)
        return node

    # -- running -------------------------------------------------------------------------------------------------------

    def peaks(self) -> tuple[int, int]:
        """Bytes of the GPU's compute buffer and of the host's."""
        self._assign()
        return _allocate(self.inputs, self._ordered())

    def _assign(self) -> None:
        """Give every operation a side."""
        operations = [n for n in self.nodes if not n.is_view]
        if self.has_gpu:
            _spread(operations, gpu_only=True)
            _spread(reversed(operations), gpu_only=True)
        _spread(operations, gpu_only=False)
        _spread(reversed(operations), gpu_only=False)
        for node in self.nodes:
            if node.side is None and node.base is not None:
                node.side = node.base.side

    def _ordered(self) -> list[Node]:
        """All nodes with the copies between the sides before the splits that need them."""
        ordered: list[Node] = []
        split: list[Node] = []
        inputs: list[tuple[Node, Node]] = []  # what the split copies, and the copies
        copies: dict[tuple[int, Side], Node] = {}
        current: Side | None = None

        def close() -> None:
            for source, copy in inputs:
                held = Node(0, (source,), base=source.base or source, side=source.place)
                held.held = True  # keeps the source until it is copied
                ordered.extend((held, copy))
            ordered.extend(split)

        for node in self.nodes:
            if node.is_view:
                split.append(node)
                continue
            side = node.side or "ram"
            staged = inputs and any(s.weight and s.side != side for s in node.sources)
            if side != current or staged:
                close()
                split, inputs, current = [], [], side
            split.append(node)
            for i, source in enumerate(node.sources):
                if source.place == side:
                    continue
                key = (id(source), side)
                if key not in copies:
                    copies[key] = Node(source.size, side=side)
                    inputs.append((source, copies[key]))
                node.sources[i] = copies[key]
            if node.kept:
                held = Node(0, node.kept, base=node.kept[0].base or node.kept[0], side=side)
                held.held = True
                split.append(held)
        close()
        return ordered


def _spread(operations: Iterable[Node], *, gpu_only: bool) -> None:
    """Operations without a side take that of the one before them; `gpu_only` spreads the GPU's only."""
    current: Side | None = None
    for node in operations:
        if node.side is not None:
            current = None if gpu_only and node.side == "ram" else node.side
        elif current is not None:
            node.side = current


def _allocate(inputs: Iterable[Node], ordered: list[Node]) -> tuple[int, int]:
    """Highest ends of the GPU's and the host's buffers when the nodes run in order."""
    arenas: dict[str, Arena] = {"gpu": Arena(GPU_ALIGNMENT), "ram": Arena(RAM_ALIGNMENT)}
    for node in inputs:
        node.offset = arenas["ram"].take(node.size)
    for node in ordered:
        if node.base is not None and not node.held:
            node.base.views += 1
        for source in node.sources:
            source.users += 1
    for node in ordered:
        if not node.external and node.base is None and node.offset is None:
            _place(node, arenas)
        for source in node.sources:
            source.users -= 1
            if source.users or source.views:
                continue
            owner = source
            if source.base is not None:
                owner = source.base
                owner.views -= 1
            if not owner.views and not owner.users:
                _release(owner, arenas)
    return arenas["gpu"].peak, arenas["ram"].peak


def _footprint(node: Node) -> int:
    return node.size + (node.extra if node.side == "gpu" else 0)


def _place(node: Node, arenas: dict[str, Arena]) -> None:
    """Take over the buffer of an operand of the same size that nobody else needs, else take a new one."""
    arena = arenas[node.side or "ram"]
    if node.in_place:
        for source in node.sources:
            usable = (
                source.offset is not None
                and source.side == node.side
                and source.size == node.size
                and not source.output
            )
            if usable and source.users == 1 and not source.views:
                node.offset, source.offset = source.offset, None
                if source.extra and node.side == "gpu" and node.offset is not None:
                    arena.give(node.offset + node.size, source.extra)
                return
    node.offset = arena.take(_footprint(node))


def _release(node: Node, arenas: dict[str, Arena]) -> None:
    if node.offset is None or node.output:
        return
    arenas[node.side or "ram"].give(node.offset, _footprint(node))
    node.offset = None
