"""How llama.cpp lays out a model: the same elements as `tensors`, fused and doubled where its converter does so."""

from __future__ import annotations

from functools import lru_cache

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.tensors import Tensor, tensors

# Architectures with tied embeddings whose published weights and official GGUF files hold the head again (Qwen1.5-0.5B: 619,570,176 parameters)
_HEAD_STORED_AGAIN = frozenset({"qwen1.5-0.5b"})

# What the converter joins into one tensor: conversion/qwen.py and src/models/qwen.cpp, qwen3next.cpp of llama.cpp b11434
_JOINED: dict[str, dict[str, tuple[str, ...]]] = {
    "qwen": {
        "attn_qkv": ("attn_q", "attn_k", "attn_v"),
        "attn_qkv.bias": ("attn_q.bias", "attn_k.bias", "attn_v.bias"),
    },
    "qwen3next": {"ssm_ba": ("ssm_beta", "ssm_alpha")},
}


# Extra parts that Flash-Next's file holds with the model (src/models/qwen4exp.cpp) -> columns of a row
HYPER_CONNECTIONS = "hyper-connections"
NGRAM_TABLE = "ngram-table"  # looked up row by row in the mapped file
# per_layer_token_embd is [160, 320001536] (0xBakeer/inference-atlas pull request 34): no type of 256-element blocks divides its rows
EXTRA_COLUMNS = {HYPER_CONNECTIONS: 256, NGRAM_TABLE: 160}


@lru_cache(maxsize=512)
def gguf_tensors(architecture: Architecture) -> tuple[Tensor, ...]:
    """The tensors of the file: the language model's and its MTP blocks'. Towers and extra parts lie in files of their own."""
    found = [t for t in tensors(architecture) if t.part in ("text", "mtp")]
    if architecture.gguf_arch == "qwen4exp":  # converted without its MTP block
        found = [t for t in found if t.part == "text"]
        extras = {extra.name: extra.parameters for extra in architecture.extras}
        found += [
            Tensor(name, (extras[name] // columns, columns))
            for name, columns in EXTRA_COLUMNS.items()
            if name in extras
        ]
    if architecture.id in _HEAD_STORED_AGAIN:
        found.append(Tensor("output", (architecture.vocab_size, architecture.hidden_size)))
    for joined, roles in _JOINED.get(architecture.gguf_arch or "", {}).items():
        found = _join(found, joined, roles)
    return tuple(found)


def is_tied(architecture: Architecture) -> bool:
    """Whether the file has no head of its own, so that the embedding serves as one."""
    return not any(t.role == "output" for t in gguf_tensors(architecture))


def _join(found: list[Tensor], joined: str, roles: tuple[str, ...]) -> list[Tensor]:
    """The tensors with those of `roles` stacked along their rows, where the first of them stood."""
    pieces = [t for t in found if t.role in roles]
    if not pieces:
        return found
    first = pieces[0]
    whole = Tensor(joined, (sum(t.shape[0] for t in pieces), *first.shape[1:]), first.layers, first.part)
    return [whole if t is first else t for t in found if t is first or t not in pieces]
