"""LM Studio: llama.cpp in an app, with its load settings. Its MLX engine on Macs is mlx-lm: --runtime mlx plans that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.runtimes import llamacpp
from qwenpick.runtimes.given import read
from qwenpick.runtimes.llamacpp import budget
from qwenpick.runtimes.lmstudio.options import Options

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.memory.account import Memory
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

NAME = "lmstudio"
TITLE = "LM Studio"
READ_FROM = "lmstudio.ai/docs (cli/load, app/advanced/parallel-requests) and its SDK's load settings, LM Studio 0.4; llama.cpp b11434"

FORMATS: tuple[str, ...] = llamacpp.FORMATS
FAMILIES: Mapping[str, tuple[str, ...]] = llamacpp.FAMILIES


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why LM Studio would not run this there; None if it would."""
    reason = llamacpp.refusal(architecture, checkpoint, work, placement)
    return reason.replace("llama.cpp", TITLE) if reason else None


def placements(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterable[Placement]:
    """All layers on GPUs, experts in RAM, as many layers as fit, none."""
    return llamacpp.placements(model, architecture, checkpoint, _with_defaults(architecture, work), machine)


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What its llama.cpp holds, part by part."""
    return llamacpp.memory(model, architecture, checkpoint, _with_defaults(architecture, work), placement)


def _with_defaults(architecture: Architecture, work: Serving) -> Serving:
    """The workload with LM Studio's settings beneath those that were given: calls of 512 tokens, and the projector that lies beside the file."""
    defaults = {"n_batch": 512, "n_ubatch": 512, "mmproj": bool(architecture.vision or architecture.audio)}
    said = read(Options, work.options).said
    return replace(work, options={**defaults, **said})


__all__ = ["FAMILIES", "FORMATS", "NAME", "READ_FROM", "TITLE", "budget", "memory", "placements", "refusal"]
