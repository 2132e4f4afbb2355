"""The GGUF formats to offer, and which ones a precision means."""

from __future__ import annotations

from collections.abc import Mapping

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("BF16", "F16"),
    "8bit": ("Q8_0",),
    "6bit": ("Q6_K",),
    "5bit": ("Q5_K_M", "Q5_K_S", "Q5_0"),
    "4bit": ("Q4_K_M", "Q4_K_S", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_1"),
    "3bit": ("Q3_K_M", "Q3_K_L", "IQ3_M", "Q3_K_S", "IQ3_XXS"),
    "2bit": ("Q2_K", "IQ2_M", "IQ2_XXS"),
}

FORMATS: tuple[str, ...] = tuple(name for family in FAMILIES.values() for name in family)
