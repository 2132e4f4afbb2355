"""What a card cannot do of a run: bf16 and flash attention below compute capability 8.0, and what is chosen instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qwenpick.catalog.schema import Architecture, LinearAttention
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.machine.hardware import Device
from qwenpick.training.trainers import PURE, habits
from qwenpick.work.serving import Training

HOPPER = (9, 0)
AMPERE = (8, 0)  # the first with bf16 units; flash-attn 2 needs it too (its README)


def suited(training: Training, devices: Sequence[Device]) -> tuple[Training, tuple[str, ...]]:
    """The run as these cards can do it, and what was changed, as sentences. QwenpickError where nothing stands in for what was asked."""
    old = [device for device in devices if before_ampere(device)]
    if not old:
        return training, ()
    name, notes = old[0].name, []
    if training.precision == PURE:
        raise QwenpickError(_("{name} has no bf16; use --precision fp16-mixed", name=name))
    if training.precision == "bf16":
        training = replace(training, precision="fp16-mixed")
        notes.append(_("{name} has no bf16: FP16 with a loss scale is taken (--precision fp16-mixed)", name=name))
    if training.attention == "flash":
        if training.trainer != "unsloth":
            raise QwenpickError(
                _(
                    "{name} has no flash attention (it needs compute capability 8.0 or newer); use --attn sdpa",
                    name=name,
                )
            )
        training = replace(training, attention="sdpa")
        notes.append(_("{name} has no flash attention: Unsloth takes PyTorch's own", name=name))
    return training, tuple(notes)


def with_kernels(architecture: Architecture, training: Training, devices: Sequence[Device]) -> Training:
    """The run with flash-linear-attention where its trainer brings it for the delta nets, and uses it on these cards."""
    trainer = habits(training)
    if training.fla or not trainer.brings_fla or not _delta_nets(architecture):
        return training
    refused = trainer.refuses_fla_on_hopper and any(capability(device) == HOPPER for device in devices)
    return training if refused else replace(training, fla=True)


def _delta_nets(architecture: Architecture) -> bool:
    return any(isinstance(layer, LinearAttention) for layer in architecture.layers)


def of_kernels(architecture: Architecture, training: Training, devices: Sequence[Device]) -> tuple[str, ...]:
    """What to know of the kernels that delta nets run on."""
    if not _delta_nets(architecture) or (training.fla and habits(training).brings_fla):
        return ()
    if not training.fla:
        return (
            _(
                "delta nets in plain PyTorch; with flash-linear-attention installed (--fla) they are faster and keep less"
            ),
        )
    if any(capability(device) == HOPPER for device in devices):
        return (
            _(
                "flash-linear-attention 0.6 refuses to train on this card with Triton 3.4 to 3.7.0 (PyTorch 2.11 brings 3.6)"
            ),
        )
    return ()


def before_ampere(device: Device | None) -> bool:
    """Whether the card is known to have no bf16 units."""
    found = capability(device) if device else None
    return found is not None and found < AMPERE


def capability(device: Device) -> tuple[int, int] | None:
    """Compute capability as numbers; None for other vendors and where it is not known."""
    if device.vendor != "nvidia" or not device.compute_capability:
        return None
    major, _dot, minor = device.compute_capability.partition(".")
    return int(major), int(minor or 0)
