"""Seconds to read a prompt: matrix FLOP, attention FLOP, launches, and weights that cross PCIe or are read from RAM."""

from __future__ import annotations

from collections.abc import Sequence

from qwenpick.speed.efficiency import CHUNK, decode_constants, prefill_constants
from qwenpick.speed.stages import Stage
from qwenpick.speed.traffic import Attention, Traffic


def prompt_seconds(
    engine: str,
    weights: Traffic,
    per_sequence: Attention,
    prompt: int,
    depth: int,
    chunk: int | None,
    parts: Sequence[Stage],
) -> float:
    """Seconds to read `prompt` tokens after `depth` cached ones, in batches of `chunk` (None: the engine's default)."""
    size = min(prompt, chunk or CHUNK[engine])
    batches = -(-prompt // size)
    return sum(_stage_seconds(engine, weights, per_sequence, prompt, depth, size, batches, stage) for stage in parts)


def _stage_seconds(
    engine: str,
    weights: Traffic,
    per_sequence: Attention,
    prompt: int,
    depth: int,
    size: int,
    batches: int,
    stage: Stage,
) -> float:
    place = stage.place
    p, d = prefill_constants(engine, place.kind), decode_constants(engine, place.kind)
    rate, bandwidth = place.rate * stage.ways, place.bandwidth * stage.ways
    dense = 2 * prompt * stage.layers * weights.dense_elements / (rate * p.dense)
    experts = 2 * prompt * stage.experts * weights.expert_elements * weights.chosen / weights.of / (rate * p.experts)
    read = (
        batches
        * (
            stage.layers * weights.dense / d.weights
            + stage.experts * weights.experts * weights.touched(size) / d.weights
        )
        / bandwidth
    )
    # every prompt token attends to the cached ones and, on average, to half of the prompt
    attended = prompt * (depth + prompt / 2)
    if per_sequence.budget:
        attended = prompt * min(depth + prompt / 2, per_sequence.budget)
    attend = stage.layers * per_sequence.flops * attended / (rate * p.attention)
    return max(dense + experts, read) + attend + batches * weights.layers * stage.layers * p.layer
