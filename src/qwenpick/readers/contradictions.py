"""Where tensors contradict what config.json or a GGUF's metadata says: another model's weights, a cut series, a config that was edited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import _
from qwenpick.readers.safetensors import StoredTensor

# The language model's tensors, as transformers names them: not the towers', the talker's or the MTP block's. GGUF counts the MTP block's among its.
_TEXT = re.compile(
    r"(?:thinker\.)?(?:model\.|language_model\.|transformer\.)*((?:embed_tokens|wte|(?:layers|h)\.(\d{1,9})\..+)\.weight)"
)
_GGUF = re.compile(r"(token_embd\.weight|blk\.(\d{1,9})\..+\.weight)")
_PLAIN = ("F32", "F16", "BF16", "F64")  # of safetensors: types that are not packed, so that their shape is the matrix's


def refuse_contradictions(shape: Mapping[str, Any], tensors: Iterable[StoredTensor], *, in_gguf: bool = False) -> None:
    """Raises QwenpickError for tensors that cannot be those of an architecture with these fields."""
    if shape["model_type"] == "qwen3_tts":  # its language model is a talker under other names
        return
    shapes, layers = _shapes(shape), shape["num_layers"]
    for tensor in tensors:
        match = (_GGUF if in_gguf else _TEXT).fullmatch(tensor.name)
        if match is None:
            continue
        if match[2] is not None and int(match[2]) >= layers + (shape["mtp_layers"] if in_gguf else 0):
            raise QwenpickError(
                _(
                    "there is a tensor '{name}', and the config says {layers} layers: these are not the weights of this model",
                    name=shown(tensor.name),
                    layers=layers,
                )
            )
        wanted = next((wanted for end, wanted in shapes.items() if match[1].endswith(end)), tensor.shape)
        if tensor.shape != wanted and (in_gguf or tensor.type in _PLAIN):
            raise QwenpickError(
                _(
                    "tensor '{name}' has the shape {shape}, and the config says {wanted}: these are not the weights of this model",
                    name=shown(tensor.name),
                    shape=list(tensor.shape),
                    wanted=list(wanted),
                )
            )


def _shapes(shape: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes that tensors must have, rows by columns, by the ends of their names."""
    hidden = shape["hidden_size"]
    norms = (
        ".input_layernorm.weight",
        ".post_attention_layernorm.weight",
        ".ln_1.weight",
        ".ln_2.weight",
        ".attn_norm.weight",
    )
    found: dict[str, tuple[int, ...]] = dict.fromkeys(norms, (hidden,))
    found |= dict.fromkeys(("embed_tokens.weight", "wte.weight", "token_embd.weight"), (shape["vocab_size"], hidden))
    full = next((layer for layer in shape["layers"] if layer["kind"] != "linear_attention"), None)
    if full:
        cached = (full["kv_heads"] * full["head_dim"], hidden)
        found |= dict.fromkeys(
            ("self_attn.k_proj.weight", "self_attn.v_proj.weight", ".attn_k.weight", ".attn_v.weight"), cached
        )
    if shape["mlp"]["kind"] == "dense":
        found |= dict.fromkeys(
            (".mlp.down_proj.weight", ".ffn_down.weight"), (hidden, shape["mlp"]["intermediate_size"])
        )
    return found
