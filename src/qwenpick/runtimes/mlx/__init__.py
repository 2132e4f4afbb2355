"""mlx-lm on Apple silicon: unified memory, weights as the file holds them, a cache that grows in steps, prompts in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from qwenpick.catalog.schema import DenseMlp, MoeMlp
from qwenpick.i18n import N_, _
from qwenpick.memory.account import Memory, Part, gpu
from qwenpick.memory.account import memory as gather
from qwenpick.memory.cache import conv_state_elements, kv_bytes, ssm_state_elements
from qwenpick.memory.quantization import stored_bytes
from qwenpick.runtimes.given import read
from qwenpick.runtimes.mlx.options import Options
from qwenpick.work.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.serving import Serving

NAME = "mlx"
TITLE = "MLX"
READ_FROM = "mlx-lm 0.32.2: generate.py, models/cache.py, models/qwen3_moe.py; generate.py of 0.28.2"
FORMATS = ("mlx-bf16", "mlx-8bit", "mlx-6bit", "mlx-5bit", "mlx-4bit", "mlx-3bit", "mlx-5bit-g32", "mlx-4bit-g32")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("mlx-bf16",), "8bit": ("mlx-8bit",), "6bit": ("mlx-6bit",), "5bit": ("mlx-5bit",), "4bit": ("mlx-4bit",), "3bit": ("mlx-3bit",),
}  # fmt: skip

NOT_SERVED = (
    "qwen2_audio",
    "qwen2_5_omni",
    "qwen3_asr",
    "qwen3_tts",
)  # no file of that name in mlx_lm/models or mlx_vlm/models
CACHE_STEP = 256  # mlx_lm/models/cache.py KVCache.step: tokens that a layer's cache grows by
ALL_LOGITS_UP_TO = (
    0,
    28,
)  # until then the last prompt chunk computed logits of all its tokens; later only the last token's
ELEMENT = 2  # bytes of a 16-bit activation
STREAMS = 5.5  # hidden-sized buffers alive at the end of a chunk: measured, Qwen3-4B at 2,048 tokens, 3 to 16 bits


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why mlx-lm would not run this there, as a sentence; None if it would (memory aside)."""
    if checkpoint.format not in FORMATS:
        return _("mlx-lm loads MLX weights, not {format}", format=checkpoint.format)
    if not placement.devices:
        return _("mlx-lm needs the GPU of an Apple silicon Mac")
    for device in placement.devices:
        if device.vendor != "apple":
            return _("mlx-lm runs on Apple silicon, not on {name}", name=device.name)
    if architecture.model_type in NOT_SERVED or (
        architecture.model_type == "qwen" and (architecture.vision or architecture.audio)
    ):
        return _(
            "neither mlx-lm nor mlx-vlm has a class for {model_type} models of this kind",
            model_type=architecture.model_type,
        )
    return None


def placements(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterator[Placement]:
    """Each Apple GPU by itself."""
    return (Placement((device,)) for device in machine.devices if device.vendor == "apple")


def budget(device: Device, work: Serving) -> int | None:
    """Bytes MLX may wire: the device's working set (Metal's recommendedMaxWorkingSetSize), or what of it is free."""
    if device.total is None:
        return None
    return device.total if device.free is None else min(device.total, device.free)


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What the GPU's share of memory must hold at the peak of a prompt of `context` tokens."""
    said = read(Options, work.options)
    where = gpu(0)
    kept = min(work.context, said.max_kv_size or work.context)
    rows = -(-kept // CACHE_STEP) * CACHE_STEP
    chunk = min(work.context, said.prefill_step_size)
    held = weight_bytes(architecture, checkpoint, with_towers=work.image_tokens > 0 or work.audio_seconds > 0)
    n = work.sequences
    parts = [
        Part("weights", held, where, N_("tensors in {format}", format=checkpoint.format), "weights"),
        Part(
            "kv cache",
            n * cache_bytes(architecture, rows, work),
            where,
            N_("{n} x {rows} tokens, in steps of {cache_step}", n=n, rows=rows, cache_step=CACHE_STEP),
            "kv cache",
        ),
        Part("delta-net states", n * state_bytes(architecture), where, N_("{n} sequences", n=n), "state"),
        Part(
            "logits", n * logits_bytes(architecture, chunk, work), where, N_("rows x vocabulary x 2 bytes"), "compute"
        ),
        Part(
            "activations",
            n * activation_bytes(architecture, chunk),
            where,
            N_("{chunk} prompt tokens", chunk=chunk),
            "compute",
        ),
    ]
    return gather(parts)


def weight_bytes(architecture: Architecture, checkpoint: Checkpoint, *, with_towers: bool) -> int:
    """Bytes of the language model, and of its towers where images or sound are read (mlx-vlm): mlx-lm drops them, MTP blocks and talkers."""
    if checkpoint.bytes is not None:
        return checkpoint.bytes
    parts = {"text", "vision", "audio"} if with_towers else {"text"}
    parts |= {e.name for e in architecture.extras if e.name not in {"talker", "token2wav", "code2wav"}}
    return stored_bytes(architecture, checkpoint.format, parts=frozenset(parts))


def cache_bytes(architecture: Architecture, tokens: int, work: Serving) -> int:
    """Bytes of one sequence's cache: 16 bits, or kv_bits with a scale and a bias of 16 bits per group."""
    plain = kv_bytes(architecture, tokens)
    said = read(Options, work.options)
    return plain if said.kv_bits is None else round(plain * (said.kv_bits + 32 / said.kv_group_size) / 16)


def state_bytes(architecture: Architecture) -> int:
    """Bytes of one sequence's delta-net states: the convolution's in 16 bits, the recurrent one in FP32 (models/gated_delta.py)."""
    return conv_state_elements(architecture) * 2 + ssm_state_elements(architecture) * 4


def logits_bytes(architecture: Architecture, chunk: int, work: Serving) -> int:
    """Bytes of the prompt's logits: every token of the last chunk up to mlx-lm 0.28, one row from then on."""
    rows = chunk if read(Options, work.options).release[:2] <= ALL_LOGITS_UP_TO else 1
    return rows * architecture.vocab_size * ELEMENT


def activation_bytes(architecture: Architecture, chunk: int) -> int:
    """Bytes alive at the peak of a chunk: hidden-sized streams, and for a MoE each token's experts' inputs and outputs."""
    match architecture.mlp:
        case DenseMlp():
            experts = 0
        case MoeMlp(experts_per_token=chosen):
            experts = 2 * chosen * architecture.hidden_size
    return int(chunk * ELEMENT * (STREAMS * architecture.hidden_size + experts))


__all__ = [
    "FAMILIES", "FORMATS", "NAME", "READ_FROM", "TITLE", "activation_bytes", "budget", "cache_bytes", "logits_bytes", "memory", "placements",
    "refusal", "state_bytes", "weight_bytes",
]  # fmt: skip
