"""Seconds of one generation step: launches, weights over bandwidth, unpacking, cache and state; and what speculation makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qwenpick.speed import measured
from qwenpick.speed.devices import Place
from qwenpick.speed.efficiency import (
    EAGER,
    MAT_VEC_TOKENS,
    decode_constants,
    format_share,
    prefill_constants,
    unpack_operations,
)
from qwenpick.speed.stages import Stage
from qwenpick.speed.traffic import Attention, Traffic, cache_bytes_per_element
from qwenpick.workload import KvCache


@dataclass(frozen=True, slots=True)
class Load:
    """What generates: the engine, the weights in their format, and what a sequence adds. `eager` is without captured graphs."""

    engine: str
    format: str
    weights: Traffic
    attention: Attention
    cache: KvCache
    eager: bool = False

    def rate(self, place: Place, share: float) -> float:
        """FLOP/s of matrix products there, `share` being the measured share of the unit that runs them."""
        slower = measured.COMMON.vulkan_bf16 if place.by_vulkan and self.format == "BF16" else 1.0
        if not self.is_ggml:
            return place.rate * share
        half = prefill_constants(self.engine, place.kind).half if self.format in ("BF16", "F16", "F32") else 1.0
        return (place.int8 or place.rate) * share * half / slower

    @property
    def is_ggml(self) -> bool:
        """Whether llama.cpp's kernels run it."""
        return self.engine in ("llamacpp", "ollama")


def token_seconds(load: Load, depth: float, sequences: int, drafts: int, parts: Sequence[Stage]) -> float:
    """Seconds per generated token of each of `sequences` sequences that hold `depth` tokens.

    With `drafts` > 0 the MTP block proposes that many tokens a step, one after another, and the model checks them at once.
    """
    step = sum(_stage_seconds(load, depth, sequences, 1 + drafts, stage) for stage in parts)
    if not drafts:
        return step
    draft = sum(_draft_seconds(load, stage) for stage in parts)
    return (step + drafts * draft) / accepted_tokens(drafts)


def accepted_tokens(drafts: int) -> float:
    """Tokens a step yields when each draft is right with probability p given the one before: 1 + p + p^2 + …"""
    return float(sum(measured.COMMON.accepted**i for i in range(drafts + 1)))


def _stage_seconds(load: Load, depth: float, sequences: int, tokens: int, stage: Stage) -> float:
    """Seconds of one step on one stage: `tokens` of each sequence pass through at once, the layers one after another."""
    weights, place = load.weights, stage.place
    c, p = decode_constants(load.engine, place.kind), prefill_constants(load.engine, place.kind)
    bandwidth, rows = place.bandwidth * stage.ways, sequences * tokens
    launches = (
        c.token * stage.output
        + stage.layers * (weights.layers * c.layer + weights.linear_layers * c.linear)
        + stage.experts * (weights.layers * c.moe if weights.experts else 0.0)
    )
    # dense weights are read once a step; of the experts those that any token picks
    share = 1 / measured.COMMON.vulkan_bf16 if place.by_vulkan and load.format == "BF16" else format_share(load.format)
    dense = (stage.layers * weights.dense / share + stage.output * weights.output) / (bandwidth * c.weights)
    experts = stage.experts * weights.experts * weights.touched(rows) / (bandwidth * c.experts * share)
    elements = (
        stage.layers * weights.dense_elements
        + stage.output * weights.output_elements
        + stage.experts * weights.expert_elements * weights.chosen / weights.of
    )
    unpack = 0.0
    if place.vector and load.is_ggml:
        unpack = c.unpack * elements * unpack_operations(load.format) / (place.vector * stage.ways)
        unpack *= 1 + measured.COMMON.further * (min(rows, MAT_VEC_TOKENS) - 1)
    compute = 2 * elements * rows / (load.rate(place, p.experts if weights.experts else p.dense) * stage.ways)
    cached = load.attention.cache_elements(depth) * cache_bytes_per_element(load.cache)
    if load.is_ggml and load.cache.k not in ("f16", "bf16", "f32"):
        cached *= measured.COMMON.quantized_cache
    pieces = min(stage.ways, load.attention.kv_heads)
    history = (
        stage.layers
        * sequences
        * (cached / (c.cache * pieces) + load.attention.state / (c.weights * stage.ways))
        / place.bandwidth
    )
    each = measured.COMMON.nvlink_exchange if place.nvlink else measured.COMMON.pcie_exchange
    exchange = 2 * stage.layers * weights.layers * each * math.log2(stage.ways)
    work = max(dense + experts + unpack, compute) + history + exchange
    if (
        load.eager or load.engine in EAGER
    ):  # the host issues kernels one by one: the slower of host and device sets the pace
        host = c.layer * measured.HOST.get(load.format, 1.0) if load.engine in EAGER else measured.COMMON.eager_layer
        return max(work, stage.layers * weights.layers * host)
    return work + launches


def _draft_seconds(load: Load, stage: Stage) -> float:
    """Seconds of one draft: the MTP block, about one layer of the model, and the output head."""
    weights, c = load.weights, decode_constants(load.engine, stage.place.kind)
    layer = (
        stage.layers * weights.dense + stage.experts * weights.experts * weights.chosen / weights.of
    ) / weights.layers
    read = (layer + stage.output * weights.output) / (stage.place.bandwidth * stage.ways * c.weights)
    return read + stage.output * (c.token + 2 * c.layer)
