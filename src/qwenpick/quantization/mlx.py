"""MLX's affine quantization: every matrix and the embedding in groups of 64 with a 16-bit scale and a 16-bit bias."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture
from qwenpick.tensors import Tensor, tensors

BITS: dict[str, float] = {"mlx-3bit": 3, "mlx-4bit": 4, "mlx-6bit": 6, "mlx-8bit": 8, "mlx-bf16": 16}

GROUP = 64  # mlx_lm.convert's default q_group_size


def sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes of all its copies) in this format. Norms, biases, convolutions and towers stay in 16 bits."""
    bits = BITS[format_name]
    return tuple(
        (t, round(t.elements * (bits + 32 / GROUP) / 8) if bits < 16 and t.part == "text" and is_quantized(t) else t.elements * 2)
        for t in tensors(architecture)
    )


def is_quantized(tensor: Tensor) -> bool:
    """Whether mlx_lm.convert quantizes this tensor: linears and embeddings whose columns divide into groups."""
    return len(tensor.shape) >= 2 and tensor.role != "ssm_conv1d" and tensor.shape[-1] % GROUP == 0
