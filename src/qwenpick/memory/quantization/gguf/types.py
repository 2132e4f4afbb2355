"""GGML's tensor types: elements of a block and bytes of a block, and which type stands in when a row does not divide into blocks."""

from __future__ import annotations

# type -> (elements, bytes) of a block: ggml/src/ggml-common.h of llama.cpp b11434
BLOCKS: dict[str, tuple[int, int]] = {
    "F32": (1, 4), "F16": (1, 2), "BF16": (1, 2),
    "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34), "IQ4_NL": (32, 18), "MXFP4": (32, 17),
    "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210),
    "IQ1_S": (256, 50), "IQ1_M": (256, 56), "IQ2_XXS": (256, 66), "IQ2_XS": (256, 74), "IQ2_S": (256, 82),
    "TQ1_0": (256, 54), "TQ2_0": (256, 66), "Q1_0": (128, 18), "Q2_0": (64, 18), "NVFP4": (64, 36),
    "IQ3_XXS": (256, 98), "IQ3_S": (256, 110), "IQ4_XS": (256, 136),
}  # fmt: skip

# What a type of 256-element blocks becomes in a tensor whose columns do not divide by 256: llama-quant.cpp, tensor_type_fallback
_SMALLER_BLOCKS = {
    "IQ1_S": "IQ4_NL", "IQ1_M": "IQ4_NL", "IQ2_XXS": "IQ4_NL", "IQ2_XS": "IQ4_NL", "IQ2_S": "IQ4_NL", "IQ3_XXS": "IQ4_NL", "IQ3_S": "IQ4_NL",
    "IQ4_XS": "IQ4_NL", "Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0", "TQ1_0": "Q4_0", "TQ2_0": "Q4_0",
}  # fmt: skip


def row_bytes(type_name: str, columns: int) -> int:
    """Bytes of one row.

    >>> row_bytes("Q4_K", 4096), row_bytes("F16", 10)
    (2304, 20)
    """
    elements, size = BLOCKS[type_name]
    return columns // elements * size


def is_quantized(type_name: str) -> bool:
    """Whether its elements share a scale."""
    return BLOCKS[type_name][0] > 1


def divides(type_name: str, columns: int) -> bool:
    """Whether rows of that many columns are whole blocks."""
    return columns % BLOCKS[type_name][0] == 0


def fallback(type_name: str, columns: int) -> str:
    """The type itself where rows are whole blocks, else the one that the quantizer falls back to.

    >>> fallback("Q4_K", 896), fallback("Q6_K", 4096)
    ('Q5_0', 'Q6_K')
    """
    if divides(type_name, columns):
        return type_name
    smaller = _SMALLER_BLOCKS.get(type_name, type_name)
    return smaller if divides(smaller, columns) else "F16"
