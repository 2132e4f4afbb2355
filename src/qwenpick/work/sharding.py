"""How tensor and pipeline parallel cut a model: which world sizes divide it, and what one rank then holds.

vLLM and SGLang share these rules: heads, experts' inner columns and the vocabulary are divided, norms and routers are copied.
"""

from __future__ import annotations

from functools import lru_cache

from qwenpick.catalog.formats import SAFETENSORS_BITS
from qwenpick.catalog.schema import Architecture, DenseMlp
from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.memory.cache import attention_layers, linear_layers
from qwenpick.memory.quantization import sizes
from qwenpick.memory.quantization.safetensors import stored_as
from qwenpick.memory.tensors import Tensor
from qwenpick.values import dataclass

VOCAB_PADDING = 64  # vocab_parallel_embedding.py DEFAULT_VOCAB_PADDING_SIZE, the same in vLLM and SGLang
BLOCK = 128  # columns that share a scale in block FP8, GPTQ and AWQ: a rank's part must hold whole ones

# NCCL and custom all-reduce before an engine looks at its memory: two H200 had 138.34 GiB free where one has 139.29, and 137.86 with experts, whose
# group is a second one (vLLM 0.26, NCCL 2.28.9, NVLink). Two RTX 5090 without NVLink had 30.5 of 31.4 GiB, 0.5 of it the context (vLLM 0.27).
COMMUNICATION, COMMUNICATION_EXPERTS = 970 * 2**20, 490 * 2**20
OVER_PCIE = 0.42  # of that
# NCCL before 2.28 (torch up to 2.10) over PCIe: 0.13 GiB on each of 4 L4 (SGLang 0.4.3), and 8 L40S had 0.21 outside of torch in all (vLLM 0.10.2)
OLD_PCIE = 0.14
_NVLINK = (
    "h100-sxm",
    "h200",
    "h20",
    "h800-sxm",
    "a100-sxm",
    "a800-sxm",
    "b200",
    "b300",
    "gb200",
    "gb300",
    "gh200",
    "v100-sxm",
)


def communication_bytes(gpus: int, experts: bool, device: Device | None = None, old: bool = False) -> int:
    """Bytes that communicators of several GPUs take on each of them, as over NVLink where the card is not known; 0 for one GPU.

    `old` is NCCL before 2.28.
    """
    if gpus == 1:
        return 0
    whole = COMMUNICATION + (COMMUNICATION_EXPERTS if experts else 0)
    return int(whole * (OLD_PCIE if old else OVER_PCIE)) if over_pcie(device) else whole


def over_pcie(device: Device | None) -> bool:
    """Whether the card is known to have no NVLink."""
    return device is not None and device.gpu is not None and not device.gpu.startswith(_NVLINK)


# Roles that an engine loads as one tensor: q, k and v side by side, gate over up, the delta net's two input projections.
_FUSED = {
    "attn_q": "qkv", "attn_k": "qkv", "attn_v": "qkv", "attn_q.bias": "qkv bias", "attn_k.bias": "qkv bias", "attn_v.bias": "qkv bias",
    "ffn_gate": "gate_up", "ffn_up": "gate_up", "ffn_gate_exps": "experts gate_up", "ffn_up_exps": "experts gate_up",
    "ffn_gate_shexp": "shared gate_up", "ffn_up_shexp": "shared gate_up", "attn_qkv": "in_proj_qkvz", "attn_gate": "in_proj_qkvz",
    "ssm_beta": "in_proj_ba", "ssm_alpha": "in_proj_ba",
}  # fmt: skip
# Routers: every rank routes every token. Hyper-connections mix streams that no rank has a part of: vllm/models/qwen4_exp/nvidia/hyperconnection.py of
# 0.33 (disable_tp, ReplicatedLinear), sglang/srt/layers/hyperconnection.py of 0.5.23
_COPIED = ("ffn_gate_inp", "ffn_gate_inp_shexp", "hyper-connections")


@dataclass(frozen=True, slots=True)
class Shard:
    """One rank's part of a fused tensor: bytes of each copy, the layers that hold one (none: outside the layers), and its part."""

    name: str
    bytes: int
    layers: tuple[int, ...]
    part: str


