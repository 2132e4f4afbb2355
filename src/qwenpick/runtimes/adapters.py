"""What a serving engine keeps for LoRA adapters: an A and a B for every matrix of the language model, for as many adapters as a batch may mix.

Read from vLLM 0.33 lora/layers/*.py create_lora_weights and SGLang 0.5.23 srt/lora/mem_pool.py: A is rank x inputs, B outputs x rank, in 16 bits,
zeros until an adapter is loaded. Tensor parallel cuts the side that the matrix itself is cut on, and only that one.
"""

from __future__ import annotations

from functools import lru_cache

from qwenpick.catalog.schema import Architecture, MoeMlp
from qwenpick.memory.tensors import Tensor, tensors

ELEMENT = 2  # bytes
# their inputs are cut, not their outputs
_BY_ROW = ("attn_output", "ssm_out", "ffn_down", "ffn_down_exps", "ffn_down_shexp")
_COPIED = ("ffn_gate_inp", "ffn_gate_inp_shexp")
_ONE_A = ("qwen3_5", "qwen3_vl")  # gate and up of their experts share an A: is_3d_moe_weight of the models' classes
_NOT_ADAPTED = ("token_embd", "output", "ssm_conv1d")


@lru_cache(maxsize=512)
def adapter_bytes(
    architecture: Architecture,
    rank: int,
    slots: int,
    ranks: int = 1,
    layers: range | None = None,
    *,
    whole_experts: bool = False,
    embeddings: bool = False,
) -> int:
    """Bytes on one rank for `slots` adapters of `rank` over the `layers` that it holds (all by default); with `embeddings` the vocabulary's too.

    Qwen3-8B, rank 16, one adapter: 36 layers x 1,212,416 elements x 2 bytes = 83 MiB; 19 MiB more for embeddings and head.
    """
    held = range(architecture.num_layers) if layers is None else layers
    elements = 0
    for tensor in tensors(architecture):
        if tensor.part != "text" or len(tensor.shape) < 2 or tensor.role in _NOT_ADAPTED:
            continue
        elements += _elements(architecture, tensor, ranks, whole_experts) * sum(map(held.__contains__, tensor.layers))
    if embeddings:  # embed_tokens, and the head where it is a matrix of its own: A or B is as long as the vocabulary, whole on every rank
        matrices = 1 if architecture.tied_embeddings else 2
        elements += matrices * (architecture.vocab_size + architecture.hidden_size)
    return slots * rank * elements * ELEMENT


def _elements(architecture: Architecture, tensor: Tensor, ranks: int, whole_experts: bool) -> int:
    """Elements per unit of rank of one layer's tensor: inputs and outputs of the part that a rank holds."""
    outputs, inputs = tensor.shape[-2:]
    experts = tensor.shape[0] if len(tensor.shape) == 3 else 1
    if experts > 1 and whole_experts:
        experts, ranks = -(-experts // ranks), 1
    if tensor.role in _BY_ROW:
        inputs //= ranks
    elif tensor.role in ("attn_k", "attn_v"):
        outputs //= min(ranks, architecture.attention.kv_heads)
    elif tensor.role not in _COPIED:
        outputs //= ranks
    shared = isinstance(architecture.mlp, MoeMlp) and architecture.model_type.startswith(_ONE_A)
    return experts * (outputs + (0 if shared and tensor.role == "ffn_up_exps" else inputs))
