"""Which of our formats a checkpoint's quantization_config means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers.fields import natural, section

_PLAIN = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def format_name(config: Mapping[str, Any]) -> str:
    """The format's name. Raises QwenpickError for a method or width that is not known.

    >>> format_name({"torch_dtype": "bfloat16", "quantization_config": {"quant_method": "gptq", "bits": 4}})
    'gptq-int4'
    """
    from qwenpick.memory.quantization import FORMATS

    named = _name(config)
    if named in FORMATS:
        return named
    known = ", ".join(name for name, fmt in FORMATS.items() if fmt.container != "gguf")
    raise QwenpickError(
        _(
            "this checkpoint is stored as {named!r}, which is not a format with known sizes ({known})",
            named=named,
            known=known,
        )
    )


def _name(config: Mapping[str, Any]) -> str:
    quantization = section(config, "quantization_config") or section(
        section(config, "text_config"), "quantization_config"
    )
    if mlx := section(config, "quantization") or (quantization if "quant_method" not in quantization else {}):
        return f"mlx-{natural(mlx, 'bits')}bit"  # mlx_lm.convert writes {group_size, bits} under both keys
    bits = natural(quantization, "bits", "w_bit")
    match str(quantization.get("quant_method", "")).casefold().replace("_", "-"):
        case "":
            text = section(config, "text_config") or section(section(config, "thinker_config"), "text_config")
            said = (
                config.get("dtype")
                or config.get("torch_dtype")
                or text.get("dtype")
                or text.get("torch_dtype")
                or "bfloat16"
            )
            return _PLAIN.get(str(said), str(said)[:40])
        case "gptq" | "gptqmodel":
            return f"gptq-int{bits}"
        case "awq":
            return f"awq-int{bits}"
        case "auto-round" | "intel/auto-round":
            return f"awq-int{bits}" if "awq" in str(quantization.get("packing_format", "")) else f"gptq-int{bits}"
        case "fp8" | "fbgemm-fp8":
            return "fp8"
        case "mxfp4":
            return "mxfp4"
        case "bitsandbytes":
            return "nf4" if quantization.get("load_in_4bit") is True else "int8"
        case "modelopt" | "modelopt-mixed" | "modelopt-fp4":
            algorithm = str(
                quantization.get("quant_algo") or section(quantization, "quantization").get("quant_algo") or "NVFP4"
            )
            return "nvfp4" if "FP4" in algorithm.upper() else algorithm.casefold()[:40]
        case "compressed-tensors":
            return _compressed(quantization)
        case method:
            return method[:40]


def _compressed(quantization: Mapping[str, Any]) -> str:
    """compressed-tensors: the first group's weights. Packed integers there are laid out as AWQ's: scales a group, no g_idx."""
    groups = section(quantization, "config_groups")
    weights = section(next((g for g in groups.values() if isinstance(g, dict)), {}), "weights")
    bits, kind = natural(weights, "num_bits"), weights.get("type")
    if kind == "float":
        packed = "mxfp4" if str(quantization.get("format", "")).startswith("mxfp4") else "nvfp4"
        return "fp8" if bits == 8 else packed if bits == 4 else f"float{bits}"
    return "awq-int4" if bits == 4 else f"gptq-int{bits}"
