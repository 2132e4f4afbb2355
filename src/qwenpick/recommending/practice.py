"""What practice says of an engine, a format and a publisher on some GPUs, in points of the score: how people who measured run their models.

Memory, speed and kept quality are scored by their own arithmetic; here is only what those do not show. Counts are of a table of 112
recommendations by 99 public sources, February to October 2026 (benchmarks/picks.py scores ours against it).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.machine.hardware import before_ampere
from qwenpick.memory.quantization import FORMATS

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Device
    from qwenpick.planning.plan import Plan

# What an engine that serves is worth where many are served: 14 of 15 recommendations for serving, throughput or datacentre GPUs in our table of
# experts' picks name vLLM. The gain in speed is in the speed; this is continuous batching, prefix caching and tensor parallelism beside it.
SERVER = 3.0
SERVER_MEMORY = (
    44 * 2**30
)  # bytes of NVIDIA GPUs from which it is worth that for one user too: 48 GB as drivers count it
ON_APPLE = 1.5  # llama.cpp where MLX runs: 12 of 18 of those recommendations for Macs name MLX
NO_UNITS = 1.5  # a float format that the GPU has no arithmetic for: kernels widen it first, and few people run it so
FLOAT_UNITS: Mapping[str, tuple[int, int]] = {
    "fp8": (8, 9),
    "fp8-online": (8, 9),
    "nvfp4": (10, 0),
    "mxfp4": (10, 0),
}  # compute capabilities
# Others' weights on a data centre's GPU whose arithmetic the maker's own quantized ones have: those are what recipes and public benchmarks serve
# there, not faster in batches and less surely tested in others' hands.
OTHERS = 0.5
SPILLED = 2.0  # a dense model's layers in RAM beside a GPU: one of those recommendations does so, for quality first; mixtures a dozen times
MANY = 4  # sequences at once
JETSON_CHIPS = frozenset({"7.2", "8.7"})  # Xavier, Orin: vLLM publishes no wheels for them
SERVER_CHIPS = frozenset(
    {"8.0", "9.0", "10.0", "10.3"}
)  # compute capabilities of A100/A30, H100/H200, B200, B300: in no desktop card
LIBRARY = 3.0  # transformers is a library: no server, no batching of requests that come and go


def engine_cost(runtime: str, devices: tuple[Device, ...], sequences: int) -> float:
    """Points that the engine costs: it is a library, or it serves one where many are to be served."""
    if runtime == "transformers":
        return LIBRARY
    if runtime not in ("llamacpp", "ollama", "lmstudio") or not devices:
        return 0.0
    if any(device.vendor == "apple" for device in devices):
        return ON_APPLE
    server = all(device.compute_capability in SERVER_CHIPS for device in devices)
    return SERVER if server or sequences >= MANY or _roomy(devices) else 0.0


def without_units(plan: Plan) -> float:
    """Points for a float format on NVIDIA GPUs older than its arithmetic."""
    least = FLOAT_UNITS.get(plan.checkpoint.format)
    known = [device.capability for device in plan.placement.devices if device.vendor == "nvidia"]
    return NO_UNITS if least and any(one is not None and one < least for one in known) else 0.0


def others(plan: Plan) -> float:
    """Points for weights that others quantized on a data centre's GPUs, where the maker publishes quantized ones that these have units for."""
    devices = plan.placement.devices
    if plan.checkpoint.official or not devices or FORMATS[plan.checkpoint.format].container == "gguf":
        return 0.0
    if not all(device.compute_capability in SERVER_CHIPS for device in devices):
        return 0.0
    own = (
        FORMATS.get(one.format) for one in plan.model.checkpoints if one.official
    )  # a repository of GGUF files is no one format
    return OTHERS if any(one and one.bits < 16 for one in own) else 0.0


def spilled(plan: Plan) -> float:
    """Points for a dense model's layers in RAM beside a GPU: every token reads all of them."""
    return SPILLED if plan.mode == "gpu+layers-in-ram" and not plan.architecture.is_moe else 0.0


def _roomy(devices: tuple[Device, ...]) -> bool:
    """Whether these are NVIDIA GPUs, of Ampere or newer, of one kind and with the memory that people serve from: cards, or a Spark, no Jetson."""
    return (
        all(device.vendor == "nvidia" and not before_ampere(device) for device in devices)
        and len({device.name for device in devices}) == 1
        and not any(device.unified and device.compute_capability in JETSON_CHIPS for device in devices)
        and sum(device.total or device.free or 0 for device in devices) >= SERVER_MEMORY
    )
