"""How fast a candidate runs on some devices at best: on the GPUs, in RAM, or cut between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from qwenpick.recommending.search.pace import Latency, Pace
from qwenpick.speed.devices import place_of, processor

if TYPE_CHECKING:
    from qwenpick.catalog import Gpu
    from qwenpick.machine.hardware import Cpu, Device
    from qwenpick.recommending.search.candidates import Candidate

Way = Literal["ram", "layers", "experts"]  # what lies in RAM: all, some layers, the experts of some layers


class Latencies:
    """Latencies that no plan on these devices exceeds. `all_known` says that every plan has a speed; with `gpu_only` nothing runs in RAM.

    `on_gpus` are the devices as places whose bandwidth is known. What is kept is kept by a candidate that runs alike (`Candidate.like`).
    """

    def __init__(self, devices: tuple[Device, ...], cpu: Cpu, gpus: Mapping[str, Gpu], *, gpu_only: bool) -> None:
        self.on_gpus = tuple(place for device in devices if (place := place_of(device, gpus, cpu.bandwidth)))
        ram = processor(cpu)
        self.all_known = len(self.on_gpus) == len(devices) and ram is not None
        self._ram = None if gpu_only else ram
        self._paces: dict[Candidate, list[Pace]] = {}
        self._small: dict[Candidate, Latency | None] = {}
        self._cuts: dict[tuple[Candidate, float], list[tuple[Way, Latency | None]]] = {}

    def least(self, candidate: Candidate, *, in_ram: bool, small: bool) -> Latency | None:
        """The latency on all devices at once, or in RAM, whichever is faster, with a small cache too if so. None where no speed is known."""
        best = self.on_devices(candidate)
        if in_ram:
            best = _faster(best, self.on_cpu(candidate))
        if small and candidate.small:
            best = _faster(best, self.with_small_cache(candidate))
        return best

    def on_devices(self, candidate: Candidate) -> Latency | None:
        """As if the devices shared the work of the fastest of them without any loss."""
        paces = self._on_gpus(candidate.like)
        return paces[0].whole if len(paces) == 1 else self._shared(pace.whole for pace in paces)

    def with_small_cache(self, candidate: Candidate) -> Latency | None:
        """The same with the quickest of the smaller caches."""
        like = candidate.like
        if like not in self._small:
            paces = zip(self.on_gpus, self._on_gpus(like), strict=True)
            self._small[like] = self._shared(Latency(like.small_on(at), pace.whole.prompt) for at, pace in paces)
        return self._small[like]

    def with_drafts(self, candidate: Candidate, drafts: int) -> Latency | None:
        """The same where so many tokens are drafted a step, with whichever cache is the quickest."""
        return self._shared(candidate.like.drafting(place, drafts) for place in self.on_gpus)

    def on_cpu(self, candidate: Candidate) -> Latency | None:
        """All of it in RAM."""
        return candidate.like.in_ram(self._ram).whole if self._ram else None

    def cuts(self, candidate: Candidate, room: float) -> list[tuple[Way, Latency | None]]:
        """Those of llama.cpp's ways to run it with `room` bytes on the GPU and the rest in RAM; none is quicker that is not among them.

        More in RAM than must is never faster where RAM is slower; between two cuts of layers the time lies on a line, so it is least at an end.
        """
        key = candidate.like, room
        if key not in self._cuts:
            self._cuts[key] = self._cut(candidate.like, room)
        return self._cuts[key]

    def _cut(self, candidate: Candidate, room: float) -> list[tuple[Way, Latency | None]]:
        if self._ram is None:
            return [("ram", None)]
        ram, paces = candidate.in_ram(self._ram), self._on_gpus(candidate)
        if not paces:
            return [("ram", ram.whole)]
        layers, experts = candidate.least_in_ram(room)
        one, gpu = paces[0] if len(paces) == 1 else None, _fastest(pace.headless for pace in paces)
        prompt = gpu.prompt
        if one:
            prompt = min((1 - layers) * prompt + layers * ram.headless.prompt, one.lent(layers, layers))
        mixed = Latency(layers * ram.whole.token + (1 - layers) * gpu.token, prompt)
        found: list[tuple[Way, Latency | None]] = [("ram", ram.whole), ("layers", _fastest((mixed, ram.whole)))]
        if experts is not None:
            found.append(("experts", (_beside(one, ram, experts) if one else None) or _loose(gpu, ram, experts)))
        return found

    def _on_gpus(self, like: Candidate) -> list[Pace]:
        paces = self._paces.get(like)
        if paces is None:
            paces = self._paces[like] = [like.on(place) for place in self.on_gpus]
        return paces

    def _shared(self, latencies: Iterable[Latency]) -> Latency | None:
        """The fastest, as many times as fast as there are devices."""
        if not self.on_gpus:
            return None
        best, count = _fastest(latencies), len(self.on_gpus)
        return Latency(best.token / count, best.prompt / count)


def _beside(gpu: Pace, ram: Pace, experts: float) -> Latency | None:
    """With that share of the experts in RAM, or more; None where RAM is not slower with experts, so that more of them might be quicker."""
    if ram.token(0.0, 1.0) < gpu.token(0.0, 1.0) or ram.prompt(0.0, 1.0) < gpu.prompt(0.0, 1.0):
        return None
    apart = gpu.prompt(1.0, 1 - experts) + ram.prompt(0.0, experts)
    return Latency(gpu.token(1.0, 1 - experts) + ram.token(0.0, experts), min(apart, gpu.lent(0.0, experts)))


def _loose(gpu: Latency, ram: Pace, experts: float) -> Latency:
    """The same wherever RAM is not slower, or there are several GPUs."""
    routed = ram.token(0.0, 1.0)
    token = min(routed, experts * routed + (1 - experts) * gpu.token)
    return Latency(token, min(gpu.prompt, ram.prompt(0.0, 1.0)))


def _fastest(latencies: Iterable[Latency]) -> Latency:
    """The least of each kind of seconds."""
    tokens, prompts = zip(*latencies, strict=True)
    return Latency(min(tokens), min(prompts))


def _faster(one: Latency | None, two: Latency | None) -> Latency | None:
    """The least of each kind of seconds, where both are known."""
    return one or two if one is None or two is None else Latency(min(one[0], two[0]), min(one[1], two[1]))
