"""LoRA: frozen 16-bit weights, and adapters in FP32 beside every linear layer (or those of attention)."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.memory.tensors import parameters, tensors
from qwenpick.training import dora
from qwenpick.training.activations import Style
from qwenpick.training.adapters import adapter_weights, touches_mlp
from qwenpick.training.prepared import Prepared, base_bytes, embedding_weights, states_in_32_bits
from qwenpick.work.serving import Training

READ_FROM = "peft 0.21.2 tuners/lora/layer.py, utils/other.py"
FORMATS = ("bf16", "fp16", "fp32")
ADAPTER_WIDTH = 4  # autocast_adapter_dtype=True casts 16-bit adapters to FP32


def prepare(architecture: Architecture, training: Training, checkpoint: Checkpoint) -> Prepared:
    """The weights as they are, and the adapters; trained embeddings are 16-bit copies beside the frozen ones (modules_to_save).

    The reference of DPO, KTO and GRPO is the same model with its adapters switched off.
    """
    base = base_bytes(architecture, checkpoint)
    adapters = adapter_weights(
        architecture,
        training.rank,
        target_of(training),
        vision=training.train_vision,
        experts=experts_of(architecture, training),
    )
    magnitudes = dora.magnitudes(architecture, training.target) if training.dora else 0
    adapters += magnitudes
    copies = embedding_weights(architecture) if training.train_embeddings else 0
    width = 2 if narrow_adapters(training) else ADAPTER_WIDTH
    return Prepared(
        style=Style.QLORA if width == 2 else Style.LORA,
        base=base,
        trained=adapters + copies,
        trained_bytes=adapters * width + copies * 2,
        largest=max(
            copies // (1 if architecture.tied_embeddings else 2), training.rank * max(architecture.hidden_size, 1)
        ),
        adapters=adapters * width + copies * 2,
        wide_states=states_in_32_bits(architecture, training),
        adapted_experts=adapted_experts(architecture, training),
        whole=parameters(architecture),
        head=architecture.vocab_size * architecture.hidden_size,
        head_trained=training.train_embeddings,
        magnitudes=magnitudes,
    )


def narrow_adapters(training: Training) -> bool:
    """Whether adapters stay in 16 bits: under ZeRO 3, which gathers one type at a time (trl 1.16.0), and in Sentence Transformers."""
    return (
        training.zero == 3
        or training.trainer == "sentence-transformers"
        or (
            training.fsdp and training.trainer == "torch"  # a unit of FSDP 2 in a plain loop is of one type
        )
    )


def adapted_experts(architecture: Architecture, training: Training) -> int:
    """Weights of one layer's experts if they are adapted: their product with the adapter is made as a whole, layer by layer."""
    if not touches_mlp(training.target) or experts_of(architecture, training) != "fused":
        return 0
    return sum(t.elements // t.count for t in tensors(architecture) if t.part == "text" and t.role.endswith("_exps"))


# transformers 4.57's experts are linear layers, which bitsandbytes quantizes
LINEAR_EXPERTS = ("qwen2_moe", "qwen3_moe", "qwen3_next")
# they name linear layers (find_all_linear_modules, find_all_linears): fused experts are none
BY_NAME = ("llama-factory", "ms-swift")


# what Unsloth's notebooks and our launch adapt: attention and MLP, no delta net, no router
UNSLOTH_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def target_of(training: Training) -> str:
    """The target as its trainer reads it."""
    return (
        ",".join(UNSLOTH_LINEAR)
        if training.trainer == "unsloth" and training.target == "all-linear"
        else training.target
    )


def experts_of(architecture: Architecture, training: Training) -> str:
    """As what a mixture's experts are adapted: fused (peft 0.19 and newer), linear (4-bit, transformers below 5; Unsloth) or none."""
    if training.method == "qlora" and (training.trainer == "unsloth" or architecture.model_type in LINEAR_EXPERTS):
        return "linear"
    return "none" if training.trainer in BY_NAME else "fused"
