"""A placement as stages: which share of the layers, of the experts and of the output head runs where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.speed.devices import Place, place_of, processor
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Gpu
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.placement import Placement


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs on one place: shares (0 to 1) of all layers, of all layers' experts, and of the output head. `ways` is tensor parallelism.

    `exchange` is seconds of one small all-reduce of ways that lie in several boxes; None inside one.
    """

    place: Place
    layers: float
    experts: float
    output: float
    ways: int = 1
    exchange: float | None = None


def stages(
    layers: int, placement: Placement, machine: Machine, gpus: Mapping[str, Gpu], vulkan: bool = False
) -> tuple[Stage, ...] | str:
    """The stages in the order a token passes them, or why they are not known."""
    devices = placement.devices
    if placement.data_parallel > 1:  # one copy
        devices = devices[: placement.tensor_parallel * placement.pipeline_parallel]
    places = [place_of(device, gpus, machine.cpu.bandwidth, vulkan) for device in devices]
    for device, place in zip(devices, places, strict=True):
        if place is None:
            return _("the memory bandwidth of {name} is not known", name=device.name)
    known = [place for place in places if place is not None]
    cpu = processor(machine.cpu)
    in_ram = _layers_in_ram(layers, placement)
    moe_in_ram = min(placement.cpu_moe_layers, layers) / layers if known else 0.0
    if cpu is None and (in_ram or moe_in_ram):
        return _("the bandwidth of RAM is not known")
    if placement.tensor_parallel > 1 and known:
        slowest = min(known, key=lambda place: place.bandwidth)
        apart = machine.link is not None and placement.tensor_parallel > len(machine.devices) // machine.nodes
        exchange = machine.link.latency if machine.link and apart else None
        return (Stage(slowest, 1.0, 1.0, 1.0, placement.tensor_parallel, exchange),)
    held = placement.split if placement.split and any(placement.split) else (1,) * len(known)
    found, left = list[Stage](), moe_in_ram
    for place, n in zip(known, held, strict=True):
        share = (1 - in_ram) * n / sum(held)
        moved = min(share, left)
        left -= moved
        last = len(found) == len(known) - 1 and not in_ram
        found.append(Stage(place, share, share - moved, float(last)))
    if cpu and (in_ram or moe_in_ram):
        found.append(Stage(cpu, in_ram, in_ram + moe_in_ram - left, float(in_ram > 0)))
    return tuple(found)


def _layers_in_ram(layers: int, placement: Placement) -> float:
    """The share of the layers that no device holds."""
    if not placement.devices:
        return 1.0
    return max(0.0, 1 - sum(placement.split) / layers) if placement.split else 0.0
