"""llama.cpp's compute buffers: it lays out the graph of a full micro-batch and reserves what that needs on each side.

Nothing is fitted: the graph is walked as the engine does, over a sample of layers that repeats like all of them. An indexer's scores are bounded.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from qwenpick.catalog.schema import Architecture, FullAttention
from qwenpick.i18n import N_
from qwenpick.memory.quantization.gguf import is_tied, layer_sizes
from qwenpick.runtimes.llamacpp.batch import Batch
from qwenpick.runtimes.llamacpp.cut import Cut
from qwenpick.runtimes.llamacpp.step import OUTPUT, Side, Step
from qwenpick.storage import Results
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Compute:
    """Compute buffers of each GPU and of RAM, with how they come about."""

    gpus: tuple[int, ...]
    ram: int
    formula: str
    ram_formula: str


_INPUTS = N_("mask, embeddings and positions on their way to the GPU")


def compute(
    architecture: Architecture, format_name: str, batch: Batch, cut: Cut, *, op_offload: bool, rough: bool = False
) -> Compute:
    """The compute buffers of a run. `rough`: of one that is cut in the middle, which is all but the same and quick to ask again."""
    buffers = _buffers(architecture, format_name, batch, cut, op_offload, rough)
    scores = indexer_scores(architecture, batch)
    if not scores:
        return buffers
    formula = N_("{formula}, and the scores of the indexer over all cells", formula=buffers.formula)
    in_ram = min(cut.first_on_gpu, architecture.num_layers) > 0
    return Compute(
        tuple(
            gpu + scores * (first < cut.num_layers)
            for gpu, (first, _unused) in zip(buffers.gpus, cut.held, strict=True)
        ),
        buffers.ram + scores * in_ram,
        formula if buffers.gpus else "",
        N_("{formula}, and the scores of the indexer over all cells", formula=buffers.ram_formula)
        if in_ram
        else buffers.ram_formula,
    )


def indexer_scores(architecture: Architecture, batch: Batch) -> int:
    """Bytes of an indexer's working tensors, an upper bound: tokens x cells x 4 x (heads / compress_ratio + 3).

    The scores of blocks, what they are when spread over the cells, the mask in 32 bits and the sum of the two. The bound is ours; reported
    for Flash-Next at 2,048 tokens, all buffers and a mask of 2 bytes a cell included: 3.7 GiB at 131,072 cells (CUDA), 8.5 GiB at 262,144 (Vulkan).
    """
    found = [layer.indexer for layer in architecture.layers if isinstance(layer, FullAttention) and layer.indexer]
    return max(
        (batch.tokens * batch.attended * 4 * (i.heads + 3 * i.compress_ratio) // i.compress_ratio for i in found),
        default=0,
    )


def _buffers(
    architecture: Architecture, format_name: str, batch: Batch, cut: Cut, op_offload: bool, rough: bool
) -> Compute:
    """The buffers of the graph that is walked, which is everything but an indexer."""
    formula = N_(
        "activations alive at once in a micro-batch of {tokens} tokens, {outputs} with logits",
        tokens=batch.tokens,
        outputs=batch.outputs,
    )
    if not cut.held:
        return Compute((), _one_side(architecture, batch, has_gpu=False)[1], "", formula)
    if not cut.is_whole:
        where = _halved(cut) if rough else cut
        gpu, ram = _both_sides(architecture, format_name, batch, where, op_offload, rough)
        staged = N_("{formula}, and weights from RAM while they are used", formula=formula) if op_offload else formula
        return Compute((gpu, *(gpu for _unused in cut.held[1:])), ram, staged, _INPUTS)
    gpu, ram = _one_side(architecture, batch, has_gpu=True)
    if len(cut.held) == 1:
        return Compute((gpu,), ram, formula, _INPUTS)
    mask, hidden = batch.mask_bytes, architecture.hidden_size * 4 * batch.tokens
    # pipeline parallelism keeps four copies of the inputs: seen on three models over two GPUs, b11434
    gpus = (gpu + 3 * mask + 12 * hidden, *(gpu + 3 * mask + 7 * hidden for _unused in cut.held[1:]))
    return Compute(
        gpus,
        4 * mask + 10 * hidden,
        N_("{formula}, and four copies of the inputs", formula=formula),
        N_("{formula}, four times", formula=_INPUTS),
    )


def _halved(cut: Cut) -> Cut:
    """The same kind of cut in the middle of the model."""
    middle = cut.num_layers // 2
    if cut.cpu_moe_layers:
        return Cut(((0, cut.num_layers + 1),), middle, cut.num_layers)
    return Cut(((middle, cut.num_layers + 1),), 0, cut.num_layers)


@lru_cache(maxsize=8192)
def _one_side(architecture: Architecture, batch: Batch, *, has_gpu: bool) -> tuple[int, int]:
    """Bytes on the GPU and in RAM when all layers lie on one of them. The weights' types do not matter then."""
    side: Side = "gpu" if has_gpu else "ram"
    steps = tuple(Step(layer, side, side) for layer in _sample(architecture))
    return _kept(architecture, None, batch, steps, side, has_gpu=has_gpu, op_offload=True)


