"""The encoders beside a language model: their shapes in config.json, and their parameters by formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers.fields import natural, positive

# model_type -> the kind of its vision tower
VISION_KIND = {
    "qwen": "qwen_vl", "qwen2_vl": "qwen2_vl", "qwen2_5_vl": "qwen2_5_vl", "qwen2_5_omni": "qwen2_5_vl", "qwen3_vl": "qwen3_vl",
    "qwen3_vl_moe": "qwen3_vl", "qwen3_omni_moe": "qwen3_vl", "qwen3_5": "qwen3_5", "qwen3_5_moe": "qwen3_5", "qwen4_exp": "qwen3_5",
}  # fmt: skip
QWEN_VL_INTERMEDIATE = 8192  # Qwen-VL's visual.py: int(1664 x 4.9231)


def vision(model_type: str, table: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a VisionTower, with `parameters` by formula where there is one; None for a model without eyes."""
    kind = VISION_KIND.get(model_type)
    if not table or kind is None:
        return None
    if kind == "qwen_vl":
        return {
            "kind": kind,
            "depth": positive(table, "layers"),
            "hidden_size": positive(table, "width"),
            "intermediate_size": QWEN_VL_INTERMEDIATE,
            "heads": positive(table, "heads"),
            "patch_size": positive(table, "patch_size"),
            "output_size": positive(table, "output_dim"),
            "fixed_tokens_per_image": natural(table, "n_queries") or 256,
        }
    hidden = positive(table, "embed_dim", "hidden_size")
    found: dict[str, Any] = {
        "kind": kind,
        "depth": positive(table, "depth"),
        "hidden_size": hidden,
        "intermediate_size": natural(table, "intermediate_size") or hidden * (natural(table, "mlp_ratio") or 4),
        "heads": positive(table, "num_heads"),
        "patch_size": positive(table, "patch_size"),
        "merge_size": natural(table, "spatial_merge_size") or 2,
        "temporal_patch_size": natural(table, "temporal_patch_size") or 2,
        "output_size": natural(table, "out_hidden_size") or positive(table, "hidden_size"),
    }
    if positions := natural(table, "num_position_embeddings"):
        found["positions"] = positions
    stack = table.get("deepstack_visual_indexes") or []
    if not isinstance(stack, list) or len(stack) > found["depth"]:
        raise QwenpickError(_("deepstack_visual_indexes is not a list of layers"))
    if stack:
        found["deepstack_layers"] = [
            natural({"deepstack_visual_indexes": n}, "deepstack_visual_indexes") or 0 for n in stack
        ]
    return found | {"parameters": vision_parameters(found)}


def vision_parameters(tower: Mapping[str, Any]) -> int:
    """Parameters of a Qwen2-VL, Qwen2.5-VL, Qwen3-VL or Qwen3.5 tower (transformers 5.17, modeling_qwen2_vl/qwen2_5_vl/qwen3_vl/qwen3_5.py)."""
    hidden: int = tower["hidden_size"]
    inner: int = tower["intermediate_size"]
    out: int = tower["output_size"]
    depth: int = tower["depth"]
    merged: int = hidden * tower["merge_size"] ** 2
    patch: int = 3 * tower["temporal_patch_size"] * tower["patch_size"] ** 2 * hidden  # RGB x frames x pixels -> hidden
    attention = 4 * hidden * hidden + 4 * hidden  # qkv and the output projection, with biases
    if tower["kind"] == "qwen2_5_vl":  # RMS norms; gate, up and down with biases
        block = attention + 3 * hidden * inner + 2 * inner + hidden + 2 * hidden
        return patch + depth * block + hidden + _merger(merged, out)
    block = attention + 2 * hidden * inner + inner + hidden + 4 * hidden  # two layer norms
    if tower["kind"] == "qwen2_vl":
        return patch + depth * block + 2 * hidden + _merger(merged, out)
    positions: int = tower.get("positions", 0)
    # their norms come after merging
    deep = len(tower.get("deepstack_layers", ())) * (2 * merged + _merger(merged, out))
    return patch + hidden + positions * hidden + depth * block + 2 * hidden + _merger(merged, out) + deep


def _merger(merged: int, out: int) -> int:
    """The projection of merged patches into the language model: merged -> merged -> out, with biases."""
    return merged * merged + merged + merged * out + out


def audio(table: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of an AudioTower but for its parameters, which depend on convolutions that the config does not tell; None for a deaf model."""
    if not table:
        return None
    hidden = positive(table, "d_model", "n_state")
    found = {
        "layers": positive(table, "encoder_layers", "n_layer"),
        "hidden_size": hidden,
        "intermediate_size": natural(table, "encoder_ffn_dim") or 4 * hidden,
        "heads": positive(table, "encoder_attention_heads", "n_head"),
        "mel_bins": positive(table, "num_mel_bins", "n_mels"),
    }
    return found | ({"output_size": out} if (out := natural(table, "output_dim")) else {})
