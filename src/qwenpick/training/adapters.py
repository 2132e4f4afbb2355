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


# the names that transformers gives the matrices of a layer
MATRICES = {
    "q_proj": ("attn_q",), "k_proj": ("attn_k",), "v_proj": ("attn_v",), "o_proj": ("attn_output",),
    "gate_proj": ("ffn_gate", "ffn_gate_shexp"), "up_proj": ("ffn_up", "ffn_up_shexp"), "down_proj": ("ffn_down", "ffn_down_shexp"),
    "in_proj_qkv": ("attn_qkv",), "in_proj_z": ("attn_gate",), "in_proj_a": ("ssm_alpha",), "in_proj_b": ("ssm_beta",), "out_proj": ("ssm_out",),
}  # fmt: skip
EXPERTS = {"gate_proj", "up_proj", "down_proj"}


def named(target: str) -> tuple[str, ...]:
    """The roles that a list such as `q_proj,v_proj` names; empty where it names something else."""
    names = [name.strip() for name in target.split(",")]
    return tuple(role for name in names for role in MATRICES[name]) if all(name in MATRICES for name in names) else ()


def roles(target: str) -> tuple[str, ...]:
    """The roles of the linear layers that get adapters."""
    return named(target) or (ATTENTION if target == "attention" else LINEAR)


def touches_mlp(target: str) -> bool:
    """Whether the MLP's matrices (and a mixture's experts) get adapters."""
    return target != "attention" and (not named(target) or bool(EXPERTS & set(target.split(","))))


def adapter_weights(
    architecture: Architecture, rank: int, target: str, *, vision: bool = False, experts: str = "fused"
) -> int:
    """Weights of the adapters, over all layers.

    `experts` are fused parameters, linear layers, or none where a trainer names linear layers only. gate and up of fused experts are one
    parameter that gets twice the rank: experts x (2 x rank x (hidden + 2 x inner) + rank x (inner + hidden)).
    """
    names = roles(target)
    found = sum(
        tensor.count * rank * sum(tensor.shape[-2:])
        for tensor in tensors(architecture)
        if tensor.part == "text" and tensor.role in names
    )
    if touches_mlp(target) and experts != "none":
        fused = experts == "fused"
        found += sum(_experts(tensor, rank, fused) for tensor in tensors(architecture) if tensor.part == "text")
    return found + (_vision(architecture, rank) if vision else 0)


def _experts(tensor: Tensor, rank: int, fused: bool) -> int:
    """Weights of the adapters of one role of experts; fused, up is counted with gate."""
    if not fused:
        return tensor.count * rank * tensor.shape[0] * sum(tensor.shape[1:]) if tensor.role.endswith("_exps") else 0
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
