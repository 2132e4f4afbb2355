"""What the measured constants of data/speed.json mean."""

from __future__ import annotations

import math

from qwenpick.values import dataclass

WIDEST = 1.4 / 0.6  # high / low of the widest range that is told: 40 % to both sides


@dataclass(frozen=True, slots=True)
class Decode:
    """One step of generation on an (engine, device class).

    `token`, `layer`, `linear`, `moe` are seconds: per step, per layer, more per delta-net layer, more per MoE layer. `weights`, `experts`,
    `cache` are the shares of the bandwidth that dense weights, scattered experts and the KV cache get. `unpack` is how many times as long as
    the vector rate says llama.cpp's kernels take to unpack weights. `further` is what each further token of a step adds, as a share of what one
    takes for the weights that all of them share: little where the kernels multiply a few columns at once, nearly all of it where they do not.
    """

    token: float
    layer: float
    linear: float
    moe: float
    weights: float
    experts: float
    cache: float
    unpack: float
    further: float


@dataclass(frozen=True, slots=True)
class Prefill:
    """Reading a prompt on an (engine, device class).

    `dense`, `experts`, `attention` are the shares of the matrix rate; `layer` is seconds per layer and batch of prompt tokens; `scan` is how
    many times a delta-net state could be read and written while one token passes it (chunks share the work). `half` is how fast llama.cpp
    multiplies 16-bit weights beside quantized ones.
    """

    dense: float
    experts: float
    attention: float
    layer: float
    scan: float
    half: float


@dataclass(frozen=True, slots=True)
class Common:
    """What does not depend on the device class.

    `accepted` is the chance that a draft of the MTP block is right, given that the one before was. `nvlink_exchange` and `pcie_exchange` are
    seconds of one small all-reduce between two cards: two a layer, and log2(cards) times that. `quantized_cache` is how much longer llama.cpp
    takes per byte of a quantized cache. `further` is the share of the unpacking that each further token of a step costs. `eager_layer` is
    seconds a layer that the host takes to issue kernels without captured graphs. `vulkan_bf16` is how many times as long as their bytes say
    llama.cpp's Vulkan backend takes for BF16 weights.
    """

    accepted: float
    nvlink_exchange: float
    pcie_exchange: float
    quantized_cache: float
    eager_layer: float
    vulkan_bf16: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Measured / predicted: the narrowest range that 85 % of rows fall in whose source was left out of the fit, at most WIDEST wide.

    `rows` rows of `sources` sources; `held` is the share of them that the range holds. `error` is the median |predicted / measured - 1| of the fit,
    `left_out` that of rows whose source it did not see.
    """

    low: float
    high: float
    rows: int = 0
    sources: int = 0
    held: float = 0.0
    error: float = 0.0
    left_out: float = 0.0

    def widened(self, other: Spread) -> Spread:
        """The range that holds both, or what of it is WIDEST wide about its middle."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        if high <= WIDEST * low:
            return Spread(low, high)
        middle = math.sqrt(low * high)
        return Spread(middle / math.sqrt(WIDEST), middle * math.sqrt(WIDEST))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """|predicted / measured - 1| over all local engines' rows, each as constants have it that were fitted without its source."""

    rows: int
    median: float
    p90: float
