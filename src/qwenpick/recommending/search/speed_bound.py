"""How fast a candidate runs on some devices at best: on the GPUs, in RAM, or cut between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from qwenpick.recommending.search.candidates import Latency
from qwenpick.speed.devices import place_of, processor
from qwenpick.speed.stages import Stage

if TYPE_CHECKING:
    from qwenpick.catalog import Gpu
    from qwenpick.machine.hardware import Cpu, Device
    from qwenpick.recommending.search.candidates import Candidate

Way = Literal["ram", "layers", "experts"]  # what lies in RAM: all, some layers, the experts of some layers


class Latencies:
    """Latencies that no plan on these devices exceeds. `all_known` says that every plan has a speed; with `gpu_only` nothing runs in RAM.

    `on_gpus` are the devices as places whose bandwidth is known.
    """

    def __init__(self, devices: tuple[Device, ...], cpu: Cpu, gpus: Mapping[str, Gpu], *, gpu_only: bool) -> None:
        places = tuple(place for device in devices if (place := place_of(device, gpus, cpu.bandwidth)))
        ram = processor(cpu)
        self._gpu_only, self.on_gpus = gpu_only, places
        self._whole = [Stage(place, 1.0, 1.0, 1.0) for place in places]
        self._headless = [Stage(place, 1.0, 1.0, 0.0) for place in places]
        self._in_ram = (Stage(ram, 1.0, 1.0, 1.0), Stage(ram, 0.0, 1.0, 0.0)) if ram else None  # all, or experts alone
        self._known: dict[tuple[Candidate, str], Latency | None] = {}  # by a candidate that runs alike
        self._cuts: dict[tuple[Candidate, float], list[tuple[Way, Latency | None]]] = {}
        self.all_known = len(places) == len(devices) and ram is not None

    def least(self, candidate: Candidate, *, in_ram: bool, small: bool) -> Latency | None:
        """The latency on all devices at once, or in RAM, whichever is faster, with a small cache too if so. None where no speed is known."""
        best = self.on_devices(candidate)
        if in_ram:
            best = _faster(best, self.on_cpu(candidate))
        if small and candidate.small:
            best = _faster(best, self.on_devices(candidate, small=True))
        return best

    def on_devices(self, candidate: Candidate, *, small: bool = False) -> Latency | None:
        """As if the devices shared the work of the fastest of them without any loss."""
        key = candidate.like, "small" if small else "whole"
        if key not in self._known:
            count, best = len(self._whole), _fastest(candidate.like, self._whole, small)
            self._known[key] = Latency(best.token / count, best.prompt / count) if best and count > 1 else best
        return self._known[key]

    def with_drafts(self, candidate: Candidate, drafts: int) -> Latency | None:
        """The same where so many tokens are drafted a step, with whichever cache is the quickest."""
        count, best = len(self._whole), None
        for stage in self._whole:
            best = _faster(best, candidate.like.drafting(stage, drafts))
        return Latency(best.token / count, best.prompt / count) if best else None

    def on_cpu(self, candidate: Candidate) -> Latency | None:
        """All of it in RAM."""
        return candidate.like.in_ram(self._in_ram[0]) if self._in_ram and not self._gpu_only else None

    def cuts(self, candidate: Candidate, room: float) -> list[tuple[Way, Latency | None]]:
        """Those of llama.cpp's ways to run it with `room` bytes on the GPU and the rest in RAM; [] where nothing may lie there.

        More in RAM than must is never faster where RAM is slower; between two cuts of layers the time lies on a line, so it is least at an end.
        """
        key = candidate.like, room
        if key not in self._cuts:
            self._cuts[key] = self._cut(candidate.like, room)
        return self._cuts[key]

    def _cut(self, candidate: Candidate, room: float) -> list[tuple[Way, Latency | None]]:
        cpu = self.on_cpu(candidate)
        gpu = _fastest(candidate, self._headless)
        if cpu is None or gpu is None or self._in_ram is None:
            return [("ram", cpu)]
        layers, experts = candidate.least_in_ram(room)
        ram, only = self._in_ram[0].place, self._headless[0].place if len(self._headless) == 1 else None
        prompt = candidate.prompt_cut(only, ram, layers) if only else gpu.prompt
        mixed = Latency(layers * cpu.token + (1 - layers) * gpu.token, prompt)
        found: list[tuple[Way, Latency | None]] = [("ram", cpu), ("layers", _faster(mixed, cpu))]
        if experts is not None:
            routed = candidate.in_ram(self._in_ram[1])
            loose = Latency(
                min(routed.token, experts * routed.token + (1 - experts) * gpu.token), min(gpu.prompt, routed.prompt)
            )
            found.append(("experts", (candidate.beside(only, ram, experts) if only else None) or loose))
        return found


def _fastest(candidate: Candidate, stages: list[Stage], small: bool = False) -> Latency | None:
    """The latency on the fastest of the stages."""
    best: Latency | None = None
    for stage in stages:
        best = _faster(best, candidate.on(stage, small=small))
    return best


def _faster(one: Latency | None, two: Latency | None) -> Latency | None:
    """The least of each kind of seconds."""
    if one is None or two is None:
        return one or two
    return Latency(min(one.token, two.token), min(one.prompt, two.prompt))