@lru_cache(maxsize=4096)
def shards(
    architecture: Architecture, format_name: str, ranks: int, expert_ranks: int | None = None
) -> tuple[Shard, ...]:
    """What each of `ranks` tensor-parallel ranks loads, fused as the engines fuse it; experts are spread over `expert_ranks`, the same by default."""
    fused: dict[tuple[str, tuple[int, ...], str], int] = {}
    for index, (tensor, stored) in enumerate(sizes(architecture, format_name)):
        name = _FUSED.get(tensor.role, tensor.role) if tensor.part == "text" else f"{tensor.part} {index}"
        over = expert_ranks or ranks if tensor.role.endswith("_exps") else ranks
        held = _rank_bytes(architecture, tensor, stored // tensor.count, over)
        scales = _scale_bytes(architecture, tensor, stored, format_name) * held // stored
        for piece, size in ((name, held - scales), (f"{name} scales", scales)):
            if size:
                key = (piece, tensor.layers, tensor.part)
                fused[key] = fused.get(key, 0) + size
    return tuple(Shard(name, size, layers, part) for (name, layers, part), size in fused.items())


def _scale_bytes(architecture: Architecture, tensor: Tensor, stored: int, format_name: str) -> int:
    """Bytes of all scales and zero points of a quantized tensor, which engines hold beside the packed weights."""
    bits = SAFETENSORS_BITS[stored_as(tensor, architecture, format_name)]
    if SAFETENSORS_BITS[format_name] >= 16 or bits >= 16:
        return 0
    return max(0, stored - int(tensor.elements * bits / 8))


def _rank_bytes(architecture: Architecture, tensor: Tensor, size: int, ranks: int) -> int:
    """Bytes of one copy on one rank."""
    if tensor.role in ("token_embd", "output"):
        rows = -(-tensor.shape[0] // VOCAB_PADDING) * VOCAB_PADDING  # padded, then divided
        return size * rows // tensor.shape[0] // ranks
    if ranks == 1 or tensor.role in _COPIED or tensor.role.endswith("norm"):
        return size
    if tensor.role.startswith(("attn_k", "attn_v")):
        # with more ranks than heads each rank keeps a whole head
        return size // min(ranks, architecture.attention.kv_heads)
    return size // ranks


@lru_cache(maxsize=4096)
def world_refusal(architecture: Architecture, ranks: int, block: int = 1, *, whole_experts: bool = False) -> str | None:
    """Why `ranks` tensor-parallel ranks cannot divide the model; None where they can. `block`: columns a format's scales need together.

    With `whole_experts` (expert parallel) the columns of an expert are not cut.
    """
    for layer in set(attention_layers(architecture)):
        if layer.heads % ranks:
            return N_("{heads} attention heads do not divide by {ranks}", heads=layer.heads, ranks=ranks)
        if layer.kv_heads % ranks and ranks % layer.kv_heads:
            return N_(
                "{kv_heads} key-value heads neither divide by {ranks} nor into it", kv_heads=layer.kv_heads, ranks=ranks
            )
    for linear in set(linear_layers(architecture)):
        if linear.key_heads % ranks or linear.value_heads % ranks:
            return N_(
                "{key_heads} and {value_heads} delta-net heads do not divide by {ranks}",
                key_heads=linear.key_heads,
                value_heads=linear.value_heads,
                ranks=ranks,
            )
    if ranks == 1 or (whole_experts and architecture.is_moe):
        return None
    if architecture.mlp.intermediate_size % (ranks * block):
        what = "MLP" if isinstance(architecture.mlp, DenseMlp) else "expert"
        whole = N_(" into whole blocks of {block}", block=block) if block > 1 else ""
        return N_(
            "an {what} of {intermediate_size} columns does not divide over {ranks} ranks{whole}",
            what=what,
            intermediate_size=architecture.mlp.intermediate_size,
            ranks=ranks,
            whole=whole,
        )
    return None


def stage_layers(layers: int, stages: int, asked: tuple[int, ...] | None = None) -> tuple[range, ...]:
    """Which layers each pipeline stage holds: as `asked` (a count a stage), else as even as can be, the odd ones in the stages before the last.

    >>> [len(r) for r in stage_layers(30, 4)]
    [7, 8, 8, 7]
    """
    base, odd = divmod(layers, stages)
    counts = [base] * stages
    # vLLM distributed/utils.py get_pp_indices: from the stage before the last backwards
    for index in range(2, odd + 2):
        counts[-index] += 1
    if asked:
        counts = list(asked)
    starts = [sum(counts[:i]) for i in range(stages)]
    return tuple(range(start, start + count) for start, count in zip(starts, counts, strict=True))
