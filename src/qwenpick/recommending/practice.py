"""What practice says of an engine, a format and a publisher on some GPUs, in points of the score: how people who measured run their models.

Memory, speed and kept quality are scored by their own arithmetic; here is only what those do not show. The kinds are those of a table of 112
recommendations by 99 public sources, February to October 2026 (benchmarks/picks.py scores ours against it). The points are our judgement, made
with that table in view: how far ours agree with it is no independent test of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.machine.hardware import before_ampere
from qwenpick.memory.account import RAM
from qwenpick.memory.quantization import FORMATS
from qwenpick.runtimes import ON_LLAMACPP

if TYPE_CHECKING:
    from qwenpick.catalog import Checkpoint, Model
    from qwenpick.machine.hardware import Device
    from qwenpick.planning.plan import Plan
    from qwenpick.work.serving import Serving

LEAN_ENGINES = ("vllm",)

# What an engine that serves is worth where many are served: for serving, throughput or datacentre GPUs nearly all recommendations name vLLM.
# The gain in speed is in the speed; this is continuous batching, prefix caching and tensor parallelism beside it.
SERVER = 3.0
# Bytes of NVIDIA GPUs from which it is worth that for one user too: 48 GB as drivers count it
SERVER_MEMORY = 44 * 2**30
ON_APPLE = 1.5  # llama.cpp where MLX runs: most recommendations for Macs name MLX
NO_UNITS = 1.5  # a float format that the GPU has no arithmetic for: kernels widen it first, and few people run it so
SERVED_WIDENED = 0.5  # the maker's FP8 on an A100, which vLLM's Marlin kernels widen
# compute capabilities
FLOAT_UNITS: Mapping[str, tuple[int, int]] = {"fp8": (8, 9), "fp8-online": (8, 9), "nvfp4": (10, 0), "mxfp4": (10, 0)}
FP4_UNITS = (10, 0)  # the compute capability from which NVIDIA GPUs have arithmetic of NVFP4
# Eight bits where the GPU shares the slow memory of its box, has units for four, and NVFP4 is published: for vLLM on a
# Spark or a Thor people name four bits. On cards with memory of their own the maker's FP8 is what is served wherever it fits.
EIGHT_ON_SLOW = 0.5
# 16 bits a weight where eight or fewer are published and no test tells them apart: for models above 5B hardly a recommendation
# names them
WIDE = 1.0
WIDE_FROM = 5_000_000_000
# Share of the free RAM from which nothing is left for what else a box does: guides ask for a size more ("16 GB filled to the brim")
FULL = 0.95
BRIM = 3.0
# Others' weights on cards that have arithmetic for the maker's own FP8 and memory of their own: most serve the maker's wherever it fits
# with its context; others' four bits are for what does not.
OTHERS = 1.0
FP8_UNITS = (8, 9)
SPILLED = 2.0  # a GiB of a dense model's layers in RAM beside a GPU: people do so with mixtures, hardly ever with dense models
MANY = 4  # sequences at once
JETSON_CHIPS = frozenset({"7.2", "8.7"})  # Xavier, Orin: vLLM publishes no wheels for them
# Compute capabilities of A100/A30, H100/H200, B200, B300: in no desktop card
SERVER_CHIPS = frozenset({"8.0", "9.0", "10.0", "10.3"})
# How many GPUs tensor parallelism divides a model among: with three or six people run llama.cpp
RANKS = (1, 2, 4, 8, 16)
# vLLM or SGLang for one user on GPUs below that memory: nearly all recommendations there name llama.cpp or what is built on it
ALONE = 1.0
LEAN = 1.0  # vLLM started so that it fits: it reads text alone, and one more user waits
LIBRARY = 3.0  # transformers is a library: no server, no batching of requests that come and go


@lru_cache(maxsize=4096)
def engine_cost(runtime: str, devices: tuple[Device, ...], sequences: int) -> float:
    """Points that the engine costs: it is a library, it serves one where many are to be served, or many where one asks on a small box."""
    if runtime == "transformers":
        return LIBRARY
    if runtime in ("vllm", "sglang"):
        return 0.0 if _served(devices, sequences) else ALONE
    if runtime not in ON_LLAMACPP or not devices:
        return 0.0
    if any(device.vendor == "apple" for device in devices):
        return ON_APPLE
    return SERVER if _served(devices, sequences) else 0.0


def _served(devices: tuple[Device, ...], sequences: int) -> bool:
    """Whether people run a server there: on a data centre's GPUs, for many users, or with the memory for it."""
    server = all(device.compute_capability in SERVER_CHIPS for device in devices)
    return server or sequences >= MANY or _roomy(devices)


def run_cost(plan: Plan) -> float:
    """Points that the way to run the plan costs: its engine on this box, a dense model's layers in RAM, a start that nobody asked for."""
    return engine_cost(plan.runtime, plan.box, plan.work.sequences) + spilled(plan) + lean(plan)


