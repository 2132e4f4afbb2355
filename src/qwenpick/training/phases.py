"""The moments of a training step at which memory can be highest, and which of them is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qwenpick.catalog.schema import Architecture
from qwenpick.i18n import N_
from qwenpick.training import activations
from qwenpick.training.optimizers import OPTIMIZERS, Optimizer
from qwenpick.training.prepared import Prepared
from qwenpick.training.sharding import part_of, shares
from qwenpick.training.trainers import TRAINERS, Trainer
from qwenpick.work.serving import Training


@dataclass(frozen=True, slots=True)
class Phase:
    """Bytes alive at one moment beside weights and states. `in_ram` is what the trainer keeps in RAM meanwhile."""

    name: str
    gradients: int = 0
    activations: int = 0
    logits: int = 0
    workspace: int = 0
    in_ram: int = 0

    @property
    def total(self) -> int:
        """Bytes on the GPU."""
        return self.gradients + self.activations + self.logits + self.workspace


def highest(architecture: Architecture, training: Training, prepared: Prepared) -> Phase:
    """The phase that needs most."""
    return max(phases(architecture, training, prepared), key=lambda phase: phase.total)


def phases(architecture: Architecture, training: Training, prepared: Prepared) -> Iterator[Phase]:
    """Loss on the way back; the layer that keeps most, taken back first or last; the embeddings' gradient; the optimizer's step."""
    style, tokens = prepared.style, training.batch * training.seq
    trainer, optimizer = TRAINERS[training.trainer], OPTIMIZERS[training.optimizer]
    gradients = part_of(2 * prepared.trained if training.zero else prepared.trained_bytes, shares(training).gradients)
    before = gradients if training.grad_accum > 1 else 0  # left there by the micro-batch before
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
    ends = activations.head_bytes(architecture, style) * tokens
    chunked = training.chunked_loss or trainer.chunks_loss
    at_once = min(tokens, activations.CHUNK) if chunked else tokens
    logits = activations.logit_bytes(architecture, training) * at_once
    head = (
        2 * architecture.vocab_size * architecture.hidden_size
        if prepared.tied_gradient or style is activations.Style.FULL
        else 0
    )
    in_loss = before or (head if chunked else 0)
    yield Phase(N_("loss, on the way back"), in_loss, kept + ends, logits, prepared.head_copy, in_ram)
    yield Phase(
        N_("loss, on the way there"),
        in_loss,
        kept + ends,
        logits * 10 // 12,
        prepared.head_copy + prepared.autocast_copies,
        in_ram,
    )
    experts = 4 * prepared.adapted_experts  # FP32 product of both adapters of a layer's experts
    one = (back if training.checkpointing else back - min(per_layer)) * tokens
    first = before or (gradients if prepared.adapters else head)
    yield Phase(N_("last layer, on the way back"), first, kept + one, 0, prepared.unpacked + experts, in_ram)
    rest = images + input_bytes * tokens if training.checkpointing else 0
    yield Phase(N_("first layer, on the way back"), gradients, rest + back * tokens, 0, prepared.unpacked + experts, 0)
    yield Phase(
        N_("embeddings, on the way back"),
        gradients,
        images,
        0,
        prepared.tied_gradient * (4 if style is activations.Style.FULL_FP32 else 2),
        0,
    )
    step = _step(training, prepared, optimizer, trainer)
    yield Phase(N_("optimizer step"), gradients, 0, 0, step + optimizer.step_of_largest * 4 * prepared.largest, 0)


def _step(training: Training, prepared: Prepared, optimizer: Optimizer, trainer: Trainer) -> int:
    """Bytes of an optimizer step's temporaries.

    DeepSpeed's fused AdamW needs none, but ZeRO 1 and 2 flatten the gradients once in 16 bits and once in FP32 before it, ZeRO 3 in FP32, a billion
    at a time (sub_group_size).
    """
    if training.zero:
        mine = part_of(prepared.trained, shares(training).states)
        return 4 * min(mine, 1_000_000_000) if training.zero == 3 else 6 * mine
    return optimizer.step * trainer.step_copies * part_of(prepared.trained_bytes, shares(training).states)
