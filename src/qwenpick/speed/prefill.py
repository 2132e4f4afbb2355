"""Seconds to read a prompt: matrix FLOP, attention FLOP, launches, and weights that are read from RAM or cross PCIe."""

from __future__ import annotations

from collections.abc import Sequence

from qwenpick.speed import measured
from qwenpick.speed.decode import Load
from qwenpick.speed.efficiency import decode_constants, prefill_constants
from qwenpick.speed.stages import Stage


def prompt_seconds(load: Load, prompt: int, cached: int, chunk: int, parts: Sequence[Stage]) -> float:
    """Seconds to read `prompt` tokens after `cached` ones, in batches of `chunk`."""
    size = min(prompt, chunk)
    batches = -(-prompt // size)
    gpu = parts[0] if parts[0].place.kind != "cpu" else None
    return sum(
        min(
            _stage_seconds(load, prompt, cached, size, batches, stage),
            _borrowed_seconds(load, prompt, cached, size, batches, stage, gpu)
            if gpu and stage.place.kind == "cpu"
            else float("inf"),
        )
        for stage in parts
    )


def _stage_seconds(load: Load, prompt: int, cached: int, size: int, batches: int, stage: Stage) -> float:
    weights, place = load.weights, stage.place
    p, d = prefill_constants(load.engine, place.kind), decode_constants(load.engine, place.kind)
    rate, bandwidth = place.rate * stage.ways, place.bandwidth * stage.ways
    dense = 2 * prompt * stage.layers * weights.dense_elements / (load.rate(place, p.dense) * stage.ways)
    experts = (
        2
        * prompt
        * stage.experts
        * weights.expert_elements
        * weights.chosen
        / weights.of
        / (load.rate(place, p.experts) * stage.ways)
    )
    read = (
        batches
        * (stage.layers * weights.dense + stage.experts * weights.experts * weights.touched(size))
        / (bandwidth * d.weights)
    )
    # each prompt token attends to the cached ones and, on average, to half of the prompt
    attended = cached + prompt / 2
    if load.attention.budget:
        attended = min(attended, load.attention.budget)
    attend = stage.layers * load.attention.flops * prompt * attended / (rate * p.attention)
    scan = stage.layers * prompt * load.attention.state / (bandwidth * p.scan)
    layer = max(p.layer, measured.COMMON.eager_layer) if load.eager else p.layer
    return max(dense + experts, read) + attend + scan + batches * weights.layers * stage.layers * layer


def _borrowed_seconds(load: Load, prompt: int, cached: int, size: int, batches: int, stage: Stage, gpu: Stage) -> float:
    """Seconds when the GPU does the work of a stage in RAM: every batch its weights cross the link (llama.cpp's op offload)."""
    weights = load.weights
    moved = stage.layers * weights.dense + stage.experts * weights.experts * weights.touched(size)
    there = Stage(gpu.place, stage.layers, stage.experts, 0.0)
    return batches * moved / gpu.place.link + _stage_seconds(load, prompt, cached, size, batches, there)
