"""DoRA: LoRA with a magnitude for every output of an adapted matrix, and the norm of the whole sum of weight and adapters in every forward pass."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.tensors import Tensor, tensors
from qwenpick.training.adapters import roles

READ_FROM = "peft 0.21.2 tuners/lora/dora.py DoraLinearLayer, tuners/lora/variants.py DoraLinearVariant"
SAVED = 4  # bytes an output and token: the results of base and adapters, which both are multiplied by the magnitude, in bf16


def adapted(architecture: Architecture, target: str) -> tuple[Tensor, ...]:
    """The matrices of the language model that get a magnitude."""
    names = roles(target)
    return tuple(t for t in tensors(architecture) if t.part == "text" and t.role in names)


def magnitudes(architecture: Architecture, target: str) -> int:
    """Weights of all magnitudes: one an output, in FP32 as the adapters are."""
    return sum(tensor.count * tensor.shape[-2] for tensor in adapted(architecture, target))


def workspace(architecture: Architecture, target: str, tokens: int) -> int:
    """Bytes that are there while one matrix (b outputs, a inputs) goes forward, for the matrix that needs most.

    Adapters times a unit matrix: a x a in FP32 and in bf16, and the product. The norm: weight, adapters, their multiple and the sum, each
    b x a in FP32. The result: weight and adapters still, and three FP32 results of `tokens` x b beside the FP32 input.
    """
    found = 0
    for tensor in adapted(architecture, target):
        b, a = tensor.shape[-2:]
        unit, whole = 2 * a * a, 4 * a * b
        moments = (3 * unit + whole // 2, unit + 4 * whole, unit + 2 * whole + 12 * b * tokens)
        found = max(found, max(moments) + 4 * a * tokens)
    return found
