"""The points of one plan for one task: quality after quantization, time to the answer, and small terms; each with its own name.

All weights are here and in docs/ranking.md. A point is a point of quality: one percent of the current tests of the task's abilities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from qwenpick.memory.account import RAM
from qwenpick.memory.cache import CACHE_BITS, KvCache
from qwenpick.memory.quantization import FORMATS
from qwenpick.recommending.effort import Effort
from qwenpick.recommending.practice import format_cost, run_cost, to_the_brim
from qwenpick.recommending.quality import Abilities, Quality, quality
from qwenpick.recommending.quantization_loss import CacheFamily, Retention, cache_retention, retention
from qwenpick.recommending.thinking import efforts_for, seconds_to_answer, seconds_wanted
from qwenpick.runtimes import ON_LLAMACPP, options_of
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Model
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.tasks import Task


@dataclass(frozen=True, slots=True)
class Weights:
    """What a preference weighs. `faster` and `slower` are points per doubling of the time saved beyond comfortable, and lost below it.

    `context` is points per doubling of the context that would fit, `smaller` per halving of the memory, beside what the task asks.
    One doubling is worth about what two abilities can differ by without it meaning anything; so speed decides where the evidence does not.
    """

    quality: float = 1.0
    faster: float = 1.5
    slower: float = 3.0
    context: float = 0.0
    smaller: float = 0.1


Prefer = Literal["balanced", "quality", "speed", "context", "small"]
PREFERENCES: Mapping[Prefer, Weights] = {
    "balanced": Weights(),
    "quality": Weights(faster=0.3, slower=1.0),
    "speed": Weights(faster=4.0, slower=8.0),
    "context": Weights(context=3.0),
    "small": Weights(smaller=5.0),
}
MOST_DOUBLINGS = 2.0  # beyond four times comfortable nobody notices
TOO_SLOW = 6.0  # points lost at once below the usable speed: it runs, but nobody would wait for it
UNUSABLE = 10.0  # and more points per halving below it
# Bytes/s of active weights that are assumed where no speed is known, by where they lie: a card slower than most, dual-channel RAM, 60 % of each.
# An unknown speed is never ranked as fast: its wait is taken to be BARELY times the longest usable one at least.
UNKNOWN_SPEED: Mapping[str, float] = {"gpu": 180e9, "gpu+experts-in-ram": 43e9, "gpu+layers-in-ram": 30e9, "cpu": 30e9}
BARELY = 1.05
TIGHT = 4.0  # the estimate's error is larger than the memory left over
MOMENTS = 1.0  # it holds with its error, and only what may come on top for moments passes the budget: a Mac compresses other programs' memory
UNCHECKED = 12.0  # weights would lie in RAM, and nobody said how much there is
EXPERIMENTAL = 8.0  # a format below the advised floor of its size
UNOFFICIAL = 5.0  # weights that others changed, or that were tuned for something beside the task
TUNED = frozenset({"safety aligned"})
MADE_ON_LOAD = 1.0  # weights that are quantized as the engine starts: a larger download and a slower start than a file in that format
SCORES_WRONG = 12.0  # rerankers in llama.cpp and Ollama: scores differ from the model's own (ggml-org/llama.cpp issues 16407, 25447)
TEXT_FIRST = 5.0  # a model that embeds or ranks pictures too, where there is only text
VOICELESS = (
    8.0  # text to speech by a model that needs a recording of a voice, or a description of one, before it speaks
)
OFF_DEVICE = 10.0  # weights in the RAM of a small device that has a GPU: there the rest of its work lies
DETAILS_SINCE = "2026-04"  # Qwen3.6
COARSE = 12.0  # an image tower that hands on its last layer only, where small things count
STAGED = 10.0  # pipeline stages without being asked: only where nothing else holds
HOMEMADE = 8.0  # nobody is known to publish the file: it would have to be made from the 16-bit weights
PER_YEAR = 0.3  # what a year newer is worth beyond measured ability
LICENCE: Mapping[str, float] = {
    "free": 0.0,
    "free-under-threshold": -0.5,
    "needs-request": -1.0,
    "unknown": -1.0,
    "non-commercial": -2.0,
}


@dataclass(frozen=True)
class Scored:
    """A plan's points by name (they add up to `score`), and what they were made from.

    `seconds` is the wait for a complete answer, None where the speed is not known.
    """

    plan: Plan
    effort: Effort
    quality: Quality
    kept: Retention
    seconds: float | None
    usable: bool
    parts: Mapping[str, float]

    @cached_property
    def score(self) -> float:
        """The sum of the parts."""
        return sum(self.parts.values())


def cache_family(architecture: Architecture) -> CacheFamily:
    """How the model's key-value cache bears quantization."""
    attention = architecture.attention
    if architecture.is_hybrid:
        return "hybrid"
    if attention.qk_norm:
        return "qk-norm"
    return "mha" if attention.kv_heads == attention.heads else "qkv-bias"


