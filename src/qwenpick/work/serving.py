"""What the person wants to run: serving (context, sequences, cache format, engine options)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

CACHE_BITS = {  # bits per element of a key or value, block scales included
    "f32": 32.0, "f16": 16.0, "bf16": 16.0, "fp8": 8.0, "q8_0": 8.5, "q5_1": 6.0, "q5_0": 5.5, "q4_1": 5.0, "q4_0": 4.5, "iq4_nl": 4.5,
}  # fmt: skip
_CACHE_NAMES = {
    "fp16": "f16",
    "fp32": "f32",
    "16bit": "f16",
    "8bit": "q8_0",
    "4bit": "q4_0",
    "auto": "f16",
    "fp8_e4m3": "fp8",
    "fp8_e5m2": "fp8",
}


@dataclass(frozen=True, slots=True)
class KvCache:
    """The formats of cached keys and values, apart (llama.cpp's -ctk and -ctv)."""

    k: str = "f16"
    v: str = "f16"

    def __str__(self) -> str:
        return self.k if self.k == self.v else f"{self.k}/{self.v}"


@dataclass(frozen=True, slots=True)
class Serving:
    """`sequences` at once of up to `context` tokens each. `options` are the engine's own flags, by the engine's own names.

    `image_tokens` is the largest number of image or video tokens of one request, `audio_seconds` its longest sound; 0 for text.
    """

    context: int
    sequences: int = 1
    kv_cache: KvCache = KvCache()
    options: Mapping[str, object] = field(default_factory=dict)
    image_tokens: int = 0
    audio_seconds: float = 0.0

    def __hash__(self) -> int:
        return hash((self.context, self.sequences, self.kv_cache, self.image_tokens, self.audio_seconds))


@dataclass(frozen=True, slots=True)
class Training:
    """Fine-tuning: `batch` sequences of `seq` tokens on each of `gpus` GPUs at a time, `grad_accum` times before each optimizer step.

    `method` is full, lora or qlora. `target` is all-linear or attention. `precision` is bf16 (weights, gradients and states too), fp16-mixed or
    fp32. `zero` is DeepSpeed's stage and `offload` what it keeps in RAM: none, optimizer or parameters. `chunked_loss` stands for Liger and the
    like: the logits of all tokens never exist at once. `trainer` is torch (a plain loop with PEFT), transformers, trl, llama-factory, ms-swift,
    unsloth or qwen-1.
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
    fsdp: bool = False
    chunked_loss: bool = False
    attention: str = "sdpa"
    gpus: int = 1
    trainer: str = "transformers"
    train_vision: bool = False
    train_embeddings: bool = False
    image_tokens: int = 0


def parse_cache(text: str) -> KvCache:
    """The cache formats that `q8_0` or `q8_0/q4_0` (keys/values) name. Raises QwenpickError with the nearest one."""
    k, _unused, v = text.strip().casefold().partition("/")
    names = [_CACHE_NAMES.get(name, name) for name in (k, v or k)]
    for name in names:
        if name not in CACHE_BITS:
            raise QwenpickError(
                _(
                    "there is no cache format '{name}'{near} (known: {known})",
                    name=name,
                    near=did_you_mean(name, CACHE_BITS),
                    known=", ".join(CACHE_BITS),
                )
            )
    return KvCache(*names)
