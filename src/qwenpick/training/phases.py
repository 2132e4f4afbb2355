"""The moments of a training step at which memory can be highest, and which of them is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qwenpick.catalog.schema import Architecture
from qwenpick.i18n import N_
from qwenpick.training import activations
from qwenpick.training.loss import Loss, loss
from qwenpick.training.optimizers import OPTIMIZERS
from qwenpick.training.prepared import Prepared
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training


@dataclass(frozen=True, slots=True)
class Phase:
    """Bytes alive at one moment beside weights and states. `gathered` is weights, gradients and buckets that sharing GPUs hold for each other,
    `in_ram` what the trainer keeps in RAM meanwhile."""

    name: str
    gradients: int = 0
    activations: int = 0
    logits: int = 0
    workspace: int = 0
    in_ram: int = 0
    gathered: int = 0

    @property
    def total(self) -> int:
        """Bytes on the GPU."""
        return self.gradients + self.activations + self.logits + self.workspace + self.gathered


@dataclass(frozen=True, slots=True)
class Alive:
    """Bytes of activations: `kept` from forward to backward, the `ends`, one whole layer on the `back`way, its input, images, what lies in RAM."""

    kept: int
    ends: int
    back: int
    last: int
    rest: int
    images: int
    in_ram: int
    loss: Loss


def highest(architecture: Architecture, training: Training, prepared: Prepared) -> Phase:
    """The phase that needs most."""
    return max(phases(architecture, training, prepared), key=lambda phase: phase.total)


def phases(architecture: Architecture, training: Training, prepared: Prepared) -> Iterator[Phase]:
    """Loss on the way back; the layer that keeps most, taken back first or last; the embeddings' gradient; the optimizer's step."""
    from qwenpick.training import sharded

    held = alive(architecture, training, prepared)
    if training.fsdp:
        return sharded.fsdp(architecture, training, prepared, held)
    if training.zero == 3:
        return sharded.zero3(architecture, training, prepared, held)
    if training.zero:
        return sharded.zero12(training, prepared, held)
    return _alone(training, prepared, held)


def alive(architecture: Architecture, training: Training, prepared: Prepared) -> Alive:
    """What the tokens of one micro-step keep alive."""
    style, tokens, trainer = prepared.style, training.tokens, TRAINERS[training.trainer]
    if training.mini_batch:  # cached negatives: only a small batch has its activations at a time
        tokens = min(tokens, training.mini_batch * training.seq)
    at_once = tokens // 2 if training.objective == "embedding" else tokens  # anchors and positives go through apart
    per_layer = [activations.layer_bytes(architecture, layer, training, style) for layer in architecture.layer_list]
    back = max(
        activations.layer_bytes(architecture, layer, training, style)
        + activations.backward_bytes(architecture, layer, style)
        for layer in set(architecture.layer_list)
    )
    images = training.batch * activations.image_bytes(architecture, training, tower_kept=training.train_vision)
    input_bytes = activations.checkpoint_bytes(architecture, style)
    kept = (architecture.num_layers * input_bytes if training.checkpointing else sum(per_layer)) * tokens
    in_ram = kept if training.checkpointing and trainer.checkpoints_in_ram else 0
    kept += images - in_ram
    if prepared.int8:
        kept += tokens * sum(
            activations.int8_inputs(architecture, layer, training, style) for layer in architecture.layer_list
        )
    return Alive(
        kept=kept,
        ends=activations.head_bytes(architecture, style) * tokens,
        back=back * at_once,
        last=(back if training.checkpointing else back - min(per_layer)) * at_once,
        rest=images + input_bytes * tokens if training.checkpointing else 0,
        images=images,
        in_ram=in_ram,
        loss=loss(architecture, training, prepared, tokens),
    )


def _alone(training: Training, prepared: Prepared, held: Alive) -> Iterator[Phase]:
    """One GPU, or several that each hold all (DistributedDataParallel keeps the gradients in its buckets: they are views of them)."""
    style, gradients = prepared.style, prepared.trained_bytes
    before = gradients if training.grad_accum > 1 else 0  # left there by the micro-batch before
    head = 2 * prepared.head if prepared.tied_gradient or style is activations.Style.FULL else 0
    one, in_ram = held.loss, held.in_ram
    in_loss = before or (head if one.chunked and not one.head_gradient else 0)
    back = N_("loss, on the way back")
    yield Phase(back, in_loss, held.kept + held.ends, one.logits, prepared.head_copy + one.head_gradient, in_ram)
    there = one.logits if one.chunked else one.logits * 10 // 12
    copies = prepared.head_copy + prepared.autocast_copies
    yield Phase(N_("loss, on the way there"), in_loss, held.kept + held.ends, there, copies, in_ram)
    experts = 4 * prepared.adapted_experts  # FP32 product of both adapters of a layer's experts
    first = before or (gradients if prepared.adapters else head)
    temporary = prepared.unpacked + experts
    yield Phase(N_("last layer, on the way back"), first, held.kept + held.last, 0, temporary, in_ram)
    yield Phase(N_("first layer, on the way back"), gradients, held.rest + held.back, 0, temporary, 0)
    twice = prepared.tied_gradient * (4 if style is activations.Style.FULL_FP32 else 2)
    yield Phase(N_("embeddings, on the way back"), gradients, held.images, 0, twice, 0)
    optimizer = OPTIMIZERS[training.optimizer]
    step = optimizer.step * TRAINERS[training.trainer].step_copies * prepared.trained_bytes
    step += optimizer.step_of_largest * 4 * prepared.largest
    yield Phase(N_("optimizer step"), gradients, 0, 0, step, 0)
