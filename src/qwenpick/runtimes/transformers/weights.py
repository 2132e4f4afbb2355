"""What a checkpoint takes once transformers has loaded it, layer by layer."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.memory.quantization import sizes
from qwenpick.memory.tensors import Tensor
from qwenpick.runtimes.transformers.allocator import block
from qwenpick.runtimes.transformers.versions import FUSED_EXPERTS, QWEN1_MASKS, TIED_FP8, Version

ON_LOAD = ("nf4", "int8")  # bitsandbytes quantizes 16-bit weights while loading
# bytes a weight: NF4 scales in FP32 rather than quantized again
SINGLE_QUANT_EXTRA = 4 / 64 - (1 / 64 + 4 / (64 * 256))


def loaded(
    architecture: Architecture, checkpoint: Checkpoint, version: Version, *, double_quant: bool = True
) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes of all its copies in torch's blocks) of everything that is loaded; the MTP block is not.

    Tied embeddings stand once. bitsandbytes quantizes nn.Linear only: from transformers 5 on the experts of a MoE are not, so they stay in 16 bits.
    """
    found = tuple(
        (tensor, tensor.count * block(_stored(tensor, size, checkpoint.format, version, double_quant) // tensor.count))
        for tensor, size in sizes(architecture, checkpoint.format)
        if tensor.part != "mtp"
    )
    if checkpoint.format == "fp8" and architecture.tied_embeddings and version < TIED_FP8:
        head = Tensor("output", (architecture.vocab_size, architecture.hidden_size))
        return (*found, (head, block(head.elements * 2)))
    return found


def _stored(tensor: Tensor, size: int, format_name: str, version: Version, double_quant: bool) -> int:
    """Bytes of all copies of the tensor, before rounding."""
    if format_name not in ON_LOAD:
        return size
    if version >= FUSED_EXPERTS and tensor.role.endswith("_exps"):
        return tensor.elements * 2
    if format_name == "nf4" and not double_quant and size < tensor.elements * 2:
        return size + round(tensor.elements * SINGLE_QUANT_EXTRA)
    return size


def by_layer(architecture: Architecture, tensors: tuple[tuple[Tensor, int], ...]) -> tuple[list[int], int, int]:
    """(bytes of each layer, bytes before the layers, bytes after them): embeddings and towers come first, lm_head last."""
    layers = [0] * architecture.num_layers
    first = last = 0
    for tensor, size in tensors:
        for index in tensor.layers:
            layers[index] += size // tensor.count
        if not tensor.layers and tensor.role in ("output", "output_norm"):
            last += size
        elif not tensor.layers:
            first += size
    return layers, first, last


def causal_masks(architecture: Architecture, checkpoint: Checkpoint, layers: int, version: Version) -> int:
    """Bytes of the masks that Qwen 1's first code keeps: 8,192 x 8,192 bytes a layer.

    So does that of Qwen-VL and Qwen-Audio, but for their GPTQ repositories, which came later.
    """
    if architecture.model_type != "qwen":
        return 0
    towers = architecture.vision is not None or architecture.audio is not None
    first = version < QWEN1_MASKS or (towers and not checkpoint.format.startswith("gptq"))
    return layers * 8192 * 8192 if first else 0
