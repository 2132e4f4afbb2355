"""llama.cpp's compute buffers: the largest set of activations alive at once while a micro-batch runs through the graph.

Closed forms of what ggml's graph allocator reserves, read off llama.cpp b11434 (src/llama-graph.cpp, ggml/src/ggml-alloc.c) and checked against its
own planning path. Sizes are bytes; u is 4 bytes times the tokens of a micro-batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from qwenpick.catalog.schema import Architecture, DenseMlp, MoeMlp
from qwenpick.runtimes.llamacpp.cut import Cut
from qwenpick.runtimes.llamacpp.model import Loaded


@dataclass(frozen=True, slots=True)
class Batch:
    """What the graph is built for."""

    tokens: int  # of a micro-batch
    outputs: int  # tokens that get logits
    context: int  # cells of the cache, all sequences together
    attended: int  # cells that one sequence's queries see
    flash_attention: bool
    quantized_cache: bool
    sequences: int = 1


@dataclass(frozen=True, slots=True)
class Activations:
    """Bytes of one tensor of each kind in a micro-batch."""

    hidden: int
    queries: int
    keys: int
    logits: int
    mask: int  # and without flash attention the row ids of the transposed values
    scores: int  # queries x keys, without flash attention
    dequantized: int  # the 16-bit copy of one layer's quantized cache that CUDA makes
    mlp: int
    routed: int  # the hidden state once per expert used


def activations(architecture: Architecture, batch: Batch) -> Activations:
    """Bytes of the tensors that decide the compute buffer."""
    attention = architecture.attention
    u = 4 * batch.tokens  # F32
    hidden, keys = architecture.hidden_size * u, attention.kv_heads * attention.head_dim * u
    queries = attention.heads * attention.head_dim * u
    flash = batch.flash_attention
    return Activations(
        hidden=hidden,
        queries=queries,
        keys=keys,
        logits=architecture.vocab_size * 4 * batch.outputs,
        mask=batch.attended * batch.tokens * 2 if flash else batch.attended * batch.tokens * 4 + 2 * keys,
        scores=0 if flash else attention.heads * batch.attended * u,
        dequantized=2 * batch.context * attention.kv_heads * attention.head_dim * 2
        if flash and batch.quantized_cache
        else 0,
        mlp=_mlp(architecture, u),
        routed=architecture.mlp.experts_per_token * hidden if isinstance(architecture.mlp, MoeMlp) else 0,
    )


def _mlp(architecture: Architecture, u: int) -> int:
    """Bytes alive at the peak of one MLP: gate, up and their product; with experts also their inputs and outputs."""
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            return 3 * inner * u
        case MoeMlp(experts_per_token=used, intermediate_size=inner, shared_intermediate_size=shared):
            hidden = architecture.hidden_size * u
            experts, routed, both = inner * used * u, used * hidden, shared * u
            if 2 * experts >= routed:
                return max(3 * experts, 2 * routed + both + hidden)
            return 3 * experts + 2 * routed + hidden if shared else 3 * experts + routed


def gpu_compute(architecture: Architecture, batch: Batch) -> int:
    """Compute buffer of a GPU that holds every layer."""
    a = activations(architecture, batch)
    return (
        a.mask + 4 * a.hidden + max(a.logits, a.mlp, _attention(architecture, a, batch.flash_attention) + a.dequantized)
    )


def cpu_compute(architecture: Architecture, batch: Batch) -> int:
    """Compute buffer of the CPU when no GPU takes part."""
    a = activations(architecture, batch)
    return a.mask + 5 * a.hidden + max(a.logits, a.mlp, _attention(architecture, a, batch.flash_attention))


def pinned_compute(architecture: Architecture, batch: Batch) -> int:
    """Host buffer beside a GPU's: the mask and the embeddings on their way."""
    a = activations(architecture, batch)
    return a.mask + 4 * a.hidden


def _attention(architecture: Architecture, a: Activations, flash_attention: bool) -> int:
    """Bytes alive at the peak of one attention layer."""
    queries = a.queries if a.queries == a.hidden else 2 * a.queries
    gate = (3 if flash_attention else 1) * a.queries if architecture.is_hybrid else 0
    return queries + gate + a.scores


@dataclass(frozen=True, slots=True)
class Compute:
    """Compute buffers of each GPU and of RAM, with how they come about."""

    gpus: tuple[int, ...]
    ram: int
    formula: str
    ram_formula: str


@lru_cache(maxsize=8192)
def compute(architecture: Architecture, loaded: Loaded, batch: Batch, cut: Cut, op_offload: bool) -> Compute:
    """The compute buffers of a run."""
    if not cut.held:
        return Compute((), cpu_compute(architecture, batch), "", "mask + 5 hidden + max(logits, mlp, attention)")
    whole = gpu_compute(architecture, batch)
    if len(cut.held) > 1:
        a = activations(architecture, batch)
        # pipeline parallelism keeps four copies of the inputs
        first, other = whole + 3 * a.mask + 12 * a.hidden, whole + 3 * a.mask + 7 * a.hidden
        gpus = (first, *(other for _ in cut.held[1:]))
        return Compute(
            gpus, 4 * a.mask + 10 * a.hidden, "as one GPU's + 3 masks + 7 or 12 hidden", "4 masks + 10 hidden"
        )
    return Compute(
        (whole,),
        pinned_compute(architecture, batch),
        "mask + 4 hidden + max(logits, mlp, attention)",
        "mask + 4 hidden",
    )
