"""llama.cpp's compute buffers: it lays out the graph of a full micro-batch and reserves what that needs on each side.

Nothing is fitted: the graph is walked as the engine does, over a sample of layers that repeats like all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from qwenpick.catalog.schema import Architecture
from qwenpick.quantization.gguf import is_tied, layer_sizes
from qwenpick.runtimes.llamacpp.batch import Batch
from qwenpick.runtimes.llamacpp.cut import Cut
from qwenpick.runtimes.llamacpp.network import OUTPUT, Homes, Network


@dataclass(frozen=True, slots=True)
class Compute:
    """Compute buffers of each GPU and of RAM, with how they come about."""

    gpus: tuple[int, ...]
    ram: int
    formula: str
    ram_formula: str


_GRAPH = "activations alive at once in a micro-batch of {} tokens, {} with logits"
_INPUTS = "mask, embeddings and positions on their way to the GPU"


def compute(
    architecture: Architecture, format_name: str, batch: Batch, cut: Cut, *, op_offload: bool, rough: bool = False
) -> Compute:
    """The compute buffers of a run. `rough`: of one that is cut in the middle, which is all but the same and quick to ask again."""
    formula = _GRAPH.format(batch.tokens, batch.outputs)
    if not cut.held:
        return Compute((), _one_side(architecture, batch, has_gpu=False)[1], "", formula)
    if not cut.is_whole:
        where = _halved(cut) if rough else cut
        gpu, ram = _both_sides(architecture, format_name, batch, where, op_offload, rough)
        staged = f"{formula}, and weights from RAM while they are used" if op_offload else formula
        return Compute((gpu, *(gpu for _ in cut.held[1:])), ram, staged, _INPUTS)
    gpu, ram = _one_side(architecture, batch, has_gpu=True)
    if len(cut.held) == 1:
        return Compute((gpu,), ram, formula, _INPUTS)
    mask, hidden = batch.mask_bytes, architecture.hidden_size * 4 * batch.tokens
    # pipeline parallelism keeps four copies of the inputs: seen on three models over two GPUs, b11434
    gpus = (gpu + 3 * mask + 12 * hidden, *(gpu + 3 * mask + 7 * hidden for _ in cut.held[1:]))
    return Compute(gpus, 4 * mask + 10 * hidden, f"{formula}, and four copies of the inputs", f"{_INPUTS}, four times")


def _halved(cut: Cut) -> Cut:
    """The same kind of cut in the middle of the model."""
    middle = cut.num_layers // 2
    if cut.cpu_moe_layers:
        return Cut(((0, cut.num_layers + 1),), middle, cut.num_layers)
    return Cut(((middle, cut.num_layers + 1),), 0, cut.num_layers)


@lru_cache(maxsize=8192)
def _one_side(architecture: Architecture, batch: Batch, *, has_gpu: bool) -> tuple[int, int]:
    """Bytes on the GPU and in RAM when all layers lie on one of them. The weights' types do not matter then."""
    homes = Homes(0 if has_gpu else architecture.num_layers, "gpu" if has_gpu else "ram", 0, {})
    network = Network(architecture, batch, homes, has_gpu=has_gpu, op_offload=True)
    return network.peaks(_sample(architecture))


@lru_cache(maxsize=8192)
def _both_sides(
    architecture: Architecture, format_name: str, batch: Batch, cut: Cut, op_offload: bool, rough: bool
) -> tuple[int, int]:
    """Bytes on the GPU and in RAM when layers or experts lie in RAM."""
    first = min(cut.first_on_gpu, architecture.num_layers)
    homes = Homes(
        first, "gpu" if cut.output_on_gpu else "ram", cut.cpu_moe_layers, weight_sizes(architecture, format_name)
    )
    network = Network(architecture, batch, homes, has_gpu=True, op_offload=op_offload)
    boundaries = () if rough else (first, cut.cpu_moe_layers)
    return network.peaks(_sample(architecture, boundaries))


def _sample(architecture: Architecture, boundaries: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Layers that show every kind of step: the first, the last, and those beside each boundary between RAM and GPU.

    Results swap places from one repetition of the pattern to the next, so as many repetitions are taken as match the model's, modulo 2.
    """
    period = min(len([layer for layer in architecture.layers for _ in range(layer.count)]), architecture.num_layers)
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
