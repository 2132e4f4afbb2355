"""Seconds of one generation step: launches, weights over bandwidth, unpacking, cache and state; and what speculation makes of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from qwenpick.memory.cache import KvCache
from qwenpick.speed.cache_kernels import CPU_ATTENTION, CPU_HANDOVER, Way, way_of
from qwenpick.speed.devices import PCIE, Class, by_vulkan
from qwenpick.speed.efficiency import (
    EAGER,
    MAT_VEC_TOKENS,
    decode_constants,
    format_share,
    prefill_constants,
    unpack_operations,
)
from qwenpick.speed.flags import LATEST
from qwenpick.speed.measured import measured
from qwenpick.speed.stages import Stage
from qwenpick.speed.traffic import Attention, Traffic, cache_bytes_per_element
from qwenpick.values import dataclass

# The fit's `accepted` is of prose. Code with three drafts is 1.28 times as fast (club-3090, the middle of 47 pairs of an essay and a program on one
# server): 1 + p + p^2 + p^3 is 2.86. Derivations are guessed as well (llama.cpp pull request 22673: 0.81 of four drafts, a story's 0.48)
ACCEPTED_CODE = 0.78
HALF = ("BF16", "F16", "F32")  # GGUF formats whose weights are multiplied as they are


@dataclass(frozen=True, slots=True)
class Load:
    """What generates: the engine, the weights in their format, and what a sequence adds. `eager` is without graphs, `predictable` is code."""

    engine: str
    format: str
    weights: Traffic
    attention: Attention
    cache: KvCache
    eager: bool = False
    build: int = LATEST
    every_pair: bool = False
    predictable: bool = False

    def __hash__(self) -> int:
        # enough to tell loads apart: what a step takes is looked up by them often
        return hash((self.engine, self.format, self.weights.dense, self.weights.experts, self.cache.k, self.cache.v))

    def attends(self, kind: Class) -> Way:
        """How it attends to its cache on a class of device."""
        return way_of(self.cache, kind, self.build, every_pair=self.every_pair) if self.is_ggml else "fused"

    def on_cpu(self, queries: float, depth: float, batches: int, caches: int) -> float:
        """Seconds of attention on the CPU: its FLOP, the way there and back for every layer and batch, and `caches` over the link."""
        cached = self.attention.cache_elements(depth) * cache_bytes_per_element(self.cache)
        handed = batches * self.attention.full_layers * CPU_HANDOVER
        return self.attention.flops * queries * depth / CPU_ATTENTION + handed + caches * cached / PCIE

    def slowed(self, kind: Class) -> float:
        """The share of the matrix rate that is left by the format: llama.cpp multiplies 16-bit weights more slowly than quantized ones."""
        if not self.is_ggml or self.format not in HALF:
            return 1.0
        half = prefill_constants(self.engine, kind).half
        return half / measured().common.vulkan_bf16 if self.bf16_over_vulkan(kind) else half

    def bf16_over_vulkan(self, kind: Class) -> bool:
        """Whether llama.cpp's Vulkan backend runs BF16 weights, which takes `vulkan_bf16` times as long as their bytes say."""
        return by_vulkan(kind) and self.format == "BF16"

    @property
    def is_ggml(self) -> bool:
        """Whether llama.cpp's kernels run it."""
        return self.engine in ("llamacpp", "ollama", "lmstudio")


def token_seconds(load: Load, depth: float, sequences: int, drafts: int, parts: Sequence[Stage]) -> float:
    """Seconds per generated token of each of `sequences` sequences that hold `depth` tokens.

    With `drafts` > 0 the MTP block proposes that many tokens a step, one after another, and the model checks them at once.
    """
    step = sum(step_on(load, depth, sequences, 1 + drafts, stage.place.kind).seconds(stage) for stage in parts)
    if not drafts:
        return step
    draft = sum(_draft_seconds(load, stage) for stage in parts)
    return (step + drafts * draft) / accepted_tokens(drafts, load.predictable)


def step_bytes(load: Load, depth: float, sequences: int, stage: Stage) -> float:
    """Bytes that a stage reads in one step at the very least: its weights once, of the experts one token's, and every sequence's cache and state."""
    weights = load.weights
    read = stage.layers * weights.dense + stage.experts * weights.experts * weights.chosen / weights.of
    cached = load.attention.cache_elements(depth) * cache_bytes_per_element(load.cache) + load.attention.state
    return read + stage.output * weights.output + stage.layers * sequences * cached


def accepted_tokens(drafts: int, predictable: bool = False) -> float:
    """Tokens a step yields when each draft is right with probability p given the one before: 1 + p + p^2 + …"""
    right = max(ACCEPTED_CODE, measured().common.accepted) if predictable else measured().common.accepted
    return float(sum(right**i for i in range(drafts + 1)))


