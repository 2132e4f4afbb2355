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


@lru_cache(maxsize=4096)
def layer_sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, tuple[int, ...]], ...]:
    """(tensor, bytes in each layer that holds one) of the language model and its MTP blocks."""
    found = []
    for tensor, types in tensor_types(architecture, format_name):
        rows, columns, first = math.prod(tensor.shape[:-1]), tensor.shape[-1], types[0]
        if types.count(first) == len(types):
            found.append((tensor, (rows * row_bytes(first, columns),) * len(types)))
            continue
        by_type = {t: rows * row_bytes(t, columns) for t in set(types)}
        found.append((tensor, tuple(map(by_type.__getitem__, types))))
    return tuple(found)


def sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes of all its copies). Towers and extra parts lie in a file of their own, in 16 bits."""
    held = tuple(
        (t, by_layer[0] * len(by_layer) if by_layer.count(by_layer[0]) == len(by_layer) else sum(by_layer))
        for t, by_layer in layer_sizes(architecture, format_name)
    )
    inside = {t.role for t, _ in held}
    others = (t for t in tensors(architecture) if t.part not in ("text", "mtp") and t.role not in inside)
    return held + tuple((t, t.elements * 2) for t in others)


@lru_cache(maxsize=4096)
def file_bytes(architecture: Architecture, format_name: str) -> int:
    """Length of the file: header, then every tensor padded to the alignment."""
    total = header_bytes(architecture)
    for _tensor, by_layer in layer_sizes(architecture, format_name):
        first, alike = by_layer[0], by_layer.count(by_layer[0])
        total += align(first) * alike
        if alike < len(by_layer):
            total += sum(align(size) for size in by_layer if size != first)
    return total


__all__ = [
    "ALIGNMENT", "BLOCKS", "DEFAULT_TYPE", "NEEDS_IMATRIX", "file_bytes", "header_bytes", "is_tied", "layer_sizes", "sizes",
]  # fmt: skip
