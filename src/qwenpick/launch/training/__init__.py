"""A training run ready to start with the very settings that were estimated: one module per trainer."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from qwenpick.catalog.schema import Architecture, Checkpoint, Model
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch.hub import training_environment
from qwenpick.launch.run import argument
from qwenpick.launch.training.common import TrainerRun, on_load
from qwenpick.training.lora import LINEAR_EXPERTS
from qwenpick.training.methods import METHODS
from qwenpick.training.objectives import EMBEDDERS
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.trainers import OLDER_DEEPSPEED, TRAINERS, habits
from qwenpick.work.serving import Training

if TYPE_CHECKING:
    from qwenpick.launch import Launch

MAKERS = {
    "llama-factory": "llama_factory",
    "ms-swift": "ms_swift",
    "trl": "trl",
    "unsloth": "unsloth",
    "transformers": "transformers",
    "sentence-transformers": "sentence_transformers",
}
PACKAGES = {
    "llama-factory": ("llamafactory",),
    "ms-swift": ("ms-swift",),
    "trl": ("trl",),
    "unsloth": ("unsloth",),
    "transformers": ("transformers", "torch", "accelerate", "datasets"),
    "sentence-transformers": ("sentence-transformers[train]",),
}
BRING_PEFT = ("llama-factory", "ms-swift", "unsloth")
# objectives beside supervised tuning that a trainer's module starts
FOR_MORE = {
    "trl": ("dpo", "orpo", "kto", "grpo", "reward"),
    "sentence-transformers": ("embedding",),
    "ms-swift": ("rerank",),
}


class Maker(Protocol):
    """What a trainer's module must know."""

    def launch(
        self, source: str, architecture: Architecture, training: Training, checkpoint: Checkpoint | None, /
    ) -> TrainerRun:
        """How to start the run on the weights of `source`."""


def launch(
    model: Model,
    architecture: Architecture,
    training: Training,
    checkpoint: Checkpoint | None = None,
    hub: str = "huggingface",
) -> TrainerRun:
    """How to start the run with its trainer, on weights of the hub.

    QwenpickError for a trainer that starts from a program of one's own, or a setting it lacks.
    """
    if reason := refused(training):
        raise QwenpickError(reason)
    source = (checkpoint.repo if checkpoint and checkpoint.repo else None) or model.huggingface or argument(model.name)
    maker = cast(Maker, import_module(f"qwenpick.launch.training.{MAKERS[training.trainer]}"))
    made = _with_release(maker.launch(source, architecture, training, checkpoint), architecture, training)
    return replace(
        made, env=training_environment(training.trainer, source, hub), packages=packages(training, checkpoint)
    )


def refused(training: Training) -> str | None:
    """Why no command starts such a run, as a sentence; None where one does."""
    title, objective = TRAINERS[training.trainer].title, training.objective
    if objective != "sft" and objective not in FOR_MORE.get(training.trainer, ()):
        nearest = next(trainer for trainer, known in FOR_MORE.items() if objective in known)
        return _(
            "{title} has no launch for {method} here; nearest: --trainer {nearest}",
            title=title,
            method=objective,
            nearest=nearest,
        )
    if training.trainer not in MAKERS:
        known = ", ".join(trainer for trainer in MAKERS if trainer not in EMBEDDERS)
        return _("{title} has no launch of its own; choose {known}", title=title, known=known)
    return None


def packages(training: Training, checkpoint: Checkpoint | None) -> tuple[str, ...]:
    """What pip installs for a run: the trainer, and what its settings import beside it."""
    bits = training.method == "qlora" and on_load(checkpoint)
    found = {
        "peft": METHODS[training.method].adapts and training.trainer not in BRING_PEFT,
        "bitsandbytes": bits or bool(OPTIMIZERS[training.optimizer].states_8bit),
        "torchao": bool(OPTIMIZERS[training.optimizer].torchao_bits),
        OLDER_DEEPSPEED.get(training.trainer, "deepspeed"): bool(training.zero),
        "liger-kernel": training.chunked_loss,
        "flash-attn": training.attention == "flash",
    }
    return (*PACKAGES[training.trainer], *(name for name, needed in found.items() if needed))


def _with_release(made: TrainerRun, architecture: Architecture, training: Training) -> TrainerRun:
    """With what must be installed for it, where the newest release does not do."""
    if training.nodes > 1:
        each = _("start it on every node, with RANK_OF_THIS_NODE 0, 1, … and the address of the first as FIRST_NODE")
        made = replace(made, notes=(*made.notes, each))
    if training.fla and not habits(training).brings_fla:
        made = replace(made, notes=(*made.notes, _("delta nets need pip install flash-linear-attention")))
    linear = training.method == "qlora" and architecture.model_type in LINEAR_EXPERTS
    if not linear or TRAINERS[training.trainer].experts_in_4_bits:
        return made
    note = _("experts in 4 bits need transformers below 5 (pip install 'transformers<5'): from 5 on they are fused")
    return replace(made, notes=(*made.notes, note))


def as_script(started: TrainerRun, trainer: str) -> Launch:
    """The same as what `qwenpick launch` prints: files to write, the command, and what to know."""
    from qwenpick.launch import Command, Launch

    notes = (
        _("{title}: options of {checked}", title=TRAINERS[trainer].title, checked=started.checked),
        *started.notes,
    )
    return Launch(
        trainer, Command(started.command, started.env), files=started.files, notes=notes, packages=started.packages
    )


__all__ = ["MAKERS", "TrainerRun", "as_script", "launch"]