def _both_sides(
    architecture: Architecture, format_name: str, batch: Batch, cut: Cut, op_offload: bool, rough: bool
) -> tuple[int, int]:
    """Bytes on the GPU and in RAM when layers or experts lie in RAM."""
    first = min(cut.first_on_gpu, architecture.num_layers)
    experts = max(first, cut.cpu_moe_layers)
    like = alike(architecture, format_name)
    steps = tuple(
        Step(like[layer], "ram" if layer < first else "gpu", "ram" if layer < experts else "gpu")
        for layer in _sample(architecture, () if rough else (first, cut.cpu_moe_layers))
    )
    return _walked(architecture, format_name, batch, steps, "gpu" if cut.output_on_gpu else "ram", op_offload)


@lru_cache(maxsize=16384)
def _walked(
    architecture: Architecture,
    format_name: str,
    batch: Batch,
    steps: tuple[Step, ...],
    output: Side,
    op_offload: bool,
) -> tuple[int, int]:
    """The peaks of a run through these steps. Most cuts of a model look alike from here, so they are walked once."""
    return _kept(architecture, format_name, batch, steps, output, has_gpu=True, op_offload=op_offload)


_PACKAGE = Path(__file__).parents[2]
# what a walk follows from
_CODE = ("runtimes/llamacpp", "memory/quantization/gguf", "memory/quantization", "memory", "catalog", ".")
WALKS = Results("walks", [_PACKAGE / folder for folder in _CODE])  # a walk takes 3 ms, a look-up 0.05


def _kept(
    architecture: Architecture,
    format_name: str | None,
    batch: Batch,
    steps: tuple[Step, ...],
    output: Side,
    *,
    has_gpu: bool,
    op_offload: bool,
) -> tuple[int, int]:
    """The peaks of a walk, kept under the digest of all it follows from but the code. Without a format the weights' sizes do not matter."""
    told = (_described(architecture), format_name, batch, tuple(map(tuple, steps)), output, has_gpu, op_offload)
    key = hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()
    if (known := WALKS.get(key)) is None:
        from qwenpick.runtimes.llamacpp.network import Network
        from qwenpick.runtimes.llamacpp.walk import peaks

        sizes = weight_sizes(architecture, format_name) if format_name else {}
        known = peaks(Network(architecture, batch, sizes, output, has_gpu=has_gpu, op_offload=op_offload), steps)
        WALKS.put(key, known)
    return known


@lru_cache(maxsize=1024)
def _described(architecture: Architecture) -> str:
    return architecture.model_dump_json()


@lru_cache(maxsize=2048)
def alike(architecture: Architecture, format_name: str) -> tuple[int, ...]:
    """For each layer the first one that the graph cannot tell from it: of the same kind, with weights of the same sizes."""
    weights: list[list[tuple[str, int]]] = [[] for _unused in range(architecture.num_layers)]
    for tensor, by_layer in layer_sizes(architecture, format_name):
        if tensor.layers and tensor.part == "text":
            for layer, size in zip(tensor.layers, by_layer, strict=True):
                weights[layer].append((tensor.role, size))
    last = architecture.num_layers - 1
    deepest = len(architecture.vision.deepstack_layers) if architecture.vision else 0
    first: dict[object, int] = {}
    return tuple(
        first.setdefault((id(kind), layer == last, layer < deepest, *weights[layer]), layer)
        for layer, kind in enumerate(architecture.layer_list)
    )


def _sample(architecture: Architecture, boundaries: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Layers that show every kind of step: the first, the last, and those beside each boundary between RAM and GPU.

    Results swap places from one repetition of the pattern to the next, so as many repetitions are taken as match the model's, modulo 2.
    """
    period = min(
        len([layer for layer in architecture.layers for _unused in range(layer.count)]), architecture.num_layers
    )
    last = architecture.num_layers
    deepest = (
        max(architecture.vision.deepstack_layers, default=0)
        if architecture.vision and architecture.vision.deepstack_layers
        else 0
    )
    repetitions = last // period
    first = period * (1 + repetitions % 2)
    chosen = set(range(min(last, max(first, deepest and 4)))) | set(range(last - period, last))
    for boundary in boundaries:
        chosen |= set(range(max(0, boundary - period), min(last, boundary + period)))
    return tuple(sorted(chosen))


@lru_cache(maxsize=2048)
def weight_sizes(architecture: Architecture, format_name: str) -> dict[tuple[int, str], int]:
    """(layer, role) -> bytes of the matrix, for every layer; the head under OUTPUT."""
    found: dict[tuple[int, str], int] = {}
    for tensor, by_layer in layer_sizes(architecture, format_name):
        if tensor.part == "text":
            found.update(
                {(layer, tensor.role): size for layer, size in zip(tensor.layers or (OUTPUT,), by_layer, strict=True)}
            )
    if is_tied(architecture):
        found[OUTPUT, "output"] = found[OUTPUT, "token_embd"]
    return found
