"""Formats that transformers, vLLM and SGLang load: 16 and 32 bits, FP8, GPTQ, AWQ, bitsandbytes, NVFP4 and MXFP4."""

from __future__ import annotations

import math
from collections.abc import Callable

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.tensors import Tensor, tensors

GROUP = 128  # columns that share a scale in GPTQ and AWQ: the official repositories' quantize_config.json

# What stays in 16 bits in every quantized repository: embeddings, lm_head, norms, biases, routers and the delta net's small tensors.
UNQUANTIZED = ("token_embd", "output", "ffn_gate_inp", "ffn_gate_inp_shexp", "ssm_conv1d", "ssm_alpha", "ssm_beta")

# A_log and the delta net's norm stay in FP32: the weight indices of Qwen3.5-0.8B to 397B-A17B agree to the byte
_FP32 = ("ssm_a", "ssm_norm")
_FP32_TYPES = ("qwen3_5", "qwen3_5_moe")
# The official FP8 repositories quantize the MTP block as any layer (Qwen3.5-397B-A17B-FP8: 406,151,669,464 bytes of files)
_WITH_MTP = ("fp8",)
# Qwen3.8-Flash-Next-FP8 (185.5 GB) has its n-gram table in 8 bits and its MTP block in 16; RadixArk's NVFP4 too (47.69 of 125.96 GiB)
_TABLES = ("ngram-table",)
_TABLES_IN_8_BITS = ("fp8", "nvfp4")
# The official GPTQ repositories of Qwen3.5 leave attention, delta net, shared experts, MTP and vision in 16 bits: quantization_config.dynamic
# (27B: 30.2 GB; 397B-A17B: 235,708,083,992 bytes of files)
_MLP_ONLY_TYPES = ("qwen3_5",)
_MLPS = ("ffn_gate", "ffn_up", "ffn_down", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps")


# ModelOpt's NVFP4 of the hybrids (nvidia's and RadixArk's; vLLM's recipe: "MLP in NVFP4, attention in FP8"): the MLP and the head in 4 bits,
# attention and delta net in 8; of mixtures the experts and the head in 4 bits, the shared one in 8. 27B: 20.41 GiB of 20.42, 35B-A3B: 21.85 of 21.82
_MIXED_TYPES = ("qwen3_next", "qwen3_5")
_HEAD = "output"


def stored_as(tensor: Tensor, architecture: Architecture, format_name: str) -> str:
    """The format that a checkpoint of this format stores the tensor in: itself, another that it mixes in, or "bf16"."""
    if format_name == "nvfp4" and architecture.model_type.startswith(_MIXED_TYPES) and architecture.is_hybrid:
        if tensor.role == _HEAD:
            return format_name
        if is_quantized(tensor, architecture, format_name):
            return format_name if tensor.role in _MLPS else "fp8-online"
        return "bf16"
    return format_name if is_quantized(tensor, architecture, format_name) else "bf16"


def is_quantized(tensor: Tensor, architecture: Architecture, format_name: str) -> bool:
    """Whether a checkpoint in this format stores the tensor in fewer than 16 bits."""
    if len(tensor.shape) < 2 or tensor.role in UNQUANTIZED or tensor.role.startswith("nextn"):
        return False
    if tensor.part == "mtp":
        return format_name in _WITH_MTP and not architecture.extras
    if tensor.part != "text" or not tensor.layers:
        return False
    if format_name.startswith("gptq") and architecture.model_type.startswith(_MLP_ONLY_TYPES):
        return tensor.role in _MLPS
    return True


def sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes of all its copies) in this format."""
    return tuple((t, _tensor_bytes(t, architecture, format_name)) for t in tensors(architecture))


def _tensor_bytes(tensor: Tensor, architecture: Architecture, format_name: str) -> int:
    """Bytes of all copies of a tensor."""
    stored = stored_as(tensor, architecture, format_name)
    if is_quantized(tensor, architecture, format_name) or stored != "bf16":
        return tensor.count * math.prod(tensor.shape[:-2]) * _MATRIX[stored](*tensor.shape[-2:])
    return plain_bytes(tensor, architecture, format_name)


def plain_bytes(tensor: Tensor, architecture: Architecture, format_name: str) -> int:
    """Bytes of all copies of a tensor that a checkpoint of this format does not quantize."""
    if format_name == "fp32" or (tensor.role in _FP32 and architecture.model_type in _FP32_TYPES):
        return tensor.elements * 4
    return tensor.elements * (1 if format_name in _TABLES_IN_8_BITS and tensor.role in _TABLES else 2)


def _groups(columns: int) -> int:
    return -(-columns // GROUP)


# Bytes of one matrix of (rows, columns), its scales and zero points included.
_MATRIX: dict[str, Callable[[int, int], int]] = {
    "fp32": lambda rows, columns: rows * columns * 4,
    "bf16": lambda rows, columns: rows * columns * 2,
    "fp16": lambda rows, columns: rows * columns * 2,
    # e4m3 weights and one FP32 scale per 128 x 128 block: quantization_config.weight_block_size of the official -FP8 repositories
    "fp8": lambda rows, columns: rows * columns + 4 * -(-rows // 128) * _groups(columns),
    # one FP32 scale per matrix: vLLM's --quantization fp8 over 16-bit weights
    "fp8-online": lambda rows, columns: rows * columns + 4,
    # packed weights, 16-bit scales and packed zero points per group and row, g_idx per column: AutoGPTQ's qlinear
    "gptq-int8": lambda rows, columns: rows * columns + rows * _groups(columns) * (2 + 1) + 4 * columns,
    "gptq-int4": lambda rows, columns: rows * columns // 2 + rows * _groups(columns) * 5 // 2 + 4 * columns,
    # as GPTQ without g_idx: AutoAWQ's WQLinear_GEMM
    "awq-int4": lambda rows, columns: rows * columns // 2 + rows * _groups(columns) * 5 // 2,
    # 4 bits, an 8-bit scale per 64 weights and an FP32 one per 256 of those: bitsandbytes NF4 with double quantization
    "nf4": lambda rows, columns: rows * columns // 2 + rows * columns // 64 + 4 * -(-rows * columns // (64 * 256)),
    "int8": lambda rows, columns: rows * columns + 4 * rows,  # bitsandbytes LLM.int8: one FP32 scale per row
    "nvfp4": lambda rows, columns: rows * columns // 2 + rows * columns // 16,  # an FP8 scale per 16 weights
    "mxfp4": lambda rows, columns: rows * columns // 2 + rows * columns // 32,  # an E8M0 scale per 32 weights
}
