"""Freeze tuning: the last layers are trained whole, the others, the embeddings and lm_head stay as they are."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.memory.tensors import parameters, tensors
from qwenpick.training.activations import Style
from qwenpick.training.prepared import Prepared, base_bytes
from qwenpick.training.trainers import keeps_fp32
from qwenpick.work.serving import Training

READ_FROM = "llamafactory 0.9.5 model/adapter.py _setup_freeze_tuning, model/model_utils/checkpointing.py"
FORMATS = ("bf16", "fp16", "fp32")
LAYERS = 2  # freeze_trainable_layers of llamafactory 0.9.5 hparams/finetuning_args.py


def prepare(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> Prepared:
    """The weights as they are. LLaMA-Factory keeps the trained layers in FP32, and gradients stop below them.

    A loop with PEFT's way of checkpointing (inputs that require gradients) goes back through all layers, as measured.
    """
    ours = training.trainer == "torch"
    layers = layers_of(architecture, training)
    trained = trained_weights(architecture, layers)
    in_fp32 = keeps_fp32(training)
    width = 4 if in_fp32 else 2
    return Prepared(
        style=Style.FULL,
        base=base_bytes(architecture, checkpoint) + (width - 2) * trained,
        trained=trained,
        trained_bytes=trained * width,
        largest=max(_each(architecture, architecture.num_layers - 1)),
        autocast_copies=2 * trained if in_fp32 else 0,
        whole=parameters(architecture),
        head=architecture.vocab_size * architecture.hidden_size,
        reached=None if ours else layers,
    )


def layers_of(architecture: Architecture, training: Training) -> int:
    """How many of the last layers are trained."""
    return min(training.layers or LAYERS, architecture.num_layers)


def trained_weights(architecture: Architecture, layers: int) -> int:
    """Weights of the last `layers` layers."""
    count = architecture.num_layers
    return sum(sum(_each(architecture, index)) for index in range(count - layers, count))


def _each(architecture: Architecture, index: int) -> tuple[int, ...]:
    """Weights of every tensor of one layer."""
    return tuple(t.elements // t.count for t in tensors(architecture) if t.part == "text" and index in t.layers)
