"""GGUF types and llama.cpp's quantizer: which type each tensor gets in a file of Q4_K_M, Q8_0, …, and how many bytes that is."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture
from qwenpick.tensors import Tensor, tensors

BITS: dict[str, float] = {"F32": 32, "BF16": 16, "F16": 16, "Q8_0": 8.5, "Q6_K": 6.56, "Q5_K_M": 5.67, "Q4_K_M": 4.85, "Q3_K_M": 3.91, "Q2_K": 3.0}


def sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes of all its copies) in this format."""
    return tuple((t, round(t.elements * BITS[format_name] / 8)) for t in tensors(architecture))
