"""What no cut of a model between GPU and RAM can beat: the compute buffer takes no room, so the GPU holds as much as it ever could.

It is worked out from running totals, where the true cut is searched with one walk of the compute graph after the other.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from qwenpick.bands import band
from qwenpick.memory import gpu
from qwenpick.placement import Placement
from qwenpick.runtimes.llamacpp.driver import driver_overhead
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.model import load
from qwenpick.runtimes.llamacpp.parts import needed
from qwenpick.runtimes.llamacpp.totals import totals

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.hardware import Machine
    from qwenpick.workload import Serving


def must_use_ram(architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine) -> bool:
    """Whether the model cannot lie on the machine's GPUs alone; False where that would take a search to know, or options say how it lies."""
    if work.options or checkpoint.bytes:
        return False
    rooms = [budget(device, work) or 0 for device in machine.devices if device.vendor != "ascend"]
    if layer_bytes(architecture, checkpoint) > sum(rooms):
        return True
    if len(rooms) != 1:
        return False
    whole = needed(architecture, checkpoint, work, Placement(machine.devices))
    return whole.on(gpu(0)) > rooms[0]


def layer_bytes(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of all layers, which lie on the GPU or in RAM however the model is cut."""
    return load(architecture, checkpoint.format).ram.layers(0, architecture.num_layers)


def best_cuts(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> tuple[Placement, ...]:
    """For each way to use RAM beside the roomiest GPU, the placement with the least in RAM. For a workload without options."""
    devices = [device for device in machine.devices if device.vendor != "ascend"]
    if not devices:
        return (Placement(),)
    device = max(devices, key=lambda d: budget(d, work) or 0)
    room = (budget(device, work) or 0) / band("llamacpp").high + 1 - driver_overhead(device, 0)[0]  # 1: what is rounded
    n, sums = architecture.num_layers, totals(architecture, checkpoint.format, work)
    first = bisect_left(range(1, n), True, key=lambda layer: sums.from_layer(layer) <= room) + 1
    cuts = [Placement((device,), split=(n + 1 - first,))]
    if architecture.is_moe and sums.without_experts(n) <= room:
        moved = bisect_left(range(1, n), True, key=lambda layer: sums.without_experts(layer) <= room) + 1
        cuts.append(Placement((device,), cpu_moe_layers=moved))
    return tuple(cuts)
