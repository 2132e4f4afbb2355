"""QLoRA: 4-bit weights made on load (NF4) or read from a GPTQ or AWQ repository, and adapters beside them."""

from __future__ import annotations

from dataclasses import replace

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.runtimes.transformers.weights import ON_LOAD
from qwenpick.training import lora
from qwenpick.training.activations import Style
from qwenpick.training.prepared import Prepared, base_bytes, base_weights, largest_linear
from qwenpick.training.trainers import habits
from qwenpick.training.unsloth_files import kept
from qwenpick.work.serving import Training

READ_FROM = "peft 0.21.2 utils/other.py prepare_model_for_kbit_training, bitsandbytes 0.50.2, trl 1.16.0"
FORMATS = ("nf4", "int8", "gptq-int4", "gptq-int8", "awq-int4")


def prepare(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> Prepared:
    """As LoRA, on quantized weights. k-bit preparation casts all that is not quantized to FP32: embeddings, lm_head, norms, fused experts.

    It leaves GPTQ and AWQ models as they are. TRL keeps the adapters in bf16, the others in FP32.
    """
    trainer = habits(training)
    found = lora.prepare(architecture, training, checkpoint)
    if experts_quantized(architecture, training, checkpoint):
        found = replace(found, base=found.base - _saved(architecture, checkpoint))
    elif architecture.is_moe and checkpoint.format not in ON_LOAD:
        # AWQ and GPTQ of fused experts (compressed-tensors) are unpacked for training
        found = replace(found, base=base_bytes(architecture, Checkpoint(format="bf16")))
    if own := kept(checkpoint.repo):
        found = replace(found, base=found.base + round(own * (2 - NF4)))
    upcasts = trainer.kbit_upcast or (trainer.upcast_in_fp16 and training.precision == "fp16-mixed")
    cast = upcasts and checkpoint.format in ON_LOAD
    narrower = (
        found.adapters * trainer.adapters // lora.ADAPTER_WIDTH if checkpoint.format in ON_LOAD else found.adapters
    )
    upcast = 0
    if cast:
        quantized = experts_quantized(architecture, training, checkpoint)
        plain = [
            t
            for t, size in base_weights(architecture, checkpoint)
            if size >= t.elements * 2 and not (quantized and t.role.endswith("_exps"))
        ]
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


# a bf16 weight's bytes after NF4 with double quantization: half a byte, and scales of 8 bits a block of 64 with one of 32 bits for 256 of those
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)


def experts_quantized(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> bool:
    """Whether the experts are in 4 bits: Unsloth packs fused ones; elsewhere transformers below 5, where the model is in it, has linear ones."""
    if not architecture.is_moe or checkpoint.format != "nf4":
        return False
    return habits(training).experts_in_4_bits or architecture.model_type in lora.LINEAR_EXPERTS


def _saved(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes by which experts in NF4 are smaller than as they would be loaded."""
    experts = [(t, size) for t, size in base_weights(architecture, checkpoint) if t.role.endswith("_exps")]
    return sum(max(0, size - round(t.elements * NF4)) for t, size in experts)
