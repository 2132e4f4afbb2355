"""What a config.json says of a model's shape: one mapping for every model_type the Qwen family has had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwenpick.catalog.architecture import MOST_MTP
from qwenpick.catalog.fact import MOST_LAYERS
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.readers import towers
from qwenpick.readers.fields import natural, positive, section, shared

# transformers' model_type -> llama.cpp's architecture, where it has one (llama.cpp b11434, src/llama-arch.cpp)
GGUF_ARCH: dict[str, str | None] = {
    "qwen": "qwen", "qwen2": "qwen2", "qwen2_moe": "qwen2moe", "qwen2_vl": "qwen2vl", "qwen2_5_vl": "qwen2vl", "qwen2_5_omni": "qwen2vl",
    "qwen2_audio": "qwen2", "qwen3": "qwen3", "qwen3_moe": "qwen3moe", "qwen3_next": "qwen3next", "qwen3_vl": "qwen3vl",
    "qwen3_vl_moe": "qwen3vlmoe", "qwen3_omni_moe": "qwen3vlmoe", "qwen3_5": "qwen35", "qwen3_5_moe": "qwen35moe", "qwen3_5_text": "qwen35",
    "qwen3_5_moe_text": "qwen35moe", "qwen3_asr": None, "qwen3_tts": None, "qwen4_exp": None,
}  # fmt: skip
TALKERS = ("qwen2_5_omni", "qwen3_omni_moe")  # they speak unless enable_audio_output is false


def shape(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an Architecture that config.json states, as plain data: no id and no source, and towers without their parameter counts where the
    formula is not known. Raises QwenpickError for a model that is no Qwen, or that this program cannot describe."""
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise QwenpickError(_("config.json has no model_type: it does not describe a transformers model"))
    if kind not in GGUF_ARCH:
        known = did_you_mean(kind, GGUF_ARCH)
        raise QwenpickError(
            _(
                "model_type {kind!r} is not a Qwen architecture{known} (qwenpick knows the Qwen family only)",
                kind=kind[:60],
                known=known,
            )
        )
    thinker = section(config, "thinker_config")
    text = _text(kind, config, thinker)
    found: dict[str, Any] = {
        "model_type": kind,
        "gguf_arch": GGUF_ARCH[kind],
        "vocab_size": positive(text, "vocab_size"),
        "hidden_size": positive(text, "hidden_size"),
        "tied_embeddings": _tied(text) or _headless(config),
        "num_layers": _layer_count(text),
        "layers": _layers(kind, text),
        "mlp": _mlp(kind, text),
        "residual_streams": natural(text, "hc_count") or 1,
        "mtp_layers": prediction_layers(natural(text, "mtp_num_hidden_layers") or 0),
    }
    eyes = section(config, "vision_config") or section(thinker, "vision_config") or section(config, "visual")
    ears = section(config, "audio_config") or section(thinker, "audio_config") or section(config, "audio")
    return {
        k: v
        for k, v in (found | {"vision": towers.vision(kind, eyes), "audio": towers.audio(ears)}).items()
        if v is not None
    }


def speaks(config: Mapping[str, Any]) -> bool:
    """Whether the model holds a talker beside its thinker."""
    return (
        config.get("model_type") in TALKERS
        and config.get("enable_audio_output") is not False
        and bool(section(config, "talker_config"))
    )


def context_window(config: Mapping[str, Any]) -> int | None:
    """Tokens that the config allows: max_position_embeddings, or the first generation's seq_length. Not the native context (README of each model)."""
    thinker = section(config, "thinker_config")
    return natural(
        {**config, **(section(config, "text_config") or section(thinker, "text_config"))},
        "max_position_embeddings",
        "seq_length",
    )


def _text(kind: str, config: Mapping[str, Any], thinker: Mapping[str, Any]) -> dict[str, Any]:
    """The language model's part of the config, over what stands at the top."""
    inner = (
        section(config, "talker_config")
        if kind == "qwen3_tts"
        else section(config, "text_config") or section(thinker, "text_config")
    )
    return {**config, **inner}


def _tied(text: Mapping[str, Any]) -> bool:
    tied = text.get("tie_word_embeddings", False)  # Qwen2Config and its heirs default to False
    if not isinstance(tied, bool):
        raise QwenpickError(_("tie_word_embeddings is neither true nor false"))
    return tied


def _headless(config: Mapping[str, Any]) -> bool:
    """Whether the weights stop before the output matrix: Qwen3Model (embedding repositories) instead of Qwen3ForCausalLM."""
    names = config.get("architectures")
    return (
        isinstance(names, list)
        and bool(names)
        and all(isinstance(n, str) and n.endswith("Model") and not n.endswith("LMHeadModel") for n in names)
    )


def _layer_count(text: Mapping[str, Any]) -> int:
    count = positive(text, "num_hidden_layers")
    if count > MOST_LAYERS:
        raise QwenpickError(
            _(
                "num_hidden_layers is {count:,}; at most {limit:,} are believed",
                count=count,
                limit=MOST_LAYERS,
            )
        )
    return count


