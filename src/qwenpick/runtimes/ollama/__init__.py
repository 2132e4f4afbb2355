"""Ollama: llama.cpp with other defaults, its library's files, and the vision projector always loaded.

Since 2026 it starts llama-server itself (`-np 1 --flash-attn auto`, `-b` and `-ub` by batch.py) and lets it choose what goes to RAM, experts first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.memory.account import Memory
from qwenpick.memory.quantization import gguf
from qwenpick.memory.quantization.gguf.rules import OLLAMA_HALF_VALUES, OLLAMA_HYBRID
from qwenpick.runtimes import llamacpp
from qwenpick.runtimes.given import read
from qwenpick.runtimes.llamacpp import budget
from qwenpick.runtimes.llamacpp.formats import OLLAMA_TAGS
from qwenpick.runtimes.llamacpp.parts import is_pooled
from qwenpick.runtimes.llamacpp.projector import projector_bytes
from qwenpick.runtimes.ollama.batch import EMBEDDING, automatic, prediction
from qwenpick.runtimes.ollama.options import Options
from qwenpick.units import GIB

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

NAME = "ollama"
TITLE = "Ollama"
READ_FROM = "Ollama 0.34.2 (command line it starts llama-server with), docs/context-length.mdx, server/quantization.go; llama.cpp b11434"

# What the library's tags hold, Q4_K_M where the tag does not say; of other precisions what llama.cpp runs, from GGUF repositories
FAMILIES: Mapping[str, tuple[str, ...]] = {
    **llamacpp.FAMILIES,
    "4bit": ("Q4_K_M",),
    "8bit": ("Q8_0",),
    "fp16": ("F16", "BF16"),
}
FORMATS: tuple[str, ...] = (*OLLAMA_TAGS, *(name for name in llamacpp.FORMATS if name not in OLLAMA_TAGS))

# Architectures that Ollama converts and quantizes itself, MTP block included
_CONVERTED = ("qwen3next", "qwen35", "qwen35moe")

# Architectures with tied embeddings whose tags hold the head again, as the published weights do: qwen3:0.6b-fp16 is 1.5 GB, qwen3:1.7b-fp16 4.1 GB
_HEAD_STORED_AGAIN = frozenset({"qwen3-0.6b", "qwen3-1.7b"})

# Models whose tags keep the layers' values in 16 bits (quantization/gguf/rules.py): Qwen3 as it came out in April 2025, not the 2507 models
_HALF_VALUES = frozenset(f"qwen3-{size}" for size in ("0.6b", "1.7b", "4b", "8b", "14b", "32b", "30b-a3b", "235b-a22b"))


# Families that are started with one slot whatever OLLAMA_NUM_PARALLEL says: server/sched.go at fb30760 (August 2026), ollama/ollama#4165
ONE_AT_A_TIME = ("qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe", "qwen3next")


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why Ollama would not run this there; None if it would."""
    if work.sequences > 1 and architecture.gguf_arch in ONE_AT_A_TIME:
        return _("Ollama answers one request at a time of models like this; llama.cpp's own server answers several")
    reason = llamacpp.refusal(architecture, checkpoint, replace(work, options=_said(work)), placement)
    return reason.replace("llama.cpp", "Ollama") if reason else None


