"""Full fine-tuning: every weight of the language model is trained, the vision tower's only if asked for."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.memory.tensors import parameters
from qwenpick.training.activations import Style
from qwenpick.training.objectives import has_reference
from qwenpick.training.prepared import Prepared, base_bytes, largest_matrix, states_in_32_bits, trained_parameters
from qwenpick.training.sharding import masters
from qwenpick.training.trainers import keeps_fp32
from qwenpick.work.serving import Training

READ_FROM = "transformers 5.17.0 trainer.py, torch 2.11.0 optim/adamw.py, llamafactory 0.9.5 model/adapter.py"
FORMATS = ("bf16", "fp16", "fp32")


def prepare(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> Prepared:
    """Weights in bf16 as loaded, or in FP32 under autocast: with `precision` fp32 or fp16-mixed, and by LLaMA-Factory without ZeRO
    (but with pure-bf16).

    FSDP's are FP32 wherever accelerate's mixed precision is on. DPO, KTO and GRPO with a penalty keep a frozen copy beside them.
    """
    half_by_zero = training.zero and training.precision == "bf16"
    in_fp32 = keeps_fp32(training) and not half_by_zero
    # FSDP and DeepSpeed cast what they gather themselves
    autocast = in_fp32 and not training.zero and not training.fsdp
    width = 4 if autocast or masters(training) else 2
    source = Checkpoint(format="bf16") if checkpoint.format == "fp32" else checkpoint
    base = base_bytes(architecture, source)
    trained = trained_parameters(architecture, training)
    frozen = parameters(architecture) - trained
    if width == 4:
        base = 2 * base - 2 * frozen
    return Prepared(
        style=Style.FULL_FP32 if autocast else Style.FULL,
        base=base,
        trained=trained,
        trained_bytes=trained * width,
        largest=largest_matrix(architecture),
        tied_gradient=2 * architecture.vocab_size * architecture.hidden_size if architecture.tied_embeddings else 0,
        head_copy=2 * architecture.vocab_size * architecture.hidden_size if autocast else 0,
        autocast_copies=2 * trained if autocast else 0,
        wide_states=states_in_32_bits(architecture, training),
        whole=parameters(architecture),
        head=architecture.vocab_size * architecture.hidden_size,
        head_trained=True,
        reference=base_bytes(architecture, source) if has_reference(training) else 0,
    )
