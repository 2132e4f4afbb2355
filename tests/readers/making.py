"""Small and sparse model files for tests: headers as the formats define them, weights as holes."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from qwenpick.catalog import Architecture
from qwenpick.catalog.schema import LinearAttention, MoeMlp
from qwenpick.memory.tensors import Tensor, tensors
from qwenpick.readers.gguf import TYPES

NUMBER = {name: (number, block, size) for number, (name, block, size) in TYPES.items()}


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(item: object) -> bytes:
    """A GGUF value with its type: bool 7, u32 4, f32 6, string 8, array 9."""
    match item:
        case bool():
            return struct.pack("<I?", 7, item)
        case int():
            return struct.pack("<II", 4, item)
        case float():
            return struct.pack("<If", 6, item)
        case str():
            return struct.pack("<I", 8) + string(item)
        case list() if item and isinstance(item[0], str):
            return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(string, item))
        case list():
            return struct.pack(f"<IIQ{len(item)}I", 9, 4, len(item), *item)
    raise TypeError(item)


def gguf(
    metadata: Mapping[str, object], rows: Iterable[tuple[str, Sequence[int], str]], version: int = 3
) -> tuple[bytes, int]:
    """(header, bytes of weights after it). A row is (name, shape as rows by columns, type)."""
    rows = list(rows)
    head = b"GGUF" + struct.pack("<IQQ", version, len(rows), len(metadata))
    head += b"".join(string(key) + value(item) for key, item in metadata.items())
    offset = 0
    for name, shape, kind in rows:
        number, block, size = NUMBER[kind]
        head += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), number, offset)
        count = 1
        for n in shape:
            count *= n
        offset += -(-(count // block * size) // 32) * 32
    return head + b"\0" * (-len(head) % 32), offset


def write(path: Path, header: bytes, data: int) -> Path:
    """The file, its weights a hole that takes no disk."""
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + data)
    return path


def names(tensor: Tensor) -> list[str]:
    """The GGUF names of a tensor's copies."""
    ending = "" if tensor.role.endswith(".bias") or tensor.role == "ssm_a" else ".weight"
    return [f"blk.{layer}.{tensor.role}{ending}" for layer in tensor.layers] or [f"{tensor.role}{ending}"]


def gguf_of(architecture: Architecture, kind: str = "Q8_0", name: str = "a model") -> tuple[bytes, int]:
    """What llama.cpp's converter would write for an architecture: matrices of one type, vectors in F32."""
    arch, attention = architecture.gguf_arch, architecture.attention
    metadata: dict[str, object] = {
        "general.architecture": arch,
        "general.name": name,
        "general.file_type": 7,
        f"{arch}.block_count": architecture.num_layers,
        f"{arch}.embedding_length": architecture.hidden_size,
        f"{arch}.context_length": 40960,
        f"{arch}.attention.head_count": attention.heads,
        f"{arch}.attention.head_count_kv": attention.kv_heads,
        f"{arch}.attention.key_length": attention.head_dim,
        "tokenizer.ggml.tokens": ["a", "b"],
        "tokenizer.chat_template": "x" * 9000,
    }
    if isinstance(architecture.mlp, MoeMlp):
        metadata |= {
            f"{arch}.expert_count": architecture.mlp.experts,
            f"{arch}.expert_used_count": architecture.mlp.experts_per_token,
        }
    for layer in architecture.layers:
        if isinstance(layer, LinearAttention):
            metadata |= {
                f"{arch}.ssm.conv_kernel": layer.conv_kernel,
                f"{arch}.ssm.state_size": layer.key_head_dim,
                f"{arch}.ssm.group_count": layer.key_heads,
                f"{arch}.ssm.time_step_rank": layer.value_heads,
                f"{arch}.ssm.inner_size": layer.value_heads * layer.value_head_dim,
            }
    text = [t for t in tensors(architecture) if t.part == "text"]
    rows = [(n, t.shape, kind if len(t.shape) > 1 and t.shape[-1] % 32 == 0 else "F32") for t in text for n in names(t)]
    return gguf(metadata, rows)


def safetensors(entries: Mapping[str, tuple[str, Sequence[int], int]]) -> tuple[bytes, int]:
    """(header with its length, bytes of weights). An entry is (dtype, shape, bytes)."""
    table, at = {}, 0
    for name, (kind, shape, size) in entries.items():
        table[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    header = json.dumps({"__metadata__": {"format": "pt"}, **table}).encode()
    return struct.pack("<Q", len(header)) + header, at


def bf16_of(architecture: Architecture) -> dict[str, tuple[str, Sequence[int], int]]:
    """Every tensor of an architecture's language model in BF16."""
    text = [t for t in tensors(architecture) if t.part == "text"]
    return {n: ("BF16", t.shape, 2 * t.elements // t.count) for t in text for n in names(t)}
