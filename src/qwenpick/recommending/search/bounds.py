"""What each format of a model is worth at best on some devices, before its memory is planned: few formats need be planned to find the best one.

A bound leaves out what only takes points (a tight fit) or time (how a cut model's layers follow one another). None of it depends on how much RAM
there is, nor does a plan with RAM to spare, so both stand for all boxes that have these devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING

from qwenpick.machine.hardware import before_ampere
from qwenpick.memory.bands import band
from qwenpick.planning.plan import timed
from qwenpick.recommending.practice import SPILLED, device_cost, engine_cost
from qwenpick.recommending.scoring import TIGHT
from qwenpick.recommending.search.cache_format import Miss
from qwenpick.recommending.search.candidates import GPU_ENGINES, Bound
from qwenpick.recommending.search.latency import ANY_LATENCY, Latency
from qwenpick.recommending.search.reuse import Kept, Reuse
from qwenpick.recommending.search.speed_bound import Latencies
from qwenpick.runtimes import ON_LLAMACPP, find_runtime
from qwenpick.runtimes.llamacpp.driver import driver_bytes
from qwenpick.runtimes.llamacpp.limits import budget, has_backend
from qwenpick.runtimes.llamacpp.parts import copies_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwenpick.catalog import Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.memory.cache import KvCache
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.search.candidates import Candidate, Candidates
    from qwenpick.recommending.search.space import Search
    from qwenpick.recommending.search.upper_bound import UpperBound
    from qwenpick.runtimes.llamacpp.batch import Copies
    from qwenpick.speed import Speed
    from qwenpick.work.placement import Placement

Refusal = Callable[["Checkpoint", "Device"], "str | None"]
WHOLE_ENGINES = ("transformers",)  # engines that hold all layers on GPUs or all in RAM


class Bounds:
    """The bounds of all models on the devices of a machine, worked out as they are asked for."""

    def __init__(self, candidates: Candidates, search: Search) -> None:
        self.candidates, self.search = candidates, search
        self.catalog, self.task, self.request = candidates.catalog, candidates.task, candidates.request
        self.devices = search.machine.devices
        self.groups = search.groups
        self._speeds: dict[tuple[Candidate, Placement, KvCache], Speed | None] = {}
        self._known: dict[Candidate, list[Bound]] = {}
        self._latencies = Latencies(self.devices, search.machine.cpu, self.catalog.gpus, gpu_only=search.gpu_only)
        # what lies on the GPUs alone is the same beside any CPU
        alike = self.devices, self._latencies.on_gpus, self._latencies.all_known
        on_gpus, kept = candidates.beside_any_cpu.setdefault(alike, ({}, Kept()))
        self._on_gpus: dict[Candidate, list[Bound]] = on_gpus
        self.reuse = Reuse(self.devices, self.usable, self.request, kept)
        self._costs = {
            engine: engine_cost(engine, self.devices, search.work.sequences) for engine in chain(*self.groups)
        }
        self._edge = band("llamacpp").high

    def of(self, model: Model, group: int, search: Search) -> list[Bound]:
        """The loose bounds of a model in a group of engines that could lie in the machine at all: engine by engine, most bits first."""
        rooms = self._rooms(group, search)
        return [
            bound
            for one in self.ladder(model, group)
            if one.least <= (room := rooms[one.engine]) and one.needs <= room and (bound := one.anywhere)
        ]

    def _rooms(self, group: int, search: Search) -> dict[str, int]:
        """Bytes that each engine of a group could use at the very most."""
        beside = search.room - self._idle
        return {
            engine: search.gpu_room if engine in GPU_ENGINES else beside if engine in ON_LLAMACPP else search.room
            for engine in self.groups[group]
        }

    def with_drafts(
        self, candidates: Iterable[Candidate], drafts: Callable[[str], int]
    ) -> list[tuple[float, Candidate]]:
        """(points, candidate) that no plan on the GPUs exceeds in which the engine drafts so many tokens a step, the most points first."""
        found: list[tuple[float, Candidate]] = []
        for one in candidates:
            if latency := self._latencies.with_drafts(one, drafts(one.engine)):
                found += [(bound.points, one) for bound in self._bound(one, latency)]
        return sorted(found, key=itemgetter(0), reverse=True)

    def timed(self, candidate: Candidate, plan: Plan, machine: Machine) -> Plan:
        """The plan with its speed."""
        key = candidate, plan.placement, plan.work.kv_cache
        if key in self._speeds:
            return replace(plan, speed=self._speeds[key])
        timed_plan = timed(plan, machine, self.catalog, self.task.prompt, candidate.depth, self.task.predictable)
        self._speeds[key] = timed_plan.speed
        return timed_plan

    def ladder(self, model: Model, group: int) -> tuple[Candidate, ...]:
        """All candidates of a model in a group of engines, whether it fits or not."""
        return self.candidates.of(model, self.groups[group], self.search, old=self._old)

    def tight(self, candidate: Candidate) -> list[Bound]:
        """What takes the place of a candidate's loose bound: those on these devices, one that has room for it or two; none where none runs it."""
        found = self._known.get(candidate)
        if found is None:
            found = self._on_gpus.get(candidate)
            if found is None:
                found = self._on_these(candidate)
                if candidate.on_gpus or (found and found[0].ram is not None):
                    self._on_gpus[candidate] = found
            self._known[candidate] = found
        return found

    def _on_these(self, candidate: Candidate) -> list[Bound]:
        if candidate.on_gpus and self._refused(candidate):
            return []
        if candidate.work.options:
            return self._bound(candidate, ANY_LATENCY)
        if candidate.engine in WHOLE_ENGINES and candidate.held > self.search.gpu_room:
            return self._bound(candidate, self._latencies.on_cpu(candidate))
        if candidate.engine == "llamacpp" and not self.usable:
            return self._bound(candidate, self._latencies.on_cpu(candidate))
        if not candidate.by_rule:
            return self._bound(candidate, self._latencies.least(candidate, in_ram=not candidate.on_gpus, small=True))
        if candidate.held > self._gpu_room:
            return self._cut(candidate)
        if len(self.usable) > 1:
            return self._bound(candidate, self._latencies.least(candidate, in_ram=True, small=True))
        alone, strict = candidate.whole(self._copies), self.search.strict
        need = alone.on_gpu.with_driver(self.usable[0])
        missing = need - self._gpu_room
        if missing <= 0:
            least = self._latencies.least(candidate, in_ram=False, small=strict)
            if need * self._edge <= self._gpu_room:
                return self._bound(candidate, least, total=need + alone.in_ram, ram=alone.in_ram)
            # what is too tight for `strict` may hold with a smaller cache
            return self._bound(candidate, least, tight=not strict, ram=alone.in_ram)
        found = self._cut(candidate)
        if len(self.devices) == 1 and any(map(Miss(missing, alone.cache, alone.compute).brought_by, candidate.small)):
            found += self._bound(candidate, self._latencies.with_small_cache(candidate), small=True)
        return found

    def _cut(self, candidate: Candidate) -> list[Bound]:
        """The bound of what cannot lie on the GPUs alone: the best of the ways to cut it."""
        if (top := candidate.top) is None:
            return []
        points, token, prompt, moe = -math.inf, math.inf, math.inf, candidate.architecture.is_moe
        for way, latency in self._latencies.cuts(candidate, self._room_beside):
            most, least = self._worth(top, latency)
            if way == "layers" and not moe:
                most -= SPILLED * candidate.spilled(self._room_beside) / 2**30
            points, token, prompt = max(points, most), min(token, least.token), min(prompt, least.prompt)
        return [Bound(candidate, points - self._cost(candidate), top, Latency(token, prompt), cut=True)]

    def _bound(
        self,
        candidate: Candidate,
        latency: Latency | None,
        *,
        total: int | None = None,
        tight: bool = False,
        ram: int | None = None,
        small: bool = False,
    ) -> list[Bound]:
        """The bound at that latency; None is a latency that is not known. `total` are bytes in all and `tight` the verdict, where they are known."""
        top = candidate.small_top if small else candidate.top
        if top is None:
            return []
        points, least = self._worth(top, latency)
        points -= self._cost(candidate) + (TIGHT if tight else 0.0)
        if total:
            points -= (top.weights.smaller + self.task.smaller) * math.log2(total / candidate.held)
        return [Bound(candidate, points, top, least, False, ram, small)]

    def _worth(self, top: UpperBound, latency: Latency | None) -> tuple[float, Latency]:
        """(points at most, the latency at least) at that latency."""
        if latency is None:
            return top.points(None), ANY_LATENCY
        points = top.points(latency.token, latency.prompt)
        if not self._latencies.all_known:  # then some plan may have no speed
            return max(points, top.points(None)), ANY_LATENCY
        return points, latency

    def _cost(self, candidate: Candidate) -> float:
        cost = self._costs[candidate.engine] + candidate.cost
        if candidate.on_gpus and len(self.devices) == 1:
            cost += device_cost(candidate.model, candidate.checkpoint, candidate.engine, self.devices)
        return cost

    def _refused(self, candidate: Candidate) -> bool:
        """Whether no GPU here runs the format in the engine."""
        refusal: Refusal | None = getattr(find_runtime(candidate.engine), "device_refusal", None)
        return refusal is not None and all(refusal(candidate.listed, device) for device in self.devices)

    # -- the devices ---------------------------------------------------------------------------------------------------

    @cached_property
    def _old(self) -> bool:
        """Whether any is a GPU without bf16."""
        return any(map(before_ampere, self.devices))

    @cached_property
    def usable(self) -> list[Device]:
        """The devices that llama.cpp can use, the roomiest first."""
        usable = [device for device in self.devices if has_backend(device)]
        return sorted(usable, key=lambda device: -(budget(device, self.search.work) or 0))

    @cached_property
    def _copies(self) -> Copies:
        """What of the cache llama.cpp copies on them."""
        return copies_of(self.usable, self.search.work)

    @cached_property
    def _idle(self) -> int:
        """Bytes of the others."""
        return sum(device.free or device.total or 0 for device in self.devices if device not in self.usable)

    @cached_property
    def _gpu_room(self) -> int:
        """Bytes that llama.cpp may take of them."""
        return sum(budget(device, self.search.work) or 0 for device in self.usable)

    @cached_property
    def _room_beside(self) -> float:
        """Bytes that weights, cache and state may take of GPUs at the very most, beside layers in RAM."""
        rooms = [
            (budget(device, self.search.work) or 0) / self._edge + 1 - driver_bytes(device, 0)  # 1: what is rounded
            for device in self.usable
        ]
        return sum(rooms)