class Shares(NamedTuple):
    """What all layers without their experts, all experts, and the output head cost, each on its own."""

    layers: float
    experts: float
    output: float

    def times(self, factor: float) -> Shares:
        """So many times the cost."""
        return Shares(self.layers * factor, self.experts * factor, self.output * factor)

    def of(self, stage: Stage) -> float:
        """What the shares of a stage cost."""
        return stage.layers * self.layers + stage.experts * self.experts + stage.output * self.output


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the whole model on one kind of device, before the rates of one device are known.

    `launches` are seconds; `read` bytes of weights, `unpack` operations of the vector units and `compute` FLOP, each over the share of the rate
    that is reached; `cached` are bytes of keys and values, which tensor parallelism cuts into `pieces` at most, `state` bytes of recurrent state,
    each over its share of the bandwidth. `exchanges` are small all-reduces between cards. `host` is seconds that an eager engine's host takes to
    issue the kernels of all layers, which sets the pace where it is slower; None where graphs are captured.
    """

    launches: Shares
    read: Shares
    unpack: Shares
    compute: Shares
    integers: bool
    cached: float
    state: float
    pieces: int
    exchanges: int
    host: float | None

    def seconds(self, stage: Stage) -> float:
        """Seconds of one step on one stage: the layers run one after another."""
        place, ways = stage.place, stage.ways
        bandwidth = place.bandwidth * ways
        work = self.read.of(stage) / bandwidth
        if place.vector:
            work += self.unpack.of(stage) / (place.vector * ways)
        rate = (place.int8 or place.rate) if self.integers else place.rate
        work = max(work, self.compute.of(stage) / (rate * ways))
        work += stage.layers * (self.cached / (place.bandwidth * min(ways, self.pieces)) + self.state / bandwidth)
        if ways > 1:
            known = measured().common
            inside = known.nvlink_exchange if place.nvlink else known.pcie_exchange
            each = inside if stage.exchange is None else stage.exchange
            work += stage.layers * self.exchanges * each * math.log2(ways)
        if self.host is not None:
            return max(work, stage.layers * self.host)
        return work + self.launches.of(stage)


@lru_cache(maxsize=4096)
def step_on(load: Load, depth: float, sequences: int, tokens: int, kind: Class) -> Step:
    """A step in which `tokens` of each of `sequences` sequences, `depth` tokens long, pass at once through a model on a kind of device."""
    weights, rows = load.weights, sequences * tokens
    c, p = decode_constants(load.engine, kind), prefill_constants(load.engine, kind)
    # dense weights are read once a step; of the experts those that any token picks
    share = 1 / measured().common.vulkan_bf16 if load.bf16_over_vulkan(kind) else format_share(load.format)
    elements = Shares(
        weights.dense_elements, weights.expert_elements * weights.chosen / weights.of, weights.output_elements
    )
    unpack, again = 0.0, 1.0
    if load.is_ggml:
        unpack, again = c.unpack * unpack_operations(load.format), 1 + c.further * (min(rows, MAT_VEC_TOKENS) - 1)
    reached = (p.experts if weights.experts else p.dense) * load.slowed(kind)
    cached = load.attention.cache_elements(depth) * cache_bytes_per_element(load.cache)
    if load.is_ggml and load.cache.k not in ("f16", "bf16", "f32"):
        cached *= measured().common.quantized_cache
    way, apart = load.attends(kind), 0.0
    if way == "converted":  # written as 16 bits and read again
        cached += 4 * load.attention.cache_elements(depth)
    elif way == "cpu":
        cached, apart = 0.0, load.on_cpu(rows, depth, 1, sequences)
    host = None
    if load.eager or load.engine in EAGER:  # the host issues kernels one by one
        each = (
            c.layer * measured().host.get(load.format, 1.0) if load.engine in EAGER else measured().common.eager_layer
        )
        host = weights.layers * each
    return Step(
        launches=Shares(
            weights.layers * c.layer + weights.linear_layers * c.linear + apart,
            weights.layers * c.moe if weights.experts else 0.0,
            c.token,
        ),
        read=Shares(
            again * weights.dense / (c.weights * share),
            weights.experts * weights.touched(rows) / (c.experts * share),
            again * weights.output / c.weights,
        ),
        unpack=elements.times(unpack * again),
        compute=elements.times(2 * rows / reached),
        integers=load.is_ggml,
        cached=sequences * cached / c.cache,
        state=sequences * load.attention.state / c.weights,
        pieces=load.attention.kv_heads,
        exchanges=2 * weights.layers,
        host=host,
    )


def _draft_seconds(load: Load, stage: Stage) -> float:
    """Seconds of one draft: the MTP block, about one layer of the model, and the output head."""
    weights, c = load.weights, decode_constants(load.engine, stage.place.kind)
    layer = (
        stage.layers * weights.dense + stage.experts * weights.experts * weights.chosen / weights.of
    ) / weights.layers
    read = (layer + stage.output * weights.output) / (stage.place.bandwidth * stage.ways * c.weights)
    return read + stage.output * (c.token + 2 * c.layer)
