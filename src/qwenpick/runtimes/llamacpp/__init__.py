"""llama.cpp: what its server or library holds on each GPU and in RAM, buffer by buffer."""

from __future__ import annotations

from qwenpick.runtimes.llamacpp.formats import FAMILIES, FORMATS
from qwenpick.runtimes.llamacpp.layout import placements
from qwenpick.runtimes.llamacpp.limits import budget, refusal
from qwenpick.runtimes.llamacpp.parts import memory, resident

NAME = "llamacpp"
TITLE = "llama.cpp"
READ_FROM = "llama.cpp b11434 (2026-10-06): src/llama-quant.cpp, llama-model.cpp, llama-context.cpp, llama-graph.cpp, ggml/src/ggml-alloc.c"

__all__ = ["FAMILIES", "FORMATS", "NAME", "READ_FROM", "TITLE", "budget", "memory", "placements", "refusal", "resident"]
