"""MLX's affine quantization: every matrix and the embedding in groups of 64 with a 16-bit scale and a 16-bit bias."""

from __future__ import annotations

from qwenpick.catalog.formats import MLX_BITS
from qwenpick.catalog.schema import Architecture
from qwenpick.memory.tensors import Tensor, tensors

GROUP = 64  # mlx_lm.convert's default q_group_size; a name that ends in -g32 says otherwise
ROUTER_BITS = 8  # quant_predicate of mlx_lm/models/qwen3_moe.py, qwen3_next.py and qwen3_5.py: gates stay at 8 bits
_ROUTERS = ("ffn_gate_inp", "ffn_gate_inp_shexp")


def sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes of all its copies) in this format. Norms, biases, convolutions and towers stay in 16 bits."""
    bits = MLX_BITS[format_name]
    group = int(format_name.rpartition("-g")[2]) if "-g" in format_name else GROUP
    return tuple(
        (t, matrix_bytes(t, bits, group) if bits < 16 and is_quantized(t, group) else t.elements * 2)
        for t in tensors(architecture)
    )


def matrix_bytes(tensor: Tensor, bits: float, group: int) -> int:
    """Bytes of a quantized tensor: bits per element and 32 bits (scale and bias) per group; routers keep 8 bits."""
    bits = max(bits, ROUTER_BITS) if tensor.role in _ROUTERS else bits
    return round(tensor.elements * (bits + 32 / group) / 8)


def is_quantized(tensor: Tensor, group: int = GROUP) -> bool:
    """Whether mlx_lm.convert quantizes this tensor: the text model's linears and embeddings whose columns divide into groups."""
    return (
        tensor.part == "text"
        and len(tensor.shape) >= 2
        and tensor.role != "ssm_conv1d"
        and tensor.shape[-1] % group == 0
    )