def score(
    plan: Plan,
    task: Task,
    weights: Weights,
    abilities: Abilities,
    thinking: Literal["yes", "no", "either"] = "either",
) -> Scored | None:
    """The plan's points with the effort that gives most of them; None where nothing is known about the quality of the model or the format."""
    model, speed = plan.model, plan.speed
    if model.parameters is None:
        return None
    kept = kept_of(model, plan.architecture, plan.checkpoint.format, plan.work.kv_cache)
    fixed = _fixed(plan, task, weights, kept)
    usable, comfortable = seconds_wanted(task)
    best: Scored | None = None
    most = -math.inf
    for effort in efforts_for(model, task, thinking):
        thinks = model.thinking in ("hybrid", "always")
        worth = quality(abilities, model.id, thinks, task, effort, kept)
        seen = quality(abilities, model.id, thinks, task, effort, beyond_doubt(kept))
        if worth is None or seen is None:
            return None
        # everybody's prompt is read by the same device: with N users each gets an Nth of it
        seconds = (
            seconds_to_answer(task, effort, speed.each.value, speed.prefill.value / speed.sequences) if speed else None
        )
        wait = _assumed_wait(plan, task, effort, usable) if seconds is None else seconds
        value = weights.quality * seen.value
        points = speed_points(math.log2(comfortable / wait), math.log2(comfortable / usable), weights)
        if value + points > most:
            most = value + points
            parts = {"quality": value, "speed": points, **fixed}
            best = Scored(plan, effort, worth, kept, seconds, wait <= usable, parts)
    return best


@lru_cache(maxsize=4096)
def beyond_doubt(kept: Retention) -> Retention:
    """What is left where only a loss larger than the doubt about it counts: bits that no measurement rewards are better spent on speed."""
    return replace(kept, value=kept.high)


def kept_of(model: Model, architecture: Architecture, format_name: str, cache: KvCache) -> Retention:
    """What is left of the quality by the formats of weights and cache together."""
    assert model.parameters is not None
    kept = retention(format_name, model.parameters.total)
    held = kept_of_cache(architecture, cache)
    if held.value == 1.0:
        return kept
    return Retention(
        kept.value * held.value,
        kept.low * held.low,
        kept.high * held.high,
        kept.confidence,
        kept.advised and held.advised,
        kept.source,
        kept.exacting,
    )


@lru_cache(maxsize=4096)
def kept_of_cache(architecture: Architecture, cache: KvCache) -> Retention:
    """What is left of it by the formats of cached keys and values alone."""
    family = cache_family(architecture)
    return cache_retention(family, CACHE_BITS.get(cache.k, 16.0), CACHE_BITS.get(cache.v, 16.0))


def _assumed_wait(plan: Plan, task: Task, effort: Effort, usable: float) -> float:
    """Seconds to a complete answer where the bandwidth of the device is not known."""
    assert plan.model.parameters is not None
    read = plan.model.parameters.active * FORMATS[plan.checkpoint.format].bits / 8  # bytes a token
    return max(usable * BARELY, seconds_to_answer(task, effort, UNKNOWN_SPEED[plan.mode] / read, task.prefill))


def speed_points(doublings: float, last_usable: float, weights: Weights) -> float:
    """Points for being that many doublings faster than comfortable; below `last_usable` (a negative number) nobody would wait."""
    if doublings >= 0:
        return weights.faster * min(doublings, MOST_DOUBLINGS)
    if doublings >= last_usable:
        return weights.slower * doublings
    return weights.slower * doublings - TOO_SLOW + UNUSABLE * (doublings - last_usable)


