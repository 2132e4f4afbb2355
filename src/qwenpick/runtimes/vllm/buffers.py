"""What vLLM's weights leave in RAM, and what is allocated beside them while they are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenpick.i18n import N_
from qwenpick.memory.account import Part
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.runtimes.adapters import ELEMENT, adapter_bytes
from qwenpick.runtimes.vllm.settings import Settings
from qwenpick.runtimes.vllm.weights import deepstack_bytes, rope_bytes, selection_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Model


TOWERS = ("vision", "audio")
# models/interfaces.py _mark_tower_model hands towers, built first, to the offloader; 0.28 does not
TOWERS_OFFLOADED = (0, 29)


def offloaded(
    stage: tuple[tuple[str, int], ...], offload: int, table: bool, around: int, version: tuple[int, ...]
) -> tuple[tuple[tuple[str, int], ...], int]:
    """The stage's weights less what stays in RAM, and how much that is: towers, the language model's layers, and an n-gram table (config/engram.py).

    vLLM 0.33 models/utils.py make_layers hands the offloader layers alone: embeddings, head and last norm (`around`) stay on the GPU however
    much is asked for. It stops after the parameter that passes what was asked (model_executor/offloader/uva.py); here what was asked is taken.
    """
    held = dict(stage)
    movable = {part: held.get(part, 0) for part in TOWERS if version >= TOWERS_OFFLOADED}
    movable["text"] = max(0, held.get("text", 0) - around)
    in_ram = held.pop(NGRAM_TABLE, 0) if table else 0
    for part, most in movable.items():
        if taken := min(offload, most):
            held[part] -= taken
            offload, in_ram = offload - taken, in_ram + taken
    return tuple((part, size) for part, size in held.items() if size), in_ram


def buffers(
    model: Model | None,
    architecture: Architecture,
    chosen: Settings,
    layers: range,
    first: bool,
    last: bool,
    ranks: int,
) -> Iterator[Part]:
    """What is allocated while the weights are loaded and counts as they do."""
    rope = N_("positions x rotary dimensions x 2 bytes")
    yield Part("rope table", rope_bytes(model, architecture, chosen.version), "", rope, "weights")
    if first:
        deepstack = N_("levels x batched tokens x hidden x 2 bytes")
        yield Part("deepstack buffers", deepstack_bytes(architecture, chosen), "", deepstack, "weights")
    rank, most = chosen.adapters
    kept = adapter_bytes(
        architecture,
        rank,
        most,
        ranks,
        layers,
        whole_experts=chosen.expert_parallel,
        embeddings=first and architecture.model_type.startswith("qwen3"),
    )
    each = N_("{most} adapters of rank {rank}: (inputs + outputs) x rank x 2 bytes a matrix", most=most, rank=rank)
    yield Part("adapters", kept, "", each, "weights")
    if last and chosen.drafter:
        files = N_("draft_gb over {ranks} GPUs, what mixes hidden states whole on each", ranks=ranks)
        yield Part("draft model", drafter_bytes(architecture, chosen, ranks), "", files, "weights")
    selected = N_("batched tokens x (budget + compress_ratio) x 4 bytes, the layers with an indexer")
    yield Part("selected tokens", selection_bytes(architecture, chosen, layers, last), "", selected, "weights")


def drafter_bytes(architecture: Architecture, chosen: Settings, ranks: int) -> int:
    """Bytes a rank holds of a draft model of its own: its files cut over the ranks, but for the matrix that mixes hidden states, and joined copies.

    vLLM 0.20 to 0.33 models/llama_eagle3.py and qwen3_dflash.py: `fc`, features x hidden -> hidden in 16 bits, is a ReplicatedLinear; DFlash
    joins the matrices of its layers' keys and values in one (`_fused_kv_weight`). Its layers are taken as wide as the model's.
    """
    assert chosen.drafter
    files, layers = chosen.drafter
    hidden, attention = architecture.hidden_size, architecture.attention
    mixer = min(files, chosen.features * hidden * hidden * ELEMENT)
    joined = layers * 2 * attention.kv_heads * attention.head_dim * hidden * ELEMENT if chosen.joins_layers else 0
    return mixer + (files - mixer + joined) // ranks
