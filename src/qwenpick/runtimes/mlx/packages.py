"""Which of MLX's two packages has a class for a model: mlx-lm for text, mlx-vlm for images, sound and what mlx-lm lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture

Package = Literal["mlx_lm", "mlx_vlm"]

# Files of mlx_lm/models (0.32.2) and mlx_vlm/models (0.7.10) for the model types of the catalogue
TEXT = frozenset(
    {
        "qwen", "qwen2", "qwen2_moe", "qwen2_vl", "qwen3", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_moe", "qwen3_next", "qwen3_vl",
        "qwen3_vl_moe",
    }
)  # fmt: skip
VISION = frozenset(
    {
        "qwen2_vl", "qwen2_5_vl", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_omni_moe", "qwen3_vl", "qwen3_vl_moe", "qwen4_exp",
    }
)  # fmt: skip


def package_of(architecture: Architecture, *, images: bool) -> Package | None:
    """The package that serves it, with images or sound or for text alone; None where neither has a class for it."""
    towers = bool(architecture.vision or architecture.audio)
    if architecture.model_type in TEXT and not images and not (architecture.model_type == "qwen" and towers):
        return "mlx_lm"
    return "mlx_vlm" if architecture.model_type in VISION else None
