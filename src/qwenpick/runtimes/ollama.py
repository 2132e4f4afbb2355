"""Ollama: llama.cpp with other defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.memory import Memory
from qwenpick.quantization import gguf
from qwenpick.runtimes import llamacpp
from qwenpick.runtimes.llamacpp import budget
from qwenpick.runtimes.llamacpp.projector import projector_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.hardware import Machine
    from qwenpick.placement import Placement
    from qwenpick.workload import Serving

NAME = "ollama"
TITLE = "Ollama"
READ_FROM = "Ollama 0.18 (envconfig/config.go, llm/memory.go) on llama.cpp b11434"

# What the library's tags hold: Q4_K_M by default, and these
FAMILIES: Mapping[str, tuple[str, ...]] = {"4bit": ("Q4_K_M",), "8bit": ("Q8_0",), "fp16": ("F16",)}
FORMATS: tuple[str, ...] = ("F16", "Q8_0", "Q4_K_M")


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why Ollama would not run this there; None if it would."""
    reason = llamacpp.refusal(architecture, checkpoint, work, placement)
    return reason.replace("llama.cpp", "Ollama") if reason else None


def placements(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterable[Placement]:
    """All layers on GPUs, as many as fit, none; Ollama keeps no experts apart."""
    return (p for p in llamacpp.placements(architecture, checkpoint, work, machine) if not p.cpu_moe_layers)


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What Ollama's runner holds: llama.cpp's buffers, and the projector of a vision tag always."""
    options = {"mmproj": bool(architecture.vision or architecture.audio), **work.options}
    return llamacpp.memory(model, architecture, checkpoint, replace(work, options=options), placement)


def tag_bytes(architecture: Architecture, format_name: str) -> int:
    """Size of a library tag: the model's file, and the projector's beside it (or inside) where it sees or hears."""
    return gguf.file_bytes(architecture, format_name) + projector_bytes(architecture)


__all__ = [
    "FAMILIES",
    "FORMATS",
    "NAME",
    "READ_FROM",
    "TITLE",
    "budget",
    "memory",
    "placements",
    "refusal",
    "tag_bytes",
]
