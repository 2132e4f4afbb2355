"""What vLLM holds as weights: the loaded parts, fused and cut over ranks, as torch's allocator rounds them, and the rope tables."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.catalog.schema import Architecture, FullAttention
from qwenpick.memory.quantization import stored_bytes
from qwenpick.memory.quantization.recipes import draft_bytes
from qwenpick.units import MIB
from qwenpick.work.placement import Cut
from qwenpick.work.sharding import Shard, shards, stage_layers

if TYPE_CHECKING:
    from qwenpick.catalog import Checkpoint, Model
    from qwenpick.runtimes.vllm.settings import Settings

NOT_LOADED = ("talker", "token2wav", "code2wav")  # vLLM serves the thinker of an Omni model
# max_position_embeddings of configs that say more than the context that the card speaks of: the rope table has a row for each
POSITIONS = {"qwen2_5_vl": 128_000}
PARTIAL_ROPE = 0.25  # partial_rotary_factor of every hybrid's config (Qwen3-Next, 3.5, 3.8-Flash-Next)
# types whose positions count images: rotary_embedding/mrope.py keeps four times the rows
MULTIMODAL_ROPE = ("qwen2_vl", "qwen2_5_vl", "qwen2_5_omni", "qwen3_vl", "qwen3_omni", "qwen3_5", "qwen4_exp")
# From 0.32 on those whose positions never pass their tokens keep them once: models/qwen3_vl.py mrope_positions_factor (0.33 on an H200: Qwen3.5-9B
# 16.71 GiB, 16.80 before)
ROPE_ONCE, MULTIMODAL_ROPE_ONCE = (0, 32), ("qwen3_vl", "qwen3_5", "qwen4_exp")
# Marlin spreads block scales over rows, 2 bytes per 128 columns: 1/64 of the quantized elements (Qwen3.5-35B-A3B-FP8 on an A100: 34.71 GiB)
MARLIN_COLUMNS = 64
# Symmetric GPTQ needs no zero points once it is repacked for Marlin or Machete: their share of what 16 bits would take more, 0.5 or 1 byte a group
ZERO_POINTS = {"gptq-int4": 0.5 / 128 / (1.5 - 2.5 / 128), "gptq-int8": 1 / 128 / (1 - 3 / 128)}
ONLINE_FP8 = "fp8-online"  # quantization="fp8" over 16-bit weights: one scale per tensor


def rounded(size: int) -> int:
    """Bytes that torch's caching allocator counts for a tensor: an unsplittable rest of at most 1 MiB goes with it.

    c10/cuda/CUDACachingAllocator.cpp: from 10 MiB up a segment is a multiple of 2 MiB; smaller tensors share segments of 20 MiB.

    >>> rounded(95 * MIB) // MIB, rounded(24 * MIB + 512 * 1024) / MIB
    (96, 24.5)
    """
    if size >= 10 * MIB:
        segment = -(-size // (2 * MIB)) * 2 * MIB
        return segment if segment - size <= MIB else size
    if size > MIB:
        fitting = 20 * MIB // size
        rest = 20 * MIB - fitting * size
        return size + (rest // fitting if rest <= MIB else 0)
    return -(-size // 512) * 512


@lru_cache(maxsize=8192)
def stage_weights(
    architecture: Architecture, format_name: str, cut: Cut, parts: tuple[str, ...]
) -> tuple[tuple[tuple[str, int], ...], ...]:
    """For each pipeline stage, (part, bytes) on every one of its ranks.

    Experts are spread over all copies: fused_moe/config.py, flatten_tp_across_dp.
    """
    found, stages = shards(architecture, format_name, cut.tensor, cut.tensor * cut.data), cut.pipeline
    return tuple(
        tuple(
            (part, sum(_stage_bytes(s, layers, stage, stages, architecture) for s in found if s.part == part))
            for part in parts
        )
        for stage, layers in enumerate(stage_layers(architecture.num_layers, stages, cut.stage_layers))
    )


def _stage_bytes(shard: Shard, layers: range, stage: int, stages: int, architecture: Architecture) -> int:
    """Bytes of a shard on one pipeline stage: embeddings and towers lie on the first, the head and MTP block on the last."""
    if shard.layers:
        return rounded(shard.bytes) * sum(map(layers.__contains__, shard.layers))
    first, last = stage == 0, stage == stages - 1
    if shard.name == "token_embd":
        return rounded(shard.bytes) if first or (last and architecture.tied_embeddings) else 0
    on_last = shard.name in ("output", "output_norm") or shard.part == "mtp"
    return rounded(shard.bytes) if (last if on_last else first) else 0


@lru_cache(maxsize=1024)
def around_layers(architecture: Architecture, format_name: str, cut: Cut) -> tuple[int, ...]:
    """For each pipeline stage, bytes of the language model outside its layers on every rank: embeddings, head and last norm."""
    found = [
        s
        for s in shards(architecture, format_name, cut.tensor, cut.tensor * cut.data)
        if s.part == "text" and not s.layers
    ]
    stages = stage_layers(architecture.num_layers, cut.pipeline, cut.stage_layers)
    return tuple(
        sum(_stage_bytes(s, layers, stage, cut.pipeline, architecture) for s in found)
        for stage, layers in enumerate(stages)
    )


def loaded_parts(architecture: Architecture, chosen: Settings) -> tuple[str, ...]:
    """The parts that vLLM loads: the language model, its towers unless told not to, MTP only to speculate with."""
    parts = ["text", *(e.name for e in architecture.extras if e.name not in NOT_LOADED)]
    if chosen.speculative_tokens and architecture.mtp_layers and not chosen.drafter:
        parts.append("mtp")
    if chosen.multimodal:
        parts += [name for name, tower in (("vision", architecture.vision), ("audio", architecture.audio)) if tower]
    return tuple(parts)


def rope_bytes(model: Model | None, architecture: Architecture, version: tuple[int, ...] = (0, 26)) -> int:
    """The table of cosines and sines that all layers share: positions x rotary dimensions x 2 bytes.

    Qwen3.5-27B: 262,144 x 4 positions x 256 x 0.25 dimensions x 2 = 128 MiB, from 0.32 on 32 MiB.
    """
    positions = max(
        model.context.native if model and model.context else 32768, POSITIONS.get(architecture.model_type, 0)
    )
    once = version >= ROPE_ONCE and architecture.model_type.startswith(MULTIMODAL_ROPE_ONCE)
    if architecture.model_type.startswith(MULTIMODAL_ROPE) and not once:
        positions *= 4
    return int(positions * architecture.attention.head_dim * (PARTIAL_ROPE if architecture.is_hybrid else 1)) * 2


def deepstack_bytes(architecture: Architecture, chosen: Settings) -> int:
    """Buffers of the image features that deeper layers are given: levels x batched tokens x hidden x 2 bytes, on the first stage.

    vLLM 0.26 models/qwen3_vl.py deepstack_input_embeds. Qwen3-VL-8B, 8,192 tokens: 3 x 64 MiB.
    """
    if architecture.vision is None or not chosen.multimodal:
        return 0
    return len(architecture.vision.deepstack_layers) * chosen.batched_tokens * architecture.hidden_size * 2


def selection_bytes(architecture: Architecture, chosen: Settings, layers: range, last: bool) -> int:
    """Buffers of the tokens that an indexer selects: in each of its layers, batched tokens x (budget + compress_ratio) x 4 bytes, on every rank.

    vLLM models/qwen4_exp/nvidia/qsa.py, September 2026: topk_indices_buffer. They are there from the start, as the weights are.
    """
    held = [architecture.layer_list[i] for i in layers]
    indexers = [layer.indexer for layer in held if isinstance(layer, FullAttention) and layer.indexer]
    if not indexers:
        return 0
    own = chosen.speculative_tokens and last and not chosen.drafter
    count = len(indexers) + (architecture.mtp_layers if own else 0)
    return count * chosen.batched_tokens * (indexers[0].budget + indexers[0].compress_ratio) * 4


def weights(
    architecture: Architecture, checkpoint: Checkpoint, chosen: Settings, cut: Cut
) -> tuple[tuple[tuple[str, int], ...], ...]:
    """For each pipeline stage, (part, bytes) on each rank; a checkpoint's measured size, where it is known, wins over the formula."""
    name, parts = loaded_format(checkpoint, chosen), loaded_parts(architecture, chosen)
    by_stage = stage_weights(architecture, name, cut, parts)
    if chosen.whole_tower and cut.tensor > 1 and chosen.multimodal:
        whole = stage_weights(architecture, name, Cut(1, cut.pipeline, 1, False, cut.stage_layers), ("vision",))
        towers = [dict(stage) for stage in whole]
        by_stage = tuple(
            tuple((part, towers[i].get(part, size)) for part, size in stage) for i, stage in enumerate(by_stage)
        )
    change = 1 / MARLIN_COLUMNS if name == "fp8" and chosen.marlin else -ZERO_POINTS.get(name, 0.0)
    if change:  # in proportion to what quantization saved, which is what it applies to
        plain = stage_weights(architecture, "bf16", cut, parts)
        by_stage = tuple(
            tuple(
                (part, size + int((wide - size) * change)) for (part, size), (_, wide) in zip(stage, wider, strict=True)
            )
            for stage, wider in zip(by_stage, plain, strict=True)
        )
    if checkpoint.bytes is None or name == ONLINE_FP8:
        return by_stage
    return scaled(by_stage, architecture, checkpoint, name)


