"""The GGUF formats to offer, and which ones a precision means."""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.memory.quantization.gguf.dynamic import MIXES

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("BF16", "F16"),
    "8bit": ("Q8_0",),
    "6bit": ("Q6_K",),
    "5bit": ("Q5_K_M", "Q5_K_S", "Q5_0"),
    "4bit": ("Q4_K_M", "Q4_K_S", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_1"),
    "3bit": ("Q3_K_M", "Q3_K_L", "IQ3_M", "Q3_K_S", "IQ3_XXS"),
    "2bit": ("Q2_K", "IQ2_M", "IQ2_XXS"),
}

# What llama.cpp runs too where it is asked for by name, or lies in a file: rarely published, or a mix of one publisher's
BY_NAME: tuple[str, ...] = (
    "MXFP4_MOE", "IQ3_S", "IQ3_XS", "Q2_K_S", "IQ2_S", "IQ2_XS", "IQ1_M", "IQ1_S", "TQ2_0", "TQ1_0", "Q2_0", "Q1_0", *MIXES,
)  # fmt: skip

FORMATS: tuple[str, ...] = (*(name for family in FAMILIES.values() for name in family), *BY_NAME)

# what tags of Ollama's library hold; it runs any GGUF file
OLLAMA_TAGS: tuple[str, ...] = ("F16", "BF16", "Q8_0", "Q4_K_M")
