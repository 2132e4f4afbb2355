"""mlx-lm on Apple silicon: unified memory, weights as the file holds them, a cache that grows in steps, prompts in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from qwenpick.catalog.formats import MLX_BITS
from qwenpick.i18n import N_, _
from qwenpick.memory.account import Memory, Part, gpu
from qwenpick.memory.account import memory as gather
from qwenpick.memory.cache import kv_bytes, state_bytes
from qwenpick.memory.quantization import stored_bytes
from qwenpick.runtimes.given import read
from qwenpick.runtimes.mlx.options import Options
from qwenpick.runtimes.mlx.packages import package_of
from qwenpick.runtimes.mlx.prompt import activation_bytes, largest_buffer, logits_bytes, score_bytes
from qwenpick.units import format_bytes
from qwenpick.work.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.serving import Serving

NAME = "mlx"
TITLE = "MLX"
READ_FROM = "mlx-lm 0.32.2: generate.py, models/cache.py, models/qwen3_moe.py; mlx 0.32.2: fast.cpp; mlx-vlm 0.7.10: models/qwen4_exp"
FORMATS = ("mlx-bf16", "mlx-8bit", "mlx-6bit", "mlx-5bit", "mlx-4bit", "mlx-3bit", "mlx-5bit-g32", "mlx-4bit-g32")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("mlx-bf16",), "8bit": ("mlx-8bit",), "6bit": ("mlx-6bit",), "5bit": ("mlx-5bit",), "4bit": ("mlx-4bit",), "3bit": ("mlx-3bit",),
}  # fmt: skip

CACHE_STEP = 256  # mlx_lm/models/cache.py KVCache.step: tokens that a layer's cache grows by
# Layers whose scores may be alive at once for moments: MLX issues work ahead of the GPU (transforms.cpp). Peaks that were reported hold one
# (mlx-lm#1480, omlx#2025, omlx#1018), on machines with room
AHEAD = 2
TABLE = "ngram-table"  # Flash-Next's: mlx_vlm/models/qwen4_exp/ple_storage.py maps its rows from disk where they are 4 bits in groups of 32
TABLE_GROUP = 32


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why mlx-lm would not run this there, as a sentence; None if it would (memory aside)."""
    if checkpoint.format not in FORMATS:
        return _("mlx-lm loads MLX weights, not {format}", format=checkpoint.format)
    if not placement.devices:
        return _("mlx-lm needs the GPU of an Apple silicon Mac")
    for device in placement.devices:
        if device.vendor != "apple":
            return _("mlx-lm runs on Apple silicon, not on {name}", name=device.name)
    images = work.image_tokens > 0 or work.audio_seconds > 0
    if package_of(architecture, images=images) is None:
        return _(
            "neither mlx-lm nor mlx-vlm has a class for {model_type} models of this kind",
            model_type=architecture.model_type,
        )
    return _too_large_a_buffer(architecture, work, placement.devices[0])


def _too_large_a_buffer(architecture: Architecture, work: Serving, device: Device) -> str | None:
    """Why Metal would refuse a prompt's scores, which are one buffer of all sequences; None if it would not."""
    most, step = largest_buffer(device), read(Options, work.options).prefill_step_size
    needed = work.sequences * score_bytes(architecture, min(work.context, step), work.context, work, device)
    if most is None or needed <= most:
        return None
    smaller = next((size for size in (1024, 512, 256, 128, 64) if size < step and needed * size <= most * step), None)
    return _(
        "a prompt's attention scores are one buffer of {needed}, and Metal gives {most} at most on {name}{way}",
        needed=format_bytes(needed),
        most=format_bytes(most),
        name=device.name,
        way=_(": -o prefill_step_size={size} makes it smaller", size=smaller) if smaller else "",
    )


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
    held = weight_bytes(architecture, checkpoint, work, with_towers=work.image_tokens > 0 or work.audio_seconds > 0)
    n = work.sequences
    scores = score_bytes(architecture, chunk, kept, work, placement.devices[0] if placement.devices else None)
    dim = architecture.attention.head_dim
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
        Part("logits", n * logits_bytes(architecture, chunk), where, N_("rows x vocabulary x 2 bytes"), "compute"),
        Part(
            "activations",
            n * activation_bytes(architecture, chunk),
            where,
            N_("{chunk} prompt tokens", chunk=chunk),
            "compute",
        ),
        Part(
            "attention scores",
            n * scores,
            where,
            N_(
                "heads x {chunk} prompt tokens x {context} x 2 bytes: no fused kernel for head_dim {head_dim}",
                chunk=chunk,
                context=kept,
                head_dim=dim,
            ),
            "compute",
        ),
        Part(
            "attention mask",
            chunk * kept if scores else 0,
            where,
            N_("{chunk} x {context} x 1 byte", chunk=chunk, context=kept),
            "compute",
        ),
    ]
    ahead = N_("scores of the next layers, issued before those of the last one are free")
    return gather(parts, [Part("scores ahead", (AHEAD - 1) * n * scores, where, ahead, "surge")])


def weight_bytes(architecture: Architecture, checkpoint: Checkpoint, work: Serving, *, with_towers: bool) -> int:
    """Bytes of the language model, and of its towers where images or sound are read (mlx-vlm): mlx-lm drops them, MTP blocks and talkers."""
    if checkpoint.bytes is not None:
        return checkpoint.bytes
    parts = {"text", "vision", "audio"} if with_towers else {"text"}
    parts |= {e.name for e in architecture.extras if e.name not in {"talker", "token2wav", "code2wav", TABLE}}
    held = stored_bytes(architecture, checkpoint.format, parts=frozenset(parts))
    return held if table_on_disk(checkpoint.format, work) else held + table_bytes(architecture, checkpoint.format)


def table_bytes(architecture: Architecture, format_name: str) -> int:
    """Bytes of an n-gram table as an embedding of the file: its bits with a scale and a bias of 16 bits per 32 elements, or 16 bits."""
    bits = MLX_BITS[format_name]
    wide = bits + 32 / TABLE_GROUP if bits < 16 else 16
    return round(sum(e.parameters for e in architecture.extras if e.name == TABLE) * wide / 8)


def table_on_disk(format_name: str, work: Serving) -> bool:
    """Whether the rows of the n-gram table are read from disk: as asked, else where mlx-vlm can, which is in 4 bits."""
    return (read(Options, work.options).ple_storage or ("disk" if MLX_BITS[format_name] == 4 else "memory")) == "disk"


def cache_bytes(architecture: Architecture, tokens: int, work: Serving) -> int:
    """Bytes of one sequence's cache: 16 bits, or kv_bits with a scale and a bias of 16 bits per group."""
    plain = kv_bytes(architecture, tokens)
    said = read(Options, work.options)
    return plain if said.kv_bits is None else round(plain * (said.kv_bits + 32 / said.kv_group_size) / 16)


__all__ = [
    "FAMILIES", "FORMATS", "NAME", "READ_FROM", "TITLE", "activation_bytes", "budget", "cache_bytes", "logits_bytes", "memory", "placements",
    "refusal", "weight_bytes",
]  # fmt: skip