def format_cost(model: Model, checkpoint: Checkpoint, runtime: str, devices: tuple[Device, ...]) -> float:
    """Points that the format costs on the GPUs that it runs on, beside what is left of quality."""
    return device_cost(model, checkpoint, runtime, devices) + wide(model, checkpoint)


def device_cost(model: Model, checkpoint: Checkpoint, runtime: str, devices: tuple[Device, ...]) -> float:
    """Those of them that the GPUs are the reason for."""
    units, publisher = without_units(checkpoint, devices), others(model, checkpoint, devices)
    return units + publisher + on_slow_memory(model, checkpoint, runtime, devices)


def without_units(checkpoint: Checkpoint, devices: tuple[Device, ...]) -> float:
    """Points for a float format on NVIDIA GPUs older than its arithmetic."""
    least = FLOAT_UNITS.get(checkpoint.format)
    if least is None:
        return 0.0
    if checkpoint.format == "fp8" and all(device.compute_capability in SERVER_CHIPS for device in devices):
        return SERVED_WIDENED if any((device.capability or least) < least for device in devices) else 0.0
    known = [device.capability for device in devices if device.vendor == "nvidia"]
    return NO_UNITS if any(one is not None and one < least for one in known) else 0.0


def others(model: Model, checkpoint: Checkpoint, devices: tuple[Device, ...]) -> float:
    """Points for weights that others quantized, on cards with units for the FP8 that the maker publishes."""
    if checkpoint.official or not devices or FORMATS[checkpoint.format].container == "gguf":
        return 0.0
    if not all(device.compute_capability in SERVER_CHIPS or _has_fp8(device) for device in devices):
        return 0.0
    # a repository of GGUF files is no one format
    own = (FORMATS.get(one.format) for one in model.checkpoints if one.official)
    return OTHERS if any(one and one.bits < 16 for one in own) else 0.0


def _has_fp8(device: Device) -> bool:
    return device.vendor == "nvidia" and not device.unified and (device.capability or (0, 0)) >= FP8_UNITS


def on_slow_memory(model: Model, checkpoint: Checkpoint, runtime: str, devices: tuple[Device, ...]) -> float:
    """Points for weights of eight bits on GPUs that share the memory of their box, and have units for the NVFP4 that the model is published in."""
    if runtime not in ("vllm", "sglang") or not devices or FORMATS[checkpoint.format].bits < 8:
        return 0.0
    if not all(
        device.unified and device.vendor == "nvidia" and (device.capability or (0, 0)) >= FP4_UNITS
        for device in devices
    ):
        return 0.0
    return EIGHT_ON_SLOW if any(one.format == "nvfp4" for one in model.checkpoints) else 0.0


def wide(model: Model, checkpoint: Checkpoint) -> float:
    """Points for 16-bit weights of a language model that is published in eight bits or fewer."""
    if FORMATS[checkpoint.format].bits < 16 or not model.parameters or model.parameters.total < WIDE_FROM:
        return 0.0
    if model.kind not in ("chat", "vision", "code", "math", "omni"):
        return 0.0
    return WIDE if any(FORMATS[one.format].bits < 16 for one in model.checkpoints if one.format in FORMATS) else 0.0


def to_the_brim(plan: Plan) -> float:
    """Points for weights that fill the RAM which is free, so that nothing else has room beside them."""
    if plan.mode == "gpu":
        return 0.0
    full = any(place.where == RAM and place.budget and place.need > FULL * place.budget for place in plan.places)
    return BRIM if full else 0.0


def spilled(plan: Plan) -> float:
    """Points for a dense model's layers in RAM beside a GPU, by their bytes: every token reads all of them."""
    if plan.mode != "gpu+layers-in-ram" or plan.architecture.is_moe:
        return 0.0
    return SPILLED * plan.memory.on(RAM) / 2**30


def lean(plan: Plan) -> float:
    """Points for the lean start of vLLM, which nobody asked for."""
    return LEAN if plan.work.options == lean_options(plan.work) and plan.runtime in LEAN_ENGINES else 0.0


def lean_options(work: Serving) -> dict[str, object]:
    """vLLM as it is started on cards that are just large enough: without towers that the task does not use, with room for its users alone.

    So club-3090 serves a 27B in four bits on one 24 GB card (models/qwen3.8-27b/vllm/compose/single/autoround-int4/mtp.yml, its lean tier).
    """
    return {"language_model_only": True, "max_num_seqs": work.sequences}


def _roomy(devices: tuple[Device, ...]) -> bool:
    """Whether these are NVIDIA GPUs, of Ampere or newer, as many of one kind as serve together, with the memory that people serve from: no Jetson."""
    return (
        all(device.vendor == "nvidia" and not before_ampere(device) for device in devices)
        and len({device.name for device in devices}) == 1
        and not any(device.unified and device.compute_capability in JETSON_CHIPS for device in devices)
        and len(devices) in RANKS
        and sum(device.total or device.free or 0 for device in devices) >= SERVER_MEMORY
    )
