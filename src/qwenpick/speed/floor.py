"""The least time that a token takes where weights lie in RAM: that of the placement with the least in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.speed.decode import Load, token_seconds
from qwenpick.speed.estimate import Band, Speed
from qwenpick.speed.flags import read_flags
from qwenpick.speed.stages import stages
from qwenpick.speed.traffic import attention, traffic

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Gpu
    from qwenpick.hardware import Machine
    from qwenpick.placement import Placement
    from qwenpick.workload import Serving

UNBOUNDED = 1e12  # tokens/s: faster than anything


def fastest(
    architecture: Architecture,
    checkpoint: Checkpoint,
    runtime: str,
    work: Serving,
    placement: Placement,
    machine: Machine,
    gpus: Mapping[str, Gpu],
    depth: int,
) -> Speed | None:
    """A speed that no plan with as much or more in RAM exceeds; None where RAM's bandwidth is not known, so that no such plan has a speed."""

    flags = read_flags(runtime, work.options)
    parts, further = (
        stages(architecture.num_layers, cut, machine, gpus, flags.vulkan) for cut in (placement, _one_more(placement))
    )
    if isinstance(parts, str) or isinstance(further, str):
        return None
    weights = traffic(architecture, checkpoint.format, checkpoint.bytes)
    load = Load(
        runtime + flags.generation, checkpoint.format, weights, attention(architecture), work.kv_cache, flags.eager
    )
    in_ram = [stage for stage in parts if stage.place.kind == "cpu"]
    least = 0.0
    if in_ram:
        # as seconds are convex in the layers in RAM, what is slower with one more is slower with any; else the GPU is slower than RAM
        least, more = (token_seconds(load, depth, work.sequences, 0, counted) for counted in (parts, further))
        if more < least:
            least = token_seconds(load, depth, work.sequences, 0, in_ram)
    each = min(1 / least, UNBOUNDED) if least else UNBOUNDED
    rate, unbounded = Band(each, each, each), Band(UNBOUNDED, UNBOUNDED, UNBOUNDED)
    return Speed(rate, unbounded, Band(0.0, 0.0, 0.0), unbounded, rate, depth, 0, work.sequences, "")


def _one_more(placement: Placement) -> Placement:
    """The placement with one more layer, or one more layer's experts, in RAM."""
    if placement.cpu_moe_layers:
        return replace(placement, cpu_moe_layers=placement.cpu_moe_layers + 1)
    return replace(placement, split=(placement.split[0] - 1,)) if placement.split else placement
