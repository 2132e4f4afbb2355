"""Seconds to read a prompt: matrix FLOP, attention FLOP, launches, and weights that are read from RAM or cross PCIe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from qwenpick.speed.decode import Load, Shares
from qwenpick.speed.devices import Class, Place
from qwenpick.speed.efficiency import decode_constants, prefill_constants
from qwenpick.speed.measured import measured
from qwenpick.speed.stages import Stage
from qwenpick.values import dataclass

EXCHANGED = 2 * 4  # bytes an element of a token: after attention and after the MLP, in 32 bits (ggml-backend-meta.cpp)
UNFUSED_PASSES = 6  # over the scores: a product that writes them, a mask and a softmax that read and write them, a product that reads them


def prompt_seconds(load: Load, prompt: int, cached: int, chunk: int, parts: Sequence[Stage], prompts: int = 1) -> float:
    """Seconds to read `prompts` prompts of `prompt` tokens, each after `cached` ones, in batches of `chunk` that they share."""
    gpu = parts[0].place if parts[0].place.kind != "cpu" else None
    each = list[float]()
    for stage in parts:
        seconds = reading_on(load, prompt, cached, chunk, stage.place.kind, prompts).seconds(stage)
        if gpu and stage.place.kind == "cpu":
            seconds = min(seconds, reading_on(load, prompt, cached, chunk, gpu.kind, prompts).borrowed(stage, gpu))
        each.append(seconds)
    if not _in_line(load, parts):
        return sum(each)
    batches = -(-prompts * prompt // chunk)
    return (sum(each) + (batches - 1) * max(each)) / batches


def _in_line(load: Load, parts: Sequence[Stage]) -> bool:
    """Whether stages work at once, each on another batch: llama.cpp's pipeline parallelism, with every layer on a GPU and GPUs that hold layers.

    llama-context.cpp asks for more than one device, --split-mode layer, all layers on devices and no tensor placed by hand (b11434). Read so far:
    2x RTX 3060 556 tokens/s at 512 and 870 at 4,096; 2x R9700 1,092 and 1,605; 2x MI25 over Vulkan 103 and, at 2,048, 158.
    """
    return load.is_ggml and len(parts) > 1 and all(s.place.kind != "cpu" and s.ways == 1 for s in parts)


@dataclass(frozen=True, slots=True)
class Reading:
    """A prompt read by the whole model on one kind of device, before the rates of one device are known.

    `compute` FLOP of the weights and `read` bytes of them, whichever takes longer; `attend` FLOP of attention by the 16-bit rate, `scan` bytes of
    the delta nets' states and of scores that lie in memory, and `launches` seconds, of all layers. Each is over the share of the
    rate that is reached, but for `read`: its share is `reached`. `exchanged` are bytes of all layers' results that ranks of llama.cpp add up.
    """

    compute: Shares
    read: Shares
    reached: float
    attend: float
    scan: float
    launches: float
    integers: bool
    exchanged: float

    def seconds(self, stage: Stage) -> float:
        """Seconds on one stage."""
        place, ways = stage.place, stage.ways
        bandwidth, rate = place.bandwidth * ways, place.rate * ways
        multiplied = (place.int8 or place.rate) * ways if self.integers else rate
        weights = max(self.compute.of(stage) / multiplied, self.read.of(stage) / (bandwidth * self.reached))
        exchange = self.exchanged * 2 * (ways - 1) / ways / place.link  # each rank sends and gets its share twice
        return weights + stage.layers * (self.attend / rate + self.scan / bandwidth + self.launches + exchange)

    def borrowed(self, stage: Stage, gpu: Place) -> float:
        """Seconds when the GPU does the work of a stage in RAM: every batch its weights cross the link (llama.cpp's op offload)."""
        there = Stage(gpu, stage.layers, stage.experts, 0.0)
        return self.read.of(there) / gpu.link + self.seconds(there)


@lru_cache(maxsize=4096)
def reading_on(load: Load, prompt: int, cached: int, chunk: int, kind: Class, prompts: int = 1) -> Reading:
    """The reading of `prompts` prompts of `prompt` tokens, each after `cached` ones, in batches of `chunk`, on a kind of device."""
    weights, tokens = load.weights, prompts * prompt
    size = min(tokens, chunk)
    batches = -(-tokens // size)
    p, d = prefill_constants(load.engine, kind), decode_constants(load.engine, kind)
    routed = weights.expert_elements * weights.chosen / weights.of
    # each prompt token attends to the cached ones and, on average, to half of the prompt
    attended = cached + prompt / 2
    if load.attention.budget:
        attended = min(attended, load.attention.budget)
    # scores of a prompt that MLX multiplies without a fused kernel: written, masked, normalized and read, 2 bytes each
    scores = UNFUSED_PASSES * 2 * load.attention.wide_scores * tokens * attended if load.engine == "mlx" else 0.0
    layer = max(p.layer, measured().common.eager_layer) if load.eager else p.layer
    slowed = load.slowed(kind)
    on_cpu = load.on_cpu(tokens, attended, batches, batches) if load.attends(kind) == "cpu" else 0.0
    return Reading(
        compute=Shares(
            2 * tokens * weights.dense_elements / (p.dense * slowed), 2 * tokens * routed / (p.experts * slowed), 0.0
        ),
        read=Shares(batches * weights.dense, batches * weights.experts * weights.touched(size), 0.0),
        reached=d.weights,
        attend=0.0 if on_cpu else load.attention.flops * tokens * attended / p.attention,
        scan=tokens * load.attention.state / p.scan + scores,
        launches=batches * weights.layers * layer + on_cpu,
        integers=load.is_ggml,
        exchanged=EXCHANGED * prompt * weights.layers * weights.hidden if load.is_ggml else 0.0,
    )
