"""How fast a candidate runs on some devices at best: on the GPUs, in RAM, or cut between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from qwenpick.recommending.search.latency import Latency, rates_of
from qwenpick.speed.devices import place_of, processor

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
        self.on_gpus = tuple(place for device in devices if (place := place_of(device, gpus, cpu.bandwidth)))
        ram = processor(cpu)
        self.all_known = len(self.on_gpus) == len(devices) and ram is not None
        self._gpus = [(place.kind, rates_of(place)) for place in self.on_gpus]
        self._ram = None if gpu_only or ram is None else rates_of(ram)

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
        return self._shared([candidate.on(kind).latency(rates) for kind, rates in self._gpus])

    def with_small_cache(self, candidate: Candidate) -> Latency | None:
        """The same with the quickest of the smaller caches."""
        return self._shared([sums.latency(rates) for kind, rates in self._gpus for sums in candidate.small_on(kind)])

    def with_drafts(self, candidate: Candidate, drafts: int) -> Latency | None:
        """The same where so many tokens are drafted a step, with whichever cache is the quickest."""
        return self._shared([candidate.drafting(place, drafts) for place in self.on_gpus])

    def on_cpu(self, candidate: Candidate) -> Latency | None:
        """All of it in RAM."""
        return candidate.in_ram(self._ram) if self._ram else None

    def cuts(self, candidate: Candidate, room: float) -> list[tuple[Way, Latency | None]]:
        """Those of llama.cpp's ways to run it with `room` bytes on the GPU and the rest in RAM; none is quicker that is not among them.

        More in RAM than must is never faster where RAM is slower; between two cuts of layers the time lies on a line, so it is least at an end.
        """
        if self._ram is None:
            return [("ram", None)]
        cpu = candidate.in_ram(self._ram)
        if not self._gpus:
            return [("ram", cpu)]
        layers, experts = candidate.least_in_ram(room)
        each = [(candidate.on(kind), rates) for kind, rates in self._gpus]
        (sums, rates), gpu = each[0], _fastest([sums.latency(rates, head=0.0) for sums, rates in each])
        prompt = gpu.prompt
        if len(each) == 1:
            lent = gpu.prompt + sums.lent(rates, layers, layers)
            prompt = min((1 - layers) * gpu.prompt + layers * cpu.prompt, lent)
        token = layers * cpu.token + (1 - layers) * gpu.token
        mixed = Latency(min(token, cpu.token), min(prompt, cpu.prompt))
        if experts is None:
            return [("ram", cpu), ("layers", mixed)]
        return [("layers", mixed), ("experts", self._beside(candidate, gpu, experts))]

    def _beside(self, candidate: Candidate, gpu: Latency, experts: float) -> Latency:
        """With that share of the experts in RAM, or more."""
        assert self._ram is not None
        kind, rates = self._gpus[0]
        sums, routed = candidate.on(kind), candidate.on("cpu").latency(self._ram, 0.0, 1.0, 0.0)
        own = sums.latency(rates, 0.0, 1.0, 0.0)
        if len(self._gpus) > 1 or routed.token < own.token or routed.prompt < own.prompt:  # more in RAM may be quicker
            token = min(routed.token, experts * routed.token + (1 - experts) * gpu.token)
            return Latency(token, min(gpu.prompt, routed.prompt))
        rest = sums.latency(rates, 1.0, 1 - experts, 0.0)
        lent = gpu.prompt + sums.lent(rates, 0.0, experts)
        return Latency(rest.token + experts * routed.token, min(rest.prompt + experts * routed.prompt, lent))

    def _shared(self, latencies: list[Latency]) -> Latency | None:
        """The fastest, as many times as fast as there are devices."""
        count, best = len(self._gpus), _fastest(latencies) if latencies else None
        return Latency(best.token / count, best.prompt / count) if best and count > 1 else best


def _fastest(latencies: list[Latency]) -> Latency:
    """The least of each kind of seconds."""
    if len(latencies) == 1:
        return latencies[0]
    tokens, prompts = zip(*latencies, strict=True)
    return Latency(min(tokens), min(prompts))


def _faster(one: Latency | None, two: Latency | None) -> Latency | None:
    """The least of each kind of seconds, where both are known."""
    return one or two if one is None or two is None else Latency(min(one[0], two[0]), min(one[1], two[1]))