def placements(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterable[Placement]:
    """All layers on GPUs, experts in RAM, as many layers as fit, none."""
    return llamacpp.placements(
        model,
        architecture,
        _held(model, architecture, checkpoint, work),
        _with_defaults(model, architecture, checkpoint, work, machine.devices),
        machine,
    )


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What Ollama's llama-server holds, part by part."""
    return llamacpp.memory(
        model,
        architecture if checkpoint.repo else _as_stored(architecture),
        _held(model, architecture, checkpoint, work),
        _with_defaults(model, architecture, checkpoint, work, placement.devices),
        placement,
    )


def settled(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Serving:
    """The workload with the micro-batch that Ollama chooses there."""
    batch = _batch(model, architecture, checkpoint, work, placement.devices)
    return replace(work, options={**_said(work), **batch})


def default_context(vram: int) -> int:
    """Tokens of context that Ollama gives a model when nobody says how many, by the GPU memory of the box in bytes.

    Ollama 0.33.2 server/routes.go: a GiB below the 24 and 48 of its documents, so that cards of those sizes, whose drivers say a little less, count.

    >>> default_context(8 * GIB), default_context(24 * GIB - 400 * 2**20), default_context(80 * GIB)
    (4096, 32768, 262144)
    """
    if vram < 23 * GIB:
        return 4096
    return 32768 if vram < 47 * GIB else 262144


def tag_bytes(model: Model, architecture: Architecture, format_name: str) -> int:
    """Size of a library tag: the model's file, and the projector's beside it (or inside) where it sees or hears."""
    if architecture.gguf_arch not in ("qwen35", "qwen35moe"):
        architecture = architecture.model_copy(update={"mtp_layers": 0})
    return gguf.file_bytes(_as_stored(architecture), _own_mix(model, architecture, format_name)) + projector_bytes(
        architecture
    )


@lru_cache(maxsize=256)
def _as_stored(architecture: Architecture) -> Architecture:
    """The architecture as the library's files hold it."""
    return (
        architecture.model_copy(update={"tied_embeddings": False})
        if architecture.id in _HEAD_STORED_AGAIN
        else architecture
    )


def _own_mix(model: Model, architecture: Architecture, format_name: str) -> str:
    """The format as the library holds it: Ollama's Q4_K_M of a hybrid, and its files of the first Qwen3, are not llama.cpp's."""
    if model.id in _HALF_VALUES:
        return OLLAMA_HALF_VALUES.get(format_name, format_name)
    return OLLAMA_HYBRID if format_name == "Q4_K_M" and architecture.gguf_arch in _CONVERTED else format_name


def _held(model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving) -> Checkpoint:
    """The checkpoint as Ollama holds it.

    A repository's file is llama.cpp's own, and so are a first Qwen3 that has no tag and the -mtp- tags that draft: of qwen3.8:27b-mtp-q4_K_M
    15,339 MiB lie on a GPU, as of llama.cpp's Q4_K_M.
    """
    if checkpoint.repo or (model.id in _HALF_VALUES and not model.ollama) or _drafts(work):
        return checkpoint
    mix = _own_mix(model, architecture, checkpoint.format)
    return checkpoint if mix == checkpoint.format else checkpoint.model_copy(update={"format": mix})


def _with_defaults(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, devices: Sequence[Device]
) -> Serving:
    """The workload with Ollama's flags beneath those that were given."""
    sees = {"mmproj": bool(architecture.vision or architecture.audio)}
    batch = _batch(model, architecture, checkpoint, work, devices)
    return replace(work, options={**sees, **_said(work), **batch})


def _lists_heads(model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving) -> bool:
    """Whether the library's file gives key-value heads layer by layer: hybrids that Ollama converted before 0.30 (convert/convert_qwen3next.go).

    What drafts is a tag of its own (-mtp-), of the later kind.
    """
    own = architecture.gguf_arch in _CONVERTED and not checkpoint.repo and model.ollama is not None
    return own and not _drafts(work) and str(model.released or "") < "2026-06"


def _drafts(work: Serving) -> bool:
    return _said(work).get("spec_type") == "draft-mtp"


def _said(work: Serving) -> dict[str, object]:
    """The options that were given, by llama.cpp's names. Tokens to draft are all that Ollama asks before it drafts (appendDraftArgs)."""
    said = read(Options, work.options).said
    return {"spec_type": "draft-mtp", **said} if said.get("draft_n_max") else said


def _batch(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, devices: Sequence[Device]
) -> dict[str, object]:
    """Tokens of a call and of a micro-batch: one number, num_batch, is both. Of an embedding model they are the context's, 2,048 at most."""
    options = read(Options, work.options)
    named = [getattr(options, name) for name in ("n_ubatch", "n_batch") if name in options.named]
    if named:
        tokens = int(named[0])
    elif is_pooled(model):
        tokens = min(EMBEDDING, work.context)
    else:
        file = gguf.file_bytes(_as_stored(architecture), _held(model, architecture, checkpoint, work).format)
        inside = projector_bytes(architecture) if architecture.gguf_arch in _CONVERTED and not checkpoint.repo else 0
        expected = prediction(
            architecture,
            file + inside,
            work.context * work.sequences,
            _lists_heads(model, architecture, checkpoint, work),
        )
        tokens = automatic(expected, work, devices, options.flash_attn)
    return {"n_batch": tokens, "n_ubatch": tokens}


__all__ = [
    "FAMILIES", "FORMATS", "NAME", "READ_FROM", "TITLE", "budget", "default_context", "memory", "placements", "refusal",
    "settled", "tag_bytes",
]  # fmt: skip
