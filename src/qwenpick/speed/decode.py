"""Seconds of one generation step: launches, weights over bandwidth, unpacking, cache and state."""

from __future__ import annotations

from collections.abc import Sequence

from qwenpick.speed.efficiency import QUANTIZED_CACHE, decode_constants, dequantize_operations, prefill_constants
from qwenpick.speed.stages import Stage
from qwenpick.speed.traffic import Attention, Traffic, cache_bytes_per_element
from qwenpick.workload import KvCache

COMMUNICATION = 12e-6  # seconds of one small all-reduce over NVLink or PCIe peer access; two a layer


def step_seconds(
    engine: str,
    format_name: str,
    weights: Traffic,
    per_sequence: Attention,
    cache: KvCache,
    depth: float,
    sequences: int,
    parts: Sequence[Stage],
) -> float:
    """Seconds to generate one token for each of `sequences` sequences that hold `depth` tokens: the stages run one after another."""
    return sum(
        _stage_seconds(engine, format_name, weights, per_sequence, cache, depth, sequences, stage) for stage in parts
    )


def _stage_seconds(
    engine: str,
    format_name: str,
    weights: Traffic,
    per_sequence: Attention,
    cache: KvCache,
    depth: float,
    sequences: int,
    stage: Stage,
) -> float:
    place = stage.place
    c = decode_constants(engine, place.kind)
    bandwidth = place.bandwidth * stage.ways
    launches = (
        c.token * stage.output
        + stage.layers * (weights.layers * c.layer + weights.linear_layers * c.linear)
        + stage.experts * (weights.layers * c.moe if weights.experts else 0.0)
    )
    # bytes: dense weights once a step, of the experts those that any sequence's token picks
    dense = (stage.layers * weights.dense + stage.output * weights.output) / (bandwidth * c.weights)
    experts = stage.experts * weights.experts * weights.touched(sequences) / (bandwidth * c.experts)
    elements = (
        stage.layers * weights.dense_elements
        + stage.output * weights.output_elements
        + stage.experts * weights.expert_elements * weights.chosen / weights.of
    )
    unpack = 0.0
    if place.vector and engine in ("llamacpp", "ollama"):
        unpack = elements * dequantize_operations(format_name) * min(sequences, 4) / (place.vector * stage.ways)
    p = prefill_constants(engine, place.kind)
    compute = 2 * elements * sequences / (place.rate * stage.ways * (p.experts if weights.experts else p.dense))
    cached = per_sequence.cache_elements(depth) * cache_bytes_per_element(cache)
    if engine in ("llamacpp", "ollama") and cache.k not in ("f16", "bf16", "f32"):
        cached *= QUANTIZED_CACHE
    history = stage.layers * sequences * (cached / (bandwidth * c.cache) + per_sequence.state / (bandwidth * c.weights))
    exchange = 2 * stage.layers * weights.layers * COMMUNICATION if stage.ways > 1 else 0.0
    return launches + max(dense + experts + unpack, compute) + history + exchange
