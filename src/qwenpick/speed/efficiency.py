"""Which measured constants apply to an engine on a device class, and what follows from an engine's design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from qwenpick.speed.constants import Decode, Prefill
from qwenpick.speed.measured import measured

if TYPE_CHECKING:
    from qwenpick.speed.devices import Class

EAGER = ("transformers",)  # engines that issue every kernel from Python
MAT_VEC_TOKENS = 8  # ggml-cuda's MMVQ_MAX_BATCH_SIZE: up to so many tokens each unpack the weights anew

RELATED: dict[Class, Class] = {  # where nothing was measured: the class whose memory system and kernels are nearest
    "a100": "hopper", "hopper": "a100", "h20": "hopper", "turing": "ampere", "ampere": "ada", "ada": "ampere", "blackwell": "ada",
    "pascal": "turing", "volta": "turing",
    "spark": "blackwell", "apple-m5": "apple", "cdna": "rdna", "arc": "rdna", "other": "rdna",
    "rdna-vulkan": "rdna", "amd-apu-vulkan": "amd-apu", "arc-vulkan": "arc", "arc-xe2": "arc", "arc-xe2-vulkan": "arc-xe2",
}  # fmt: skip
# engines with the same kernels
KIN = {"ollama": "llamacpp", "lmstudio": "llamacpp", "sglang": "vllm", "vllm-v0": "vllm"}


T = TypeVar("T")


def nearest(table: Mapping[tuple[str, Class], T], engine: str, kind: Class) -> T | None:
    """The entry of the engine, or of its kin, on the class, or on the related one; None where none was measured."""
    for name in (engine, KIN.get(engine, engine)):
        for device in (kind, RELATED.get(kind, kind)):
            if found := table.get((name, device)):
                return found
    return None


@lru_cache(maxsize=256)
def decode_constants(engine: str, kind: Class) -> Decode:
    """The decode constants of an engine on a device class, else of the nearest one.

    What an eager engine's host takes per layer is Python's time, whatever the GPU: where nothing was measured, that of a server's GPU stands.
    """
    if found := nearest(measured().decode, engine, kind):
        return found
    if engine in EAGER:
        return replace(measured().default_decode, layer=measured().decode[engine, "hopper"].layer)
    return measured().default_decode


@lru_cache(maxsize=256)
def prefill_constants(engine: str, kind: Class) -> Prefill:
    """The prefill constants of an engine on a device class, else of the nearest one."""
    return nearest(measured().prefill, engine, kind) or measured().default_prefill


@lru_cache(maxsize=256)
def unpack_operations(format_name: str) -> float:
    """Vector operations per weight that llama.cpp spends on a GGUF format; 0 for 16 and 32 bits."""
    plain = format_name.removeprefix("UD-")  # Unsloth's dynamic files: most of their weights are of that type
    return next((operations for start, operations in measured().unpack.items() if plain.startswith(start)), 0.0)


def format_share(format_name: str) -> float:
    """The bandwidth that a format's kernels reach in vLLM and SGLang, as a share of what BF16 reaches."""
    return measured().format_share.get(format_name, 1.0)
