"""The ways to lay a model out on a machine, preferred first: one GPU, several, experts in RAM, layers in RAM, CPU only.

What a placement needs is asked of `memory`; how many layers fit is searched, since every part grows with the layers held.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwenpick.bands import band
from qwenpick.memory import gpu
from qwenpick.placement import Placement
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.model import load
from qwenpick.runtimes.llamacpp.options import Options, read_options
from qwenpick.runtimes.llamacpp.parts import needed
from qwenpick.runtimes.llamacpp.totals import Totals, totals

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
        yield _asked(architecture, options, devices[0]) if devices else Placement()
        return
    if devices:
        yield from _on_gpus(architecture, checkpoint, work, tuple(devices), machine.ram_free)
    yield Placement()


def _asked(architecture: Architecture, options: Options, device: Device) -> Placement:
    """What -ngl and --n-cpu-moe say, on one GPU."""
    everything = architecture.num_layers + 1
    held = everything if options.n_gpu_layers is None else min(options.n_gpu_layers, everything)
    return Placement((device,), split=None if held == everything else (held,), cpu_moe_layers=options.n_cpu_moe)


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
    search = Cuts(architecture, checkpoint, work, devices[0])
    if architecture.is_moe and (experts := search.fewest_experts()):
        yield experts
    if layers := search.most_layers():
        yield layers
    yield whole


def _weights(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of the layers: what GPU and RAM must hold between them."""
    return load(architecture, checkpoint.format).ram.layers(0, architecture.num_layers)


def shortfall(memory: Memory, placement: Placement, work: Serving) -> int:
    """Bytes missing on the worst device; 0 or less where all devices hold their share. RAM is the caller's to check."""
    missing = [memory.on(gpu(i)) - (budget(device, work) or 0) for i, device in enumerate(placement.devices)]
    return max(missing, default=0)


@dataclass(frozen=True, slots=True)
class Cuts:
    """The search for the best cut between one GPU and RAM. It keeps clear of the estimate's error."""

    architecture: Architecture
    checkpoint: Checkpoint
    work: Serving
    device: Device

    def fewest_experts(self) -> Placement | None:
        """The placement with the fewest layers' experts in RAM that fits the GPU; None where even all of them are not enough."""
        return self._first(lambda n: Placement((self.device,), cpu_moe_layers=n), Totals.without_experts)

    def most_layers(self) -> Placement | None:
        """The placement with the most layers on the GPU that fits; None where not one does."""
        everything = self.architecture.num_layers + 1
        return self._first(lambda n: Placement((self.device,), split=(everything - n,)), Totals.from_layer)

    def _first(self, placed: Callable[[int], Placement], held: Callable[[Totals, int], int]) -> Placement | None:
        """The placement of the smallest number from 1 to all layers that fits, as all after it do; None where none does.

        It is searched with the rough compute buffer, which is the same for all, then made sure of with the exact one.
        """
        last, room = self.architecture.num_layers, budget(self.device, self.work) or 0
        whole = self._needed(placed(last), rough=True)
        if self.work.options or self.checkpoint.bytes:

            def need(n: int) -> int:
                return self._needed(placed(n), rough=True)
        else:
            sums = totals(self.architecture, self.checkpoint.format, self.work)
            rest = whole - held(sums, last)

            def need(n: int) -> int:
                return rest + held(sums, n)

        edge = band("llamacpp").high
        if round(whole * edge) > room:
            return None
        found = bisect_left(range(1, last), True, key=lambda n: round(need(n) * edge) <= room) + 1
        exact = (n for n in range(found, last + 1) if round(self._needed(placed(n), rough=False) * edge) <= room)
        return placed(sure) if (sure := next(exact, None)) else None

    def _needed(self, placement: Placement, *, rough: bool) -> int:
        return needed(self.architecture, self.checkpoint, self.work, placement, rough=rough).on(gpu(0))


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
