"""The GGUF formats to offer, and which ones a precision means. A new type is listed here only if a precision (4bit) should mean it."""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.catalog.formats import GGUF_BITS

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("BF16", "F16"),
    "8bit": ("Q8_0",),
    "6bit": ("Q6_K",),
    "5bit": ("Q5_K_M", "Q5_K_S", "Q5_0"),
    "4bit": ("Q4_K_M", "Q4_K_S", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_1"),
    "3bit": ("Q3_K_M", "Q3_K_L", "IQ3_M", "Q3_K_S", "IQ3_XXS"),
    "2bit": ("Q2_K", "IQ2_M", "IQ2_XXS"),
}

_OFFERED = tuple(name for family in FAMILIES.values() for name in family)
# What llama.cpp runs too where it is asked for by name, or lies in a file: rarely published, or a mix of one publisher's
BY_NAME: tuple[str, ...] = tuple(name for name in GGUF_BITS if name not in _OFFERED)

FORMATS: tuple[str, ...] = (*_OFFERED, *BY_NAME)

# what tags of Ollama's library hold; it runs any GGUF file
OLLAMA_TAGS: tuple[str, ...] = ("F16", "BF16", "Q8_0", "Q4_K_M")