def _layers(kind: str, text: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The layer pattern, shortest form: one entry if all are alike, (linear x n, full) for the hybrids, else every layer."""
    heads = positive(text, "num_attention_heads")
    full: dict[str, Any] = {
        "kind": "full_attention",
        "heads": heads,
        "kv_heads": shared(heads, natural(text, "num_key_value_heads") or heads),
        "head_dim": natural(text, "head_dim", "kv_channels") or positive(text, "hidden_size") // heads or 1,
    }
    if kind.startswith("qwen2") or kind == "qwen" or text.get("attention_bias") is True:
        full["qkv_bias"] = True  # transformers' modeling_qwen2: bias=True whatever the config
    if kind.startswith(("qwen3", "qwen4")):
        full["qk_norm"] = True
    if kind in ("qwen3_next", "qwen4_exp") or kind.startswith("qwen3_5"):
        full["output_gate"] = True
    if natural(text, "indexer_head_dim"):
        full["indexer"] = {
            "heads": positive(text, "indexer_n_heads"),
            "kv_heads": positive(text, "indexer_kv_heads"),
            "head_dim": positive(text, "indexer_head_dim"),
            "compress_ratio": positive(text, "indexer_compress_ratio"),
            "budget": positive(text, "indexer_budget"),
        }
    if interval := natural(text, "full_attention_interval"):
        check_interval(interval, _layer_count(text))
        return [_linear(text) | {"count": interval - 1}, full] if interval > 1 else [full]
    return _pattern(text, full)


def prediction_layers(count: int) -> int:
    """The MTP block's layers. Raises QwenpickError for more than any model has."""
    if count > MOST_MTP:
        raise QwenpickError(
            _("{count:,} prediction layers (MTP); at most {limit} are believed", count=count, limit=MOST_MTP)
        )
    return count


def check_interval(interval: int, layers: int) -> None:
    """Raises QwenpickError where no layer would be an attention layer."""
    if interval > layers:
        raise QwenpickError(
            _(
                "full_attention_interval is {interval:,}, of {layers:,} layers: none would have attention",
                interval=interval,
                layers=layers,
            )
        )


def _linear(text: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "linear_attention",
        "key_heads": positive(text, "linear_num_key_heads"),
        "value_heads": positive(text, "linear_num_value_heads"),
        "key_head_dim": positive(text, "linear_key_head_dim"),
        "value_head_dim": positive(text, "linear_value_head_dim"),
        "conv_kernel": positive(text, "linear_conv_kernel_dim"),
    }


def _pattern(text: Mapping[str, Any], full: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry per layer from layer_types, or from max_window_layers where a sliding window is on; [full] where all are full attention."""
    count = _layer_count(text)
    kinds = text.get("layer_types")
    if kinds is None:
        first = natural(text, "max_window_layers") or 0
        kinds = [
            "sliding_attention" if text.get("use_sliding_window") is True and i >= first else "full_attention"
            for i in range(count)
        ]
    if not isinstance(kinds, list) or len(kinds) != count:
        raise QwenpickError(_("layer_types does not list {count} layers", count=count))
    if all(kind == "full_attention" for kind in kinds):
        return [full]
    window = {k: v for k, v in full.items() if k != "indexer"} | {"kind": "sliding_attention"}
    known = {
        "full_attention": lambda: full,
        "sliding_attention": lambda: window | {"window": positive(text, "sliding_window")},
        "linear_attention": lambda: _linear(text),
    }
    if strange := next((k for k in kinds if k not in known), None):
        raise QwenpickError(
            _(
                "layer_types names the unknown kind {strange!r} (known: {known})",
                strange=str(strange)[:40],
                known=", ".join(known),
            )
        )
    return _shortest([known[kind]() for kind in kinds])


def _shortest(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The shortest pattern that gives `layers` when repeated and cut, runs of equal layers written with a count."""
    length = next(n for n in range(1, len(layers) + 1) if all(layer == layers[i % n] for i, layer in enumerate(layers)))
    runs: list[dict[str, Any]] = []
    for layer in layers[:length]:
        if runs and {k: v for k, v in runs[-1].items() if k != "count"} == layer:
            runs[-1]["count"] = runs[-1].get("count", 1) + 1
        else:
            runs.append(dict(layer))
    return runs


def _mlp(kind: str, text: Mapping[str, Any]) -> dict[str, Any]:
    experts = natural(text, "num_experts", "num_local_experts")
    if not experts:
        inner = positive(text, "intermediate_size")
        # Qwen 1: w1 and w2 have half of it each
        return {"kind": "dense", "intermediate_size": inner // 2 if kind == "qwen" else inner}
    if text.get("mlp_only_layers") or (natural(text, "decoder_sparse_step") or 1) != 1:
        raise QwenpickError(
            _(
                "this mixture of experts has dense layers among its sparse ones, which no released Qwen has: its size would be wrong"
            )
        )
    mlp: dict[str, Any] = {
        "kind": "moe",
        "experts": experts,
        "experts_per_token": positive(text, "num_experts_per_tok"),
        "intermediate_size": positive(text, "moe_intermediate_size"),
        "shared_intermediate_size": natural(text, "shared_expert_intermediate_size") or 0,
    }
    if mlp["experts_per_token"] > experts:
        raise QwenpickError(
            _("num_experts_per_tok is {mlp}, of {experts} experts", mlp=mlp["experts_per_token"], experts=experts)
        )
    return mlp
