"""Measured efficiency per engine and device class: the few constants that turn bytes and FLOP into seconds. `tools/fit_speed.py` prints them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from qwenpick.speed.devices import Class


@dataclass(frozen=True, slots=True)
class Decode:
    """One step of generation. `token`, `layer`, `linear`, `moe` are seconds: per step, per layer, more per delta-net layer, more per MoE layer.

    `weights`, `experts`, `cache` are the shares of the bandwidth that dense weights, scattered experts and the KV cache get.
    """

    token: float
    layer: float
    linear: float
    moe: float
    weights: float
    experts: float
    cache: float


@dataclass(frozen=True, slots=True)
class Prefill:
    """Reading a prompt. `dense`, `experts`, `attention` are the shares of the matrix rate; `layer` is seconds per layer and batch of prompt tokens."""

    dense: float
    experts: float
    attention: float
    layer: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Measured / predicted: the 5th and 95th percentile over the rows that the constants were fitted on, models left out in turn."""

    low: float
    high: float


MICROSECOND = 1e-6

DECODE: dict[tuple[str, Class], Decode] = {
    ("llamacpp", "hbm"): Decode(200e-6, 40e-6, 10e-6, 30e-6, 0.90, 0.5, 0.45),
    ("llamacpp", "ampere"): Decode(200e-6, 30e-6, 10e-6, 30e-6, 0.85, 0.5, 0.45),
    ("llamacpp", "ada"): Decode(200e-6, 30e-6, 10e-6, 30e-6, 0.85, 0.5, 0.45),
    ("llamacpp", "blackwell"): Decode(200e-6, 30e-6, 10e-6, 30e-6, 0.80, 0.5, 0.45),
    ("llamacpp", "apple"): Decode(300e-6, 150e-6, 80e-6, 50e-6, 0.85, 0.5, 0.15),
    ("llamacpp", "amd-apu"): Decode(300e-6, 40e-6, 20e-6, 30e-6, 0.80, 0.6, 0.4),
    ("llamacpp", "cpu"): Decode(500e-6, 100e-6, 50e-6, 50e-6, 0.75, 0.6, 0.5),
    ("vllm", "hbm"): Decode(500e-6, 35e-6, 20e-6, 30e-6, 0.90, 0.6, 0.6),
    ("mlx", "apple"): Decode(500e-6, 40e-6, 20e-6, 30e-6, 0.85, 0.6, 0.4),
}
DEFAULT_DECODE = Decode(300e-6, 40e-6, 20e-6, 40e-6, 0.75, 0.5, 0.4)

PREFILL: dict[tuple[str, Class], Prefill] = {
    ("llamacpp", "cpu"): Prefill(0.3, 0.2, 0.1, 0.0),
    ("llamacpp", "apple"): Prefill(0.5, 0.3, 0.3, 50e-6),
}
DEFAULT_PREFILL = Prefill(0.35, 0.2, 0.2, 50e-6)

DECODE_SPREAD: dict[tuple[str, Class], Spread] = {}
PREFILL_SPREAD: dict[tuple[str, Class], Spread] = {}
DEFAULT_DECODE_SPREAD = Spread(0.6, 1.5)
DEFAULT_PREFILL_SPREAD = Spread(0.4, 2.0)

# Vector operations that llama.cpp's mat-vec kernels spend per weight, by GGUF type family: fitted where the vector rate is the limit (H200).
DEQUANTIZE: dict[str, float] = {"Q2": 19, "Q3": 24, "IQ": 24, "Q4": 14, "Q5": 12, "Q6": 18, "Q8": 8, "MXFP4": 14}

QUANTIZED_CACHE = 3.5  # times as long per byte as a 16-bit cache: llama.cpp b11434 on H200, Qwen3-8B at 32k: 111 tok/s with q8_0, 160 with f16
MAT_VEC_TOKENS = 8  # ggml-cuda's MMVQ_MAX_BATCH_SIZE: up to so many tokens each unpack the weights anew

EAGER = ("transformers",)  # engines that issue every kernel from Python
EAGER_LAYER = 480e-6  # seconds a layer: vLLM 0.26 on H200 with enforce_eager, Qwen3-0.6B 66 and Qwen3-8B 59 tok/s
COMMUNICATION = 12e-6  # seconds of one small all-reduce; two a layer
ACCEPTED = 0.75  # chance that a draft of the MTP block is right, given that the one before was

# Prompt tokens per batch by default: llama.cpp's n_ubatch, mlx-lm's prefill_step_size, vLLM's and SGLang's budget on large GPUs
CHUNK = {"llamacpp": 512, "ollama": 512, "mlx": 2048, "vllm": 8192, "sglang": 8192, "transformers": 1 << 20}


def _engine(name: str) -> str:
    return "llamacpp" if name == "ollama" else name


@lru_cache(maxsize=256)
def decode_constants(engine: str, kind: Class) -> Decode:
    """The decode constants of an engine on a device class; the engine-independent ones where nothing was measured."""
    return DECODE.get((_engine(engine), kind)) or DECODE.get(("llamacpp", kind)) or DEFAULT_DECODE


@lru_cache(maxsize=256)
def prefill_constants(engine: str, kind: Class) -> Prefill:
    """The prefill constants of an engine on a device class."""
    return PREFILL.get((_engine(engine), kind)) or PREFILL.get(("llamacpp", kind)) or DEFAULT_PREFILL


@lru_cache(maxsize=256)
def dequantize_operations(format_name: str) -> float:
    """Vector operations per weight for a GGUF format; 0 for formats that run without unpacking."""
    name = format_name.upper().removeprefix("UD-")
    return next((operations for start, operations in DEQUANTIZE.items() if name.startswith(start)), 0.0)
