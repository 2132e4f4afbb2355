"""The moments of a training step at which memory can be highest, and which of them is."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, LinearAttention
from qwenpick.training import activations, dora, towers
from qwenpick.training.loss import Loss, loss
from qwenpick.training.prepared import Prepared
from qwenpick.training.trainers import habits
from qwenpick.values import dataclass
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
    """Bytes of activations: `kept` from forward to backward, the `ends`, one whole layer on the `back`way, its input; `sensed` is what
    towers keep of pictures and sound, and causal masks; `in_ram` what lies in RAM."""

    kept: int
    ends: int
    back: int
    last: int
    rest: int
    sensed: int
    in_ram: int
    loss: Loss


def alive(architecture: Architecture, training: Training, prepared: Prepared, room: int | None = None) -> Alive:
    """What the tokens of one micro-step keep alive; `room` is what is free on the GPU before it."""
    style, tokens, trainer = prepared.style, training.tokens, habits(training)
    if training.mini_batch:  # cached negatives: only a small batch has its activations at a time
        tokens = min(tokens, training.mini_batch * training.seq)
    at_once = tokens // 2 if training.objective == "embedding" else tokens  # anchors and positives go through apart
    of_dora = dora.SAVED * prepared.magnitudes // architecture.num_layers
    temporary = dora.workspace(architecture, training.target, at_once) if prepared.magnitudes else 0
    layers = {id(layer): layer for layer in architecture.layer_list}  # comparing them would take longer than the sums
    sizes = {
        key: activations.layer_bytes(architecture, layer, training, style) + of_dora for key, layer in layers.items()
    }
    per_layer = [sizes[id(layer)] for layer in architecture.layer_list][-(prepared.reached or 0) :]
    square, bias = activations.mask_bytes(architecture, training)
    biases = {key: 0 if isinstance(layer, LinearAttention) else bias for key, layer in layers.items()}
    back = max(
        sizes[key] * at_once
        + biases[key]
        + max(temporary, activations.backward_bytes(architecture, layer, style) * at_once)
        for key, layer in layers.items()
    )
    sensed = training.batch * (towers.image_bytes(architecture, training) + towers.audio_bytes(architecture, training))
    input_bytes = activations.checkpoint_bytes(architecture, style)
    sensed += square
    kept = (len(per_layer) * input_bytes if training.checkpointing else sum(per_layer)) * tokens
    kept += 0 if training.checkpointing else sum(biases[id(layer)] for layer in architecture.layer_list)
    in_ram = kept if training.checkpointing and trainer.checkpoints_in_ram else 0
    kept += sensed - in_ram
    if prepared.int8:
        kept += tokens * sum(
            activations.int8_inputs(architecture, layer, training, style) for layer in architecture.layer_list
        )
    return Alive(
        kept=kept,
        ends=activations.head_bytes(architecture, style) * tokens,
        back=back,
        last=back if training.checkpointing else back - min(per_layer) * at_once,
        rest=sensed + input_bytes * tokens if training.checkpointing else 0,
        sensed=sensed,
        in_ram=in_ram,
        loss=loss(architecture, training, prepared, tokens, room),
    )