@lru_cache(maxsize=4096)
def standing(model: Model) -> Mapping[str, float]:
    """The points of the model itself, however it runs."""
    year = int(model.released[:4]) + int(model.released[5:7] or 6) / 12 if model.released else 2025.0
    return {
        "licence": LICENCE[model.licence.commercial_use],
        "recency": PER_YEAR * (year - 2025),
        "origin": 0.0 if model.official and model.variant not in TUNED else -UNOFFICIAL,
    }


def _fixed(plan: Plan, task: Task, weights: Weights, kept: Retention) -> dict[str, float]:
    """The points that do not depend on how much the model thinks, without those that are none."""
    parts = {
        "fit": -_tight(plan) - (UNCHECKED if _unchecked(plan) else 0.0) - to_the_brim(plan),
        "format": 0.0 if kept.advised else -EXPERIMENTAL,
        **standing(plan.model),
        "engine": -run_cost(plan),
        "size": size_points(plan.memory.total, task, weights),
    }
    if weights.context:
        parts["context"] = weights.context * math.log2(max(1.0, roomiest(plan) / task.context))
    if plan.placement.pipeline_parallel > 1 and not _stages_asked(plan):
        parts["engine"] -= STAGED
    made = MADE_ON_LOAD if FORMATS[plan.checkpoint.format].on_load else 0.0
    parts["format"] -= format_cost(plan.model, plan.checkpoint, plan.runtime, plan.placement.devices) + made
    if task.on_device and plan.mode != "gpu" and plan.placement.devices:
        parts["engine"] -= OFF_DEVICE
    if task.details and not _sees_details(plan):
        parts["origin"] -= COARSE
    if plan.model.kind == "reranker" and plan.runtime in ON_LLAMACPP:
        parts["engine"] -= SCORES_WRONG
    if plan.model.kind in ("reranker", "embedding") and "image" in plan.model.inputs and task.inputs == {"text"}:
        parts["origin"] -= TEXT_FIRST
    if plan.model.kind == "speech" and "speech" in task.outputs and "preset voices" not in plan.model.capabilities:
        parts["origin"] -= VOICELESS
    if plan.file is None:
        parts["file"] = -HOMEMADE
    return {name: part for name, part in parts.items() if part}


def _stages_asked(plan: Plan) -> bool:
    """Whether an option of the engine asks for pipeline stages."""
    asked = options_of(plan.runtime, plan.work.options).parallel
    return asked is not None and asked.pipeline > 1


def _sees_details(plan: Plan) -> bool:
    """Whether small things in a picture reach the model: its tower hands on several depths, or the series is newer than those said to miss them.

    Frigate's documentation of 2026-07-23: Qwen3.5 misses small details, which Qwen3-VL's DeepStack sees; Qwen3.6 is about as good as that.
    """
    tower = plan.architecture.vision
    return bool(tower and tower.deepstack_layers) or (plan.model.released or "") >= DETAILS_SINCE


def size_points(total: int, task: Task, weights: Weights) -> float:
    """Points for the bytes that a plan takes in all: none at a GiB, less for each doubling."""
    return -(weights.smaller + task.smaller) * math.log2(max(total, 1) / 2**30)


def _tight(plan: Plan) -> float:
    """Points for a tight fit; fewer where a Mac's memory holds it with the error of the estimate, and only moments may pass it."""
    if plan.verdict != "tight":
        return 0.0
    passing = any(place.budget is not None and place.need * plan.band.high > place.budget for place in plan.places)
    apple = any(device.vendor == "apple" for device in plan.placement.devices)
    return MOMENTS if apple and not passing else TIGHT


def _unchecked(plan: Plan) -> bool:
    return any(place.where == RAM and place.budget is None for place in plan.places) and plan.mode != "gpu"


def roomiest(plan: Plan) -> int:
    """Tokens of context per sequence that the headroom would hold, roughly, and no more than the model reads."""
    cache = plan.memory.of("kv cache")
    limit = (plan.model.context.extended or plan.model.context.native) if plan.model.context else plan.work.context
    if not cache:
        return limit
    more = max(0, plan.headroom) * plan.work.context // cache
    return min(limit, plan.work.context + more)
