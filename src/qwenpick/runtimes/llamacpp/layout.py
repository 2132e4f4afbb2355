"""The ways to lay a model out on a machine, preferred first: one GPU, several, experts in RAM, layers in RAM, CPU only.

What a placement needs is asked of `memory`; how many layers fit is searched, since every part grows with the layers held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from qwenpick.bands import band
from qwenpick.memory import gpu
from qwenpick.placement import Placement
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.model import load
from qwenpick.runtimes.llamacpp.options import read_options
from qwenpick.runtimes.llamacpp.parts import needed

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.hardware import Device, Machine
    from qwenpick.memory import Memory
    from qwenpick.workload import Serving


def placements(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterator[Placement]:
    """All layers on the roomiest GPU, on the fewest GPUs, experts in RAM, as many layers as fit, none. -ngl and --n-cpu-moe are obeyed."""
    options = read_options(work.options)
    devices = sorted((d for d in machine.devices if d.vendor != "ascend"), key=lambda d: -(budget(d, work) or 0))
    if options.n_gpu_layers is not None or options.n_cpu_moe:
        yield Placement(tuple(devices[:1]), cpu_moe_layers=options.n_cpu_moe) if devices else Placement()
        return
    if devices:
        yield from _on_gpus(architecture, checkpoint, work, tuple(devices), machine.ram_free)
    yield Placement()


def _on_gpus(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, devices: tuple[Device, ...], ram: int | None
) -> Iterator[Placement]:
    def fits(placement: Placement) -> bool:
        return shortfall(needed(architecture, checkpoint, work, placement), placement, work) <= 0

    whole = Placement(devices[:1])
    if fits(whole):
        yield whole
        return
    for count in range(2, len(devices) + 1):
        split = _best_split(architecture, checkpoint, work, devices[:count])
        if split and fits(split):
            yield split
            return
    if ram is not None and _weights(architecture, checkpoint) > ram + (budget(devices[0], work) or 0):
        yield Placement(devices[:1], cpu_moe_layers=architecture.num_layers if architecture.is_moe else 0)
        return  # no cut of it holds
    edge = band("llamacpp").high

    def fits_surely(placement: Placement, rough: bool) -> bool:
        return shortfall(needed(architecture, checkpoint, work, placement, rough=rough), placement, work, edge) <= 0

    if architecture.is_moe and (experts := _fewest_experts(architecture, fits_surely, devices[0])):
        yield experts
    if layers := _most_layers(architecture, fits_surely, devices[0]):
        yield layers
    yield whole


def _weights(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of the layers: what GPU and RAM must hold between them."""
    return load(architecture, checkpoint.format).ram.layers(0, architecture.num_layers)


def shortfall(memory: Memory, placement: Placement, work: Serving, edge: float = 1.0) -> int:
    """Bytes missing on the worst device; 0 or less where all devices hold their share. RAM is the caller's to check.

    `edge` is how many times the estimate must fit: a split that is free to choose keeps clear of the estimate's error.
    """
    missing = [
        round(memory.on(gpu(i)) * edge) - (budget(device, work) or 0) for i, device in enumerate(placement.devices)
    ]
    return max(missing, default=0)


def _fewest_experts(
    architecture: Architecture, fits: Callable[[Placement, bool], bool], device: Device
) -> Placement | None:
    """The placement with the fewest layers' experts in RAM that fits the GPU; None where even all of them are not enough."""
    found = _smallest(architecture.num_layers, lambda n, rough: fits(Placement((device,), cpu_moe_layers=n), rough))
    return Placement((device,), cpu_moe_layers=found) if found else None


def _most_layers(
    architecture: Architecture, fits: Callable[[Placement, bool], bool], device: Device
) -> Placement | None:
    """The placement with the most layers on the GPU that fits; None where not one does."""
    everything = architecture.num_layers + 1
    found = _smallest(everything - 1, lambda n, rough: fits(Placement((device,), split=(everything - n,)), rough))
    return Placement((device,), split=(everything - found,)) if found else None


def _smallest(last: int, holds: Callable[[int, bool], bool]) -> int | None:
    """The smallest number from 1 to `last` for which `holds`, which stays true once it is; None where it never is.

    It is searched with the rough answer, then made sure of with the exact one.
    """
    if not holds(last, True):
        return None
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle, True) else (middle, high)
    return next((n for n in range(high, last + 1) if holds(n, False)), None)


def _best_split(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, devices: tuple[Device, ...]
) -> Placement | None:
    """All layers over these devices, in proportion to their memory, then moved one by one to where there is room."""
    everything = architecture.num_layers + 1
    room = [budget(d, work) or 0 for d in devices]
    if not all(room):
        return None
    ends = [everything * sum(room[: i + 1]) // sum(room) for i in range(len(devices))]
    split = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    for _ in range(everything):
        placement = Placement(devices, split=tuple(split))
        memory = needed(architecture, checkpoint, work, placement)
        spare = [size - memory.on(gpu(i)) for i, size in enumerate(room)]
        if min(spare) >= 0:
            break
        worst, best = spare.index(min(spare)), spare.index(max(spare))
        if split[worst] <= 1 or spare[best] <= 0:
            break
        split[worst] -= 1
        split[best] += 1
    return Placement(devices, split=tuple(split))
