"""How fast a prospect runs on some devices at best: on the GPUs, in RAM, or cut between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.recommending.search.prospects import Pace
from qwenpick.speed.devices import place_of, processor
from qwenpick.speed.stages import Stage

if TYPE_CHECKING:
    from qwenpick.catalog import Gpu
    from qwenpick.machine.hardware import Cpu, Device
    from qwenpick.recommending.search.prospects import Prospect


class Paces:
    """Paces that no plan on these devices exceeds. `all_known` says that every plan has a speed; with `gpu_only` nothing runs in RAM."""

    def __init__(self, devices: tuple[Device, ...], cpu: Cpu, gpus: Mapping[str, Gpu], *, gpu_only: bool) -> None:
        places = [place for device in devices if (place := place_of(device, gpus, cpu.bandwidth))]
        ram = processor(cpu)
        self._gpu_only = gpu_only
        self._whole = [Stage(place, 1.0, 1.0, 1.0) for place in places]
        self._headless = [Stage(place, 1.0, 1.0, 0.0) for place in places]
        self._in_ram = (Stage(ram, 1.0, 1.0, 1.0), Stage(ram, 0.0, 1.0, 0.0)) if ram else None  # all, or experts alone
        self._known: dict[tuple[Prospect, str | float], Pace | None] = {}  # by a prospect that runs alike, and the way
        self.all_known = len(places) == len(devices) and ram is not None

    def least(self, prospect: Prospect, *, in_ram: bool, small: bool) -> Pace | None:
        """The pace on all devices at once, or in RAM, whichever is faster, with a small cache too if so. None where no speed is known."""
        best = self.on_devices(prospect)
        if in_ram:
            best = _faster(best, self.on_cpu(prospect))
        if small and prospect.small:
            best = _faster(best, self.on_devices(prospect, small=True))
        return best

    def on_devices(self, prospect: Prospect, *, small: bool = False) -> Pace | None:
        """As if the devices shared the work of the fastest of them without any loss."""
        key = prospect.like, "small" if small else "whole"
        if key not in self._known:
            count, best = len(self._whole), _fastest(prospect.like, self._whole, small)
            self._known[key] = Pace(best.token / count, best.prompt / count) if best and count > 1 else best
        return self._known[key]

    def on_cpu(self, prospect: Prospect) -> Pace | None:
        """All of it in RAM."""
        return prospect.like.in_ram(self._in_ram[0]) if self._in_ram and not self._gpu_only else None

    def cut(self, prospect: Prospect, room: float) -> Pace | None:
        """That of llama.cpp with `room` bytes on the GPU: the least shares that must lie in RAM, and those on the GPU, take their shares of the time.

        A stage's seconds grow with its shares, so a share of the model takes no less than that share of its time; and between two placements the
        time lies on a line, so it is least at one of its ends.
        """
        key = prospect.like, room
        if key not in self._known:
            self._known[key] = self._cut(prospect.like, room)
        return self._known[key]

    def _cut(self, prospect: Prospect, room: float) -> Pace | None:
        cpu = self.on_cpu(prospect)
        gpu = _fastest(prospect, self._headless)
        if cpu is None or gpu is None or self._in_ram is None:
            return cpu
        layers, experts = prospect.least_in_ram(room)
        token, prompt = min(cpu.token, layers * cpu.token + (1 - layers) * gpu.token), min(cpu.prompt, gpu.prompt)
        if experts is not None:
            routed = prospect.in_ram(self._in_ram[1])
            token = min(token, routed.token, experts * routed.token + (1 - experts) * gpu.token)
            prompt = min(prompt, routed.prompt)
        return Pace(token, prompt)


def _fastest(prospect: Prospect, stages: list[Stage], small: bool = False) -> Pace | None:
    """The pace on the fastest of the stages."""
    best: Pace | None = None
    for stage in stages:
        best = _faster(best, prospect.on(stage, small=small))
    return best


def _faster(one: Pace | None, two: Pace | None) -> Pace | None:
    """The least of each kind of seconds."""
    if one is None or two is None:
        return one or two
    return Pace(min(one.token, two.token), min(one.prompt, two.prompt))
