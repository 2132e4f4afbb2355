"""What a GGUF file holds besides tensor data: the model's metadata, the vocabulary with its merges, and one record per tensor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.quantization.gguf.layout import gguf_tensors
from qwenpick.memory.tensors import Tensor

ALIGNMENT = 32  # bytes; GGUF_DEFAULT_ALIGNMENT of ggml/include/gguf.h: tensor data, and every tensor in it, starts on a multiple

# (padded vocabulary, bytes of general metadata, tokens, types and merges) as llama.cpp's converter writes them: CodeQwen's tokenizer, the one
# that Qwen1.5 to Qwen3 share, and Qwen3.5's.
_VOCABULARIES: tuple[tuple[int, int], ...] = ((92_416, 4_506_112), (151_936, 5_932_544), (248_320, 9_784_560))
_PADDING_TOKEN = 8 + len("[PAD151646]") + 4  # a token that only fills up the vocabulary: its length, its text, its type

# Bytes of the architecture's own keys beyond those of qwen2 (rope sections, head sizes, experts, delta net): keys that its converter writes
_KEYS = {
    "qwen": 0, "qwen2": 0, "qwen2moe": 180, "qwen2vl": 96, "qwen3": 94, "qwen3moe": 264, "qwen3vl": 232, "qwen3vlmoe": 424,
    "qwen3next": 540, "qwen35": 264, "qwen35moe": 540,
}  # fmt: skip
_PREDICTION_KEY = 8 + len("qwen35.nextn_predict_layers") + 4 + 4  # a key, its type and a 32-bit number


@lru_cache(maxsize=1024)
def header_bytes(architecture: Architecture) -> int:
    """Bytes before the first tensor's data."""
    vocabulary = _vocabulary_bytes(architecture.vocab_size) + _KEYS.get(architecture.gguf_arch or "", 0)
    prediction = _PREDICTION_KEY if architecture.mtp_layers else 0
    return align(vocabulary + prediction + sum(map(_record, _names(architecture), _dimensions(architecture))))


def align(size: int) -> int:
    """The next multiple of the file's alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _vocabulary_bytes(vocab_size: int) -> int:
    """Of the tokenizer that is nearest in size; each token more or less is one that only fills up."""
    tokens, size = min(_VOCABULARIES, key=lambda known: abs(known[0] - vocab_size))
    return size + (vocab_size - tokens) * _PADDING_TOKEN


def _record(name: str, dimensions: int) -> int:
    """Bytes of a tensor's record: length and text of its name, number of dimensions, each dimension, type, offset."""
    return 8 + len(name) + 4 + 8 * dimensions + 4 + 8


def _names(architecture: Architecture) -> Iterator[str]:
    """The name of every tensor of the file: blk.12.ffn_down.weight."""
    for tensor in gguf_tensors(architecture):
        name = _file_role(architecture, tensor.role)
        layers = (architecture.num_layers,) if tensor.part == "mtp" else tensor.layers
        yield from [f"blk.{layer}.{name}" for layer in layers] or [name]


def _dimensions(architecture: Architecture) -> Iterator[int]:
    """Dimensions of every tensor, in the same order; a leading 1 is none."""
    for tensor in gguf_tensors(architecture):
        yield from [_rank(tensor)] * tensor.count


def _rank(tensor: Tensor) -> int:
    return max(1, sum(size > 1 for size in tensor.shape))


def _file_role(architecture: Architecture, role: str) -> str:
    """The role as the file spells it."""
    if role == "ffn_norm" and architecture.is_hybrid:
        role = "post_attention_norm"
    return role if role.endswith(".bias") or role == "ssm_a" else f"{role}.weight"
