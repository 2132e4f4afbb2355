"""What the person wants to run: serving (context, sequences, cache format, engine options)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from qwenpick.memory.cache import F16, KvCache
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Serving:
    """`sequences` at once of up to `context` tokens each. `options` are the engine's own flags, by the engine's own names.

    `image_tokens` is the largest number of image or video tokens of one request, `audio_seconds` its longest sound; 0 for text.
    """

    context: int
    sequences: int = 1
    kv_cache: KvCache = F16
    options: Mapping[str, object] = field(default_factory=dict)
    image_tokens: int = 0
    audio_seconds: float = 0.0

    def __hash__(self) -> int:
        return hash((self.context, self.sequences, self.kv_cache, self.image_tokens, self.audio_seconds))


@dataclass(frozen=True, slots=True)
class Training:
    """Fine-tuning: `batch` sequences of `seq` tokens on each of `gpus` GPUs at a time, `grad_accum` times before each optimizer step.

    `method` is what is trained: full, lora, qlora or freeze (the last `layers` layers). `dora` is LoRA with magnitudes, `fla`
    flash-linear-attention for delta nets. `objective` is what for: sft, dpo, orpo, kto, grpo, reward, embedding or rerank. `target` is all-linear,
    attention, or names of matrices with commas between. `precision` is bf16, pure-bf16, fp16-mixed or fp32. `zero` is DeepSpeed's stage and
    `offload` what is kept in RAM: none, optimizer or parameters; nvme: both on a disk; `pin_memory` is DeepSpeed's. `segments` is torch's allocator
    with expandable_segments. `chunked_loss` stands for Liger and the like: the logits of all tokens never exist at once. `sequence_parallel` is
    over how many GPUs each sequence is divided. `average_seq` is the data's average length where `seq` is only the cap; `packing` fills every
    sequence. `reference` says whether a frozen copy lies beside the trained model (None: as the trainer does by default). `image_tokens` are those
    of a sequence's pictures, which `images` of `image_size` (width, height), videos of so many `frames`, are made to; `audio_seconds` is its sound.
    `nodes` is over how many boxes its GPUs are, `epochs` how often the data is read. `trainer` is torch (a plain loop with PEFT), transformers, trl,
    llama-factory, ms-swift, sentence-transformers, unsloth or qwen-1; `trainer_version` its release (None: the newest that was read).
    """

    method: str = "lora"
    seq: int = 2048
    batch: int = 1
    grad_accum: int = 1
    rank: int = 16
    target: str = "all-linear"
    optimizer: str = "adamw"
    precision: str = "bf16"
    checkpointing: bool = True
    zero: int = 0
    offload: str = "none"
    pin_memory: bool = True
    segments: bool = False
    fsdp: bool = False
    chunked_loss: bool = False
    attention: str = "sdpa"
    gpus: int = 1
    trainer: str = "transformers"
    trainer_version: str | None = None
    train_vision: bool = False
    train_embeddings: bool = False
    dora: bool = False
    layers: int | None = None
    fla: bool = False
    image_tokens: int = 0
    audio_seconds: float = 0.0
    image_size: tuple[int, int] | None = None
    images: int = 1
    frames: int = 1
    objective: str = "sft"
    sequence_parallel: int = 1
    average_seq: int | None = None
    packing: bool = False
    reference: bool | None = None
    mini_batch: int | None = None
    nodes: int = 1
    epochs: int = 1

    @property
    def weights_away(self) -> bool:
        """Whether weights are offloaded, not the optimizer alone."""
        return self.offload in ("parameters", "nvme")

    @property
    def tokens(self) -> int:
        """Tokens that one GPU holds at a time: pairs count twice, a divided sequence by its share."""
        texts = {"dpo": 2, "orpo": 2, "reward": 2, "embedding": 2}.get(self.objective, 1)
        if self.objective == "rerank" and self.trainer == "ms-swift":
            texts = 8  # one that answers and seven that do not: MAX_NEGATIVE_SAMPLES of ms-swift 4.6.0 template/base.py
        return -(-self.batch * texts * self.seq // self.sequence_parallel)
