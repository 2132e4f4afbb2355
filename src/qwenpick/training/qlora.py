"""QLoRA: 4-bit weights made on load (NF4) or read from a GPTQ or AWQ repository, and adapters beside them."""

from __future__ import annotations

from dataclasses import replace

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.runtimes.transformers.weights import ON_LOAD
from qwenpick.training import lora
from qwenpick.training.activations import Style
from qwenpick.training.prepared import Prepared, base_weights, largest_linear
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training

READ_FROM = "peft 0.21.2 utils/other.py prepare_model_for_kbit_training, bitsandbytes 0.50.2, trl 1.16.0"
FORMATS = ("nf4", "int8", "gptq-int4", "gptq-int8", "awq-int4")


def prepare(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> Prepared:
    """As LoRA, on quantized weights. k-bit preparation casts all that is not quantized to FP32: embeddings, lm_head, norms, fused experts.

    It leaves GPTQ and AWQ models as they are. TRL keeps the adapters in bf16, the others in FP32.
    """
    trainer = TRAINERS[training.trainer]
    found = lora.prepare(architecture, training, checkpoint)
    cast = trainer.kbit_upcast and checkpoint.format in ON_LOAD
    narrower = (
        found.adapters * trainer.adapters // lora.ADAPTER_WIDTH if checkpoint.format in ON_LOAD else found.adapters
    )
    upcast = 0
    if cast:
        plain = [t for t, size in base_weights(architecture, checkpoint) if size >= t.elements * 2]
        upcast = sum(tensor.elements * 2 for tensor in plain)
    return replace(
        found,
        style=Style.QLORA_FP32 if cast else Style.QLORA,
        trained_bytes=narrower,
        adapters=narrower,
        upcast=upcast,
        head_copy=2 * architecture.vocab_size * architecture.hidden_size if cast else 0,
        int8=checkpoint.format == "int8",
        unpacked=2 * largest_linear(architecture),
    )