def scaled(
    by_stage: tuple[tuple[tuple[str, int], ...], ...], architecture: Architecture, checkpoint: Checkpoint, name: str
) -> tuple[tuple[tuple[str, int], ...], ...]:
    """The same, with the language model as large as the measured bytes leave it beside towers and MTP block.

    Towers are as they are in every format; so is the block, but where the repository's method is known to quantize it.
    """
    text, whole = stored_bytes(architecture, name, parts=frozenset({"text"})), stored_bytes(architecture, name)
    usual = stored_bytes(architecture, name, parts=frozenset({"mtp"}))
    known = draft_bytes(architecture, name, checkpoint.repo)
    block = usual if known is None else known
    share = {
        "text": max(0.0, ((checkpoint.bytes or whole) - (whole - text - usual + block)) / text),
        "mtp": block / usual if usual else 1.0,
    }
    return tuple(tuple((part, int(size * share.get(part, 1.0))) for part, size in stage) for stage in by_stage)


def loaded_format(checkpoint: Checkpoint, chosen: Settings) -> str:
    """The format in memory: FP8 made on load from 16-bit weights has one scale per tensor, not one per block."""
    return ONLINE_FP8 if chosen.online_fp8 and checkpoint.format in {"bf16", "fp16", "fp32"} else checkpoint.format
