"""What a GGUF header says of a model's shape and format: llama.cpp's metadata keys and tensor names, as an Architecture's fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qwenpick.catalog.fact import MOST_LAYERS
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.readers.config import GGUF_ARCH, check_interval, prediction_layers
from qwenpick.readers.fields import natural, positive, shared
from qwenpick.readers.safetensors import StoredTensor

# llama.cpp's name, and the ones Ollama's own engine gives the same shapes (ollama 0.12, fs/ggml)
MODEL_TYPE = {gguf: kind for kind, gguf in reversed(GGUF_ARCH.items()) if gguf} | {"qwen25vl": "qwen2_5_vl"}
ARCH_ALIASES = {"qwen25vl": "qwen2vl"}
_GATED = ("qwen3next", "qwen35", "qwen35moe")

# general.file_type -> the name of the mix: llama.h, enum llama_ftype (b11434)
FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L",
    14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS",
    23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4",
}  # fmt: skip


def shape(metadata: Mapping[str, Any], tensors: Iterable[StoredTensor]) -> dict[str, Any]:
    """The fields of an Architecture that the header states, without towers. Raises QwenpickError for what is no Qwen language model."""
    written = metadata.get("general.architecture")
    if written == "clip":
        raise QwenpickError(_("this GGUF file is a vision projector (mmproj); give the language model's file"))
    if not isinstance(written, str) or written not in MODEL_TYPE:
        known = did_you_mean(str(written), MODEL_TYPE)
        raise QwenpickError(
            _(
                "GGUF architecture {written!r} is not a Qwen's{known} (qwenpick knows the Qwen family only)",
                written=str(written)[:60],
                known=known,
            )
        )
    by_name = {tensor.name: tensor for tensor in tensors}
    head = {key.removeprefix(f"{written}."): value for key, value in metadata.items()}
    layers = _first(head, "block_count")
    mtp = prediction_layers(natural(head, "nextn_predict_layers") or 0)
    if not 0 < layers - mtp <= MOST_LAYERS:
        raise QwenpickError(
            _(
                "block_count is {layers:,} with {mtp:,} prediction layers: this does not describe a model",
                layers=layers,
                mtp=mtp,
            )
        )
    embedding = by_name.get("token_embd.weight")
    if embedding is None or len(embedding.shape) != 2:
        raise QwenpickError(_("this GGUF file has no token_embd.weight: it holds no language model"))
    vocab, hidden = embedding.shape
    return {
        "model_type": MODEL_TYPE[written],
        "gguf_arch": ARCH_ALIASES.get(written, written),
        "vocab_size": vocab,
        "hidden_size": hidden,
        "tied_embeddings": "output.weight" not in by_name,
        "num_layers": layers - mtp,
        "layers": _layers(ARCH_ALIASES.get(written, written), head, by_name, hidden),
        "mlp": _mlp(head, by_name),
        "mtp_layers": mtp,
    }


def format_name(metadata: Mapping[str, Any], tensors: Iterable[StoredTensor]) -> str:
    """The nearest known format: the quantizer's own word for the mix if the header has it, else the one of the nearest width."""
    from qwenpick.memory.quantization import FORMATS

    said = FILE_TYPES.get(natural(metadata, "general.file_type") if "general.file_type" in metadata else -1)  # type: ignore[arg-type]
    if said in FORMATS:
        return said
    stored = [t for t in tensors if len(t.shape) > 1]
    bits = 8 * sum(t.bytes for t in stored) / max(1, sum(t.elements for t in stored))
    return min((f for f in FORMATS.values() if f.container == "gguf"), key=lambda f: (abs(f.bits - bits), f.name)).name


def _first(head: Mapping[str, Any], *names: str) -> int:
    """A number, or the largest of a per-layer array."""
    flat = {n: max(v) if isinstance(v := head.get(n), tuple) and v else v for n in names}
    return positive(flat, *names)


def _layers(
    arch: str, head: Mapping[str, Any], tensors: Mapping[str, StoredTensor], hidden: int
) -> list[dict[str, Any]]:
    """As readers.config's, from attention.* and ssm.* keys and from which tensors there are."""
    heads = _first(head, "attention.head_count")
    full: dict[str, Any] = {
        "kind": "full_attention",
        "heads": heads,
        "kv_heads": shared(heads, _first(head, "attention.head_count_kv"))
        if head.get("attention.head_count_kv") is not None
        else heads,
        "head_dim": natural(head, "attention.key_length") or hidden // heads or 1,
    }
    names = {name.split(".", 2)[2] for name in tensors if name.startswith("blk.") and name.count(".") >= 2}
    if names & {"attn_q.bias", "attn_qkv.bias"}:
        full["qkv_bias"] = True
    if "attn_q_norm.weight" in names:
        full["qk_norm"] = True
    if arch not in _GATED:
        return [full]
    full["output_gate"] = True
    key_dim, value_heads = _first(head, "ssm.state_size"), _first(head, "ssm.time_step_rank")
    linear = {
        "kind": "linear_attention",
        "key_heads": _first(head, "ssm.group_count"),
        "value_heads": value_heads,
        "key_head_dim": key_dim,
        "value_head_dim": _first(head, "ssm.inner_size") // value_heads or 1,
        "conv_kernel": _first(head, "ssm.conv_kernel"),
    }
    interval = natural(head, "full_attention_interval") or 4  # llama.cpp's default for these three
    check_interval(interval, _first(head, "block_count"))
    return [linear | {"count": interval - 1}, full] if interval > 1 else [full]


def _mlp(head: Mapping[str, Any], tensors: Mapping[str, StoredTensor]) -> dict[str, Any]:
    """From expert_* keys, and from the down projection's columns: Qwen 1 states twice its width."""
    down = next((t for n, t in tensors.items() if n.endswith((".ffn_down.weight", ".ffn_down_exps.weight"))), None)
    if down is None:
        raise QwenpickError(
            _("this GGUF file has no ffn_down tensor: if it is the first of several files, keep them together")
        )
    inner = down.shape[-1]
    experts = natural(head, "expert_count")
    if not experts:
        return {"kind": "dense", "intermediate_size": inner}
    shared = next((t.shape[-1] for n, t in tensors.items() if n.endswith(".ffn_down_shexp.weight")), 0)
    return {
        "kind": "moe",
        "experts": experts,
        "experts_per_token": positive(head, "expert_used_count"),
        "intermediate_size": inner,
        "shared_intermediate_size": shared,
    }
