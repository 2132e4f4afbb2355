"""The phases of a training step in order, for one GPU or divided over several, and the one that needs most."""

from __future__ import annotations

from collections.abc import Iterator

from qwenpick.catalog.schema import Architecture
from qwenpick.i18n import N_
from qwenpick.training import activations, sharded
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.phases import Alive, Phase, alive
from qwenpick.training.prepared import Prepared
from qwenpick.training.trainers import habits
from qwenpick.work.serving import Training


def highest(architecture: Architecture, training: Training, prepared: Prepared, room: int | None = None) -> Phase:
    """The phase that needs most."""
    return max(phases(architecture, training, prepared, room), key=lambda phase: phase.total)


def phases(architecture: Architecture, training: Training, prepared: Prepared, room: int | None) -> Iterator[Phase]:
    """Loss on the way back; the layer that keeps most, taken back first or last; the embeddings' gradient; the optimizer's step."""
    held = alive(architecture, training, prepared, room)
    if training.fsdp:
        return sharded.fsdp(architecture, training, prepared, held)
    if training.zero == 3:
        return sharded.zero3(architecture, training, prepared, held)
    if training.zero:
        return sharded.zero12(training, prepared, held)
    return _alone(training, prepared, held)


def _alone(training: Training, prepared: Prepared, held: Alive) -> Iterator[Phase]:
    """One GPU, or several that each hold all (DistributedDataParallel keeps the gradients in its buckets: they are views of them)."""
    style, gradients = prepared.style, prepared.trained_bytes
    before = gradients if training.grad_accum > 1 else 0  # left there by the micro-batch before
    whole = prepared.head_trained and not prepared.adapters  # all weights: the embeddings' gradient is the last
    head = 2 * prepared.head if whole and (prepared.tied_gradient or style is activations.Style.FULL) else 0
    one, in_ram = held.loss, held.in_ram
    in_loss = before or (head if one.chunked and not one.head_gradient else 0)
    back = N_("loss, on the way back")
    yield Phase(back, in_loss, held.kept + held.ends, one.logits, prepared.head_copy + one.head_gradient, in_ram)
    there = one.logits if one.chunked else one.logits * 10 // 12
    copies = prepared.head_copy + prepared.autocast_copies
    yield Phase(N_("loss, on the way there"), in_loss, held.kept + held.ends, there, copies, in_ram)
    experts = 4 * prepared.adapted_experts  # FP32 product of both adapters of a layer's experts
    first = before or (head if whole else gradients)
    temporary = prepared.unpacked + experts
    yield Phase(N_("last layer, on the way back"), first, held.kept + held.last, 0, temporary, in_ram)
    yield Phase(N_("first layer, on the way back"), gradients, held.rest + held.back, 0, temporary, 0)
    twice = prepared.tied_gradient * (4 if style is activations.Style.FULL_FP32 else 2)
    yield Phase(N_("embeddings, on the way back"), gradients, held.sensed, 0, twice, 0)
    optimizer = OPTIMIZERS[training.optimizer]
    step = optimizer.step * habits(training).step_copies * prepared.trained_bytes
    step += optimizer.step_of_largest * 4 * prepared.largest
    yield Phase(N_("optimizer step"), gradients, 0, 0, step, 0)
