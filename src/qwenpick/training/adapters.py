"""How many weights LoRA adds: rank x (inputs + outputs) for every matrix it is put on."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.tensors import Tensor, tensors

ATTENTION = ("attn_q", "attn_k", "attn_v", "attn_output")
# what peft's "all-linear" finds beside those: every nn.Linear but lm_head, and from peft 0.19 the fused experts and routers of transformers 5
LINEAR = (
    *ATTENTION, "attn_qkv", "attn_gate", "ssm_alpha", "ssm_beta", "ssm_out",
    "ffn_gate", "ffn_up", "ffn_down", "ffn_gate_inp", "ffn_gate_inp_shexp", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp",
)  # fmt: skip


def adapter_weights(architecture: Architecture, rank: int, target: str, *, vision: bool = False) -> int:
    """Weights of the adapters, over all layers.

    gate and up of fused experts are one parameter that gets twice the rank: experts x (2 x rank x (hidden + 2 x inner) + rank x (inner + hidden)).
    """
    names = ATTENTION if target == "attention" else LINEAR
    found = sum(
        tensor.count * rank * sum(tensor.shape[-2:])
        for tensor in tensors(architecture)
        if tensor.part == "text" and tensor.role in names
    )
    if target != "attention":
        found += sum(_experts(tensor, rank) for tensor in tensors(architecture) if tensor.part == "text")
    return found + (_vision(architecture, rank) if vision else 0)


def _experts(tensor: Tensor, rank: int) -> int:
    """Weights of the adapters of one role of fused experts; up is counted with gate."""
    if tensor.role not in ("ffn_gate_exps", "ffn_down_exps"):
        return 0
    experts, rows, columns = tensor.shape
    if tensor.role == "ffn_gate_exps":
        return tensor.count * experts * 2 * rank * (2 * rows + columns)
    return tensor.count * experts * rank * (rows + columns)


def _vision(architecture: Architecture, rank: int) -> int:
    """Weights of the tower's adapters: qkv, output and both MLP matrices of each block, two matrices of each merger."""
    tower = architecture.vision
    if tower is None:
        return 0
    hidden, merged = tower.hidden_size, tower.hidden_size * (tower.merge_size or 1) ** 2
    block = 4 * hidden + 2 * hidden + 2 * (hidden + tower.intermediate_size)
    merger = 2 * merged + merged + tower.output_size
    return rank * (tower.depth * block + (1 + len(tower.deepstack_layers)) * merger)
