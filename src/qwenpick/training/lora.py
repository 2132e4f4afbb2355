"""LoRA: frozen 16-bit weights, and adapters in FP32 beside every linear layer (or those of attention)."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.memory.tensors import tensors
from qwenpick.training.activations import Style
from qwenpick.training.adapters import adapter_weights
from qwenpick.training.prepared import Prepared, base_bytes, embedding_weights, states_in_32_bits
from qwenpick.work.serving import Training

READ_FROM = "peft 0.21.2 tuners/lora/layer.py, utils/other.py"
FORMATS = ("bf16", "fp16", "fp32")
ADAPTER_WIDTH = 4  # autocast_adapter_dtype=True casts 16-bit adapters to FP32


def prepare(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> Prepared:
    """The weights as they are, and the adapters; trained embeddings are 16-bit copies beside the frozen ones (modules_to_save)."""
    base = base_bytes(architecture, checkpoint)
    adapters = adapter_weights(architecture, training.rank, training.target, vision=training.train_vision)
    copies = embedding_weights(architecture) if training.train_embeddings else 0
    return Prepared(
        style=Style.LORA,
        base=base,
        trained=adapters + copies,
        trained_bytes=adapters * ADAPTER_WIDTH + copies * 2,
        largest=max(
            copies // (1 if architecture.tied_embeddings else 2), training.rank * max(architecture.hidden_size, 1)
        ),
        adapters=adapters * ADAPTER_WIDTH + copies * 2,
        wide_states=states_in_32_bits(architecture, training),
        adapted_experts=adapted_experts(architecture, training),
    )


def adapted_experts(architecture: Architecture, training: Training) -> int:
    """Weights of one layer's experts if they are adapted: their product with the adapter is made as a whole, layer by layer."""
    if training.target == "attention":
        return 0
    return sum(t.elements // t.count for t in tensors(architecture) if t.part == "text" and t.role.endswith("_exps"))
