"""Bytes of a model's pieces as llama.cpp loads them: embedding, head, each layer's dense part and experts, MTP block; on a GPU and in RAM."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import accumulate
from operator import add

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.quantization.gguf import is_tied
from qwenpick.memory.quantization.gguf.layout import HYPER_CONNECTIONS, NGRAM_TABLE
from qwenpick.memory.quantization.gguf.rules import tensor_types
from qwenpick.memory.quantization.gguf.types import is_quantized, row_bytes
from qwenpick.memory.tensors import Tensor
from qwenpick.values import dataclass

GPU_ALIGNMENT = 128  # ggml-cuda.cu, ggml_backend_cuda_buffer_type_get_alignment
HOST_ALIGNMENT = 32  # ggml-impl.h, TENSOR_ALIGNMENT
MATRIX_ROW_PADDING = (
    512  # ggml-cuda/common.cuh: the last row of a quantized tensor is padded to a multiple of this many columns
)

# Types whose matrices the CPU backend interleaves on loading: ggml-cpu/repack.cpp on AVX2 (Q2_K needs AVX-512; ARM also takes Q5_K, Q6_K, Q8_0)
REPACKED_TYPES = frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"})


@dataclass(frozen=True, slots=True)
class Pieces:
    """Bytes of the loaded pieces in one kind of memory; sums over layers are differences of the running totals."""

    embedding: int
    head: int  # the output matrix, or the embedding once more where they are tied
    output_norm: int
    dense: tuple[int, ...]  # running totals over the layers, experts left out: dense[n] is the first n layers
    experts: tuple[int, ...]  # running totals of the expert tensors
    mtp: int
    ngram_table: int

    def layers(self, first: int, last: int) -> int:
        """Of layers first to last (not included), experts and all."""
        return self.dense[last] - self.dense[first] + self.experts[last] - self.experts[first]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in one format: the same pieces as they lie on a GPU and in RAM."""

    gpu: Pieces
    ram: Pieces
    tied: bool


@lru_cache(maxsize=4096)
def load(architecture: Architecture, format_name: str) -> Loaded:
    """The pieces of an architecture in a GGUF format."""
    found = tensor_types(architecture, format_name)
    used = [(types[0],) if types.count(types[0]) == len(types) else set(types) for _tensor, types in found]
    in_ram, on_gpu = (
        [{t: loaded_bytes(tensor, t, where) for t in each} for (tensor, _types), each in zip(found, used, strict=True)]
        for where in (False, True)
    )
    ram = _pieces(architecture, found, in_ram)
    gpu = ram if on_gpu == in_ram else _pieces(architecture, found, on_gpu)
    return Loaded(gpu, ram, is_tied(architecture))


def loaded_bytes(tensor: Tensor, type_name: str, on_gpu: bool) -> int:
    """Bytes of one tensor in a backend's buffer, alignment included."""
    size = math.prod(tensor.shape[:-1]) * row_bytes(type_name, tensor.shape[-1])
    if not on_gpu:
        return _align(size, HOST_ALIGNMENT)
    if is_quantized(type_name) and (rest := tensor.shape[-1] % MATRIX_ROW_PADDING):
        size += row_bytes(type_name, MATRIX_ROW_PADDING - rest)
    return _align(size, GPU_ALIGNMENT)


def _pieces(
    architecture: Architecture, found: tuple[tuple[Tensor, tuple[str, ...]], ...], sizes: list[dict[str, int]]
) -> Pieces:
    """The pieces of tensors of these types, whose bytes are `sizes` by type."""
    dense, experts = [0] * architecture.num_layers, [0] * architecture.num_layers
    single = {"token_embd": 0, "output": 0, "output_norm": 0}
    mtp = table = everywhere = 0
    for (tensor, types), by_type in zip(found, sizes, strict=True):
        size = by_type[types[0]]
        if not tensor.layers:
            if tensor.part == "mtp":
                mtp += size
            elif tensor.role == NGRAM_TABLE:
                table = size
            elif tensor.role == HYPER_CONNECTIONS:  # in every layer alike
                dense = [held + size // architecture.num_layers for held in dense]
            else:
                single[tensor.role] = size
            continue
        if tensor.count == architecture.num_layers and len(by_type) == 1 and not tensor.role.endswith("_exps"):
            everywhere += size
            continue
        held = experts if tensor.role.endswith("_exps") else dense
        if tensor.count == architecture.num_layers:
            held[:] = map(add, held, map(by_type.__getitem__, types))
            continue
        for layer, type_name in zip(tensor.layers, types, strict=True):
            held[layer] += by_type[type_name]
    return Pieces(
        single["token_embd"], single["output"] or single["token_embd"], single["output_norm"],
        _totals([size + everywhere for size in dense]), _totals(experts), mtp, table,
    )  # fmt: skip


@lru_cache(maxsize=512)
def repacked_bytes(architecture: Architecture, format_name: str) -> int:
    """Bytes of the matrices that the CPU backend interleaves when it loads them: in the layers and the head."""
    return sum(
        loaded_bytes(tensor, type_name, on_gpu=False)
        for tensor, types in tensor_types(architecture, format_name)
        if tensor.part != "mtp" and (tensor.layers or tensor.role == "output")
        for type_name in types
        if is_repacked(tensor, type_name)
    )


def is_repacked(tensor: Tensor, type_name: str) -> bool:
    """Whether the CPU backend interleaves this matrix when it loads it: eight rows at a time."""
    return type_name in REPACKED_TYPES and tensor.shape[-2] % 8 == 0


def _totals(by_layer: list[int]) -> tuple[int, ...]:
    return tuple(accumulate(by_layer, initial=0))


def _align(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
