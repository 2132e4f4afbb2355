"""GGUF files: what each tensor takes in a file of Q4_K_M, Q8_0, …, and how long the file is, header and padding included."""

from __future__ import annotations

import math
from functools import lru_cache

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.quantization.gguf.header import ALIGNMENT, align, header_bytes
from qwenpick.memory.quantization.gguf.layout import is_tied
from qwenpick.memory.quantization.gguf.rules import DEFAULT_TYPE, NEEDS_IMATRIX, tensor_types
from qwenpick.memory.quantization.gguf.types import BLOCKS, row_bytes
from qwenpick.memory.tensors import Tensor, tensors

# Nominal bits per weight of an 8B model: the mixed formats give some tensors more, so a model's own width differs.
BITS: dict[str, float] = {
    "F32": 32, "BF16": 16, "F16": 16, "Q8_0": 8.5, "Q6_K": 6.56, "Q5_K_M": 5.7, "Q5_1": 6.0, "Q5_0": 5.5, "Q5_K_S": 5.53,
    "Q4_K_M": 4.85, "Q4_1": 5.0, "Q4_K_S": 4.58, "Q4_0": 4.54, "IQ4_NL": 4.5, "IQ4_XS": 4.25, "MXFP4_MOE": 4.25,
    "Q3_K_L": 4.27, "Q3_K_M": 3.91, "IQ3_M": 3.66, "Q3_K_S": 3.5, "IQ3_S": 3.44, "IQ3_XS": 3.3, "IQ3_XXS": 3.06,
    "Q2_K": 3.0, "Q2_K_S": 2.63, "IQ2_M": 2.7, "IQ2_S": 2.5, "IQ2_XS": 2.31, "IQ2_XXS": 2.06, "IQ1_M": 1.75, "IQ1_S": 1.56,
}  # fmt: skip


@lru_cache(maxsize=4096)
def layer_sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, tuple[int, ...]], ...]:
    """(tensor, bytes in each layer that holds one) of the language model and its MTP blocks."""
    found = []
    for tensor, types in tensor_types(architecture, format_name):
        rows = math.prod(tensor.shape[:-1])
        by_type = {t: rows * row_bytes(t, tensor.shape[-1]) for t in set(types)}
        found.append((tensor, tuple(map(by_type.__getitem__, types))))
    return tuple(found)


def sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes of all its copies). Towers and extra parts lie in a file of their own, in 16 bits."""
    held = tuple(
        (t, math.prod(t.shape[:-1]) * sum(row_bytes(name, t.shape[-1]) * types.count(name) for name in set(types)))
        for t, types in tensor_types(architecture, format_name)
    )
    inside = {t.role for t, _ in held}
    others = (t for t in tensors(architecture) if t.part not in ("text", "mtp") and t.role not in inside)
    return held + tuple((t, t.elements * 2) for t in others)


def file_bytes(architecture: Architecture, format_name: str) -> int:
    """Length of the file: header, then every tensor padded to the alignment."""
    return header_bytes(architecture) + sum(
        align(size) for _, by_layer in layer_sizes(architecture, format_name) for size in by_layer
    )


__all__ = [
    "ALIGNMENT", "BITS", "BLOCKS", "DEFAULT_TYPE", "NEEDS_IMATRIX", "file_bytes", "header_bytes", "is_tied", "layer_sizes", "sizes",
]  # fmt: skip
