"""What each format of a model is worth at best on some devices, before its memory is planned: few formats need be planned to find the best one.

A bound leaves out what only takes points (a tight fit, the reading of the prompt). None of it depends on how much RAM there is, so what was found
on some devices stands for all boxes that have them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from qwenpick.bands import band
from qwenpick.candidates import LOW_BITS, Search, engine_groups, least_held, rungs, weights_of, work_of
from qwenpick.ceiling import ceiling_in
from qwenpick.eight_bits import EIGHT_BIT_CACHE, may_help, miss_on_one_gpu
from qwenpick.plan import timed
from qwenpick.quantization import FORMATS
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.llamacpp.best_case import least_in_ram, must_use_ram, whole
from qwenpick.scoring import PREFERENCES, engine_cost
from qwenpick.speed.decode import Load, token_seconds
from qwenpick.speed.devices import Place, place_of, processor
from qwenpick.speed.stages import Stage
from qwenpick.speed.traffic import attention, traffic
from qwenpick.workload import KvCache

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model
    from qwenpick.hardware import Machine
    from qwenpick.placement import Placement
    from qwenpick.plan import Plan
    from qwenpick.scoring import Scored
    from qwenpick.speed import Speed
    from qwenpick.tasks import Task
    from qwenpick.wish import Wish
    from qwenpick.workload import Serving


GPU_ENGINES = ("vllm", "sglang")  # engines that use no RAM for layers


@dataclass(frozen=True, slots=True)
class Offer:
    """A format of a model in an engine, of which no plan gives more `points` or `quality`, or a shorter wait than `seconds`.

    `held` are bytes that any run of it holds, on GPUs or in RAM. `cut` says that it cannot lie on the GPUs alone, and `ram` how many bytes it holds
    in RAM where it is known to. With `small` it is meant with a cache of 8 bits, on the GPUs.
    """

    engine: str
    checkpoint: Checkpoint
    points: float
    quality: float
    seconds: float
    held: int
    cut: bool = False
    ram: int | None = None
    small: bool = False

    @property
    def low(self) -> bool:
        """Whether it has so few bits that it is only looked at where the GPUs hold none of about four alone."""
        return FORMATS[self.checkpoint.format].bits < LOW_BITS


class Offers:
    """The offers of all models in one task on the devices of a machine, worked out as they are asked for."""

    def __init__(self, catalog: Catalog, task: Task, wish: Wish, search: Search) -> None:
        self.catalog, self.task, self.wish, self.search = catalog, task, wish, search
        self.devices = search.machine.devices
        self.groups = engine_groups(search.machine.system, self.devices, search.runtime)
        self._rungs: dict[tuple[str, int], list[tuple[str, Checkpoint, int]]] = {}
        self.on_any_box: dict[tuple[str, str, str, bool], list[tuple[Plan, Scored | None]]] = {}
        self._speeds: dict[tuple[str, str, str, Placement, KvCache], Speed | None] = {}
        self._found: dict[tuple[str, str, str], tuple[Offer, ...]] = {}

    def of(self, model: Model, group: int, search: Search) -> list[Offer]:
        """The offers of a model in a group of engines that could lie in the machine at all: engine by engine, most bits first."""
        architecture = self.catalog.architecture(model)
        found: list[Offer] = []
        for engine, checkpoint, least in self._ladder(architecture, model, group):
            room = search.gpu_room if engine in GPU_ENGINES else search.room
            if least <= room:
                found += (
                    offer for offer in self._offers(architecture, model, engine, checkpoint) if offer.held <= room
                )
        return found

    def regardless_of_ram(self, offer: Offer, search: Search) -> bool:
        """Whether what is planned for the offer on this machine stands for every box with these devices that has as little RAM as that needs."""
        if PREFERENCES[self.wish.prefer].context or any(device.unified for device in self.devices):
            return False
        free = search.machine.ram_free
        return offer.engine in GPU_ENGINES or (
            offer.ram is not None and free is not None and offer.ram * band(offer.engine).high <= free
        )

    def timed(self, plan: Plan, machine: Machine) -> Plan:
        """The plan with its speed."""
        key = plan.model.id, plan.runtime, plan.checkpoint.format, plan.placement, plan.work.kv_cache
        if key not in self._speeds:
            depth = min(plan.work.context, self.task.depth)
            self._speeds[key] = timed(plan, machine, self.catalog, self.task.prompt, depth).speed
        return replace(plan, speed=self._speeds[key])

    def _ladder(self, architecture: Architecture, model: Model, group: int) -> list[tuple[str, Checkpoint, int]]:
        key = model.id, group
        if key not in self._rungs:
            self._rungs[key] = [
                (name, checkpoint, least_held(architecture, model, checkpoint))
                for name in self.groups[group]
                for checkpoint in rungs(architecture, model, find_runtime(name), self.search)
            ]
        return self._rungs[key]

    def _offers(
        self, architecture: Architecture, model: Model, engine: str, checkpoint: Checkpoint
    ) -> tuple[Offer, ...]:
        key = model.id, engine, checkpoint.format
        if key not in self._found:
            self._found[key] = tuple(self._bounded(architecture, model, engine, checkpoint))
        return self._found[key]

    def _bounded(self, architecture: Architecture, model: Model, engine: str, checkpoint: Checkpoint) -> list[Offer]:
        work, search = work_of(model, self.search.work), self.search
        depth = min(work.context, self.task.depth)
        held = weights_of(architecture, checkpoint)
        load = Load(
            engine,
            checkpoint.format,
            traffic(architecture, checkpoint.format, checkpoint.bytes),
            attention(architecture),
            work.kv_cache,
        )
        small = EIGHT_BIT_CACHE.get(engine) if search.any_cache and not work.options else None

        def offer(seconds: float | None, cache: KvCache = work.kv_cache, **more: object) -> list[Offer]:
            top = ceiling_in(
                model,
                architecture,
                checkpoint.format,
                cache,
                held,
                self.task.name,
                self.wish.prefer,
                self.wish.thinking,
                work.context,
            )
            if top is None:
                return []
            points = top.points(seconds)
            if seconds is None or not self._all_known:  # then some plan has no speed
                points, seconds = max(points, top.points(None)), 0.0
            points -= engine_cost(engine, self.devices, work.sequences)
            return [Offer(engine, checkpoint, points, top.quality, top.written * seconds, held, **more)]  # type: ignore[arg-type]

        if work.options:
            return offer(0.0)
        if engine != "llamacpp" or not self.devices:
            return offer(self._least(load, work, depth, small, in_ram=engine not in GPU_ENGINES))
        if not must_use_ram(architecture, checkpoint, work, self.devices):
            known = len(self.devices) == 1 and self.devices[0].vendor != "ascend" and not checkpoint.bytes
            return offer(
                self._least(load, work, depth, None if known and not search.strict else small, in_ram=not known),
                ram=whole(architecture, checkpoint, work).in_ram if known else None,
            )
        found = offer(self._cut(architecture, checkpoint, load, work, depth), cut=True)
        if small and may_help(engine, work, miss_on_one_gpu(architecture, checkpoint, work, search)):
            cache = KvCache(small, small)
            found += offer(self._least(replace(load, cache=cache), work, depth, None, in_ram=False), cache, small=True)
        return found

    # -- seconds a token -----------------------------------------------------------------------------------------------

    @cached_property
    def _places(self) -> list[Place | None]:
        return [place_of(device, self.catalog.gpus, self.search.machine.cpu.bandwidth) for device in self.devices]

    @cached_property
    def _all_known(self) -> bool:
        return all(self._places) and self._processor is not None

    @cached_property
    def _processor(self) -> Place | None:
        return processor(self.search.machine.cpu)

    def _least(self, load: Load, work: Serving, depth: int, small: str | None, *, in_ram: bool) -> float | None:
        """Seconds a token on all devices at once, or on the CPU alone, whichever is less. None where no speed is known."""
        ways = [self._on_devices(load, work, depth), self._on_cpu(load, work, depth) if in_ram else None]
        if small:
            ways.append(self._on_devices(replace(load, cache=KvCache(small, small)), work, depth))
        return min((seconds for seconds in ways if seconds is not None), default=None)

    def _on_devices(self, load: Load, work: Serving, depth: int) -> float | None:
        known = [place for place in self._places if place]
        if not known:
            return None
        return min(_seconds(load, work, depth, place) for place in known) / len(known)

    def _on_cpu(self, load: Load, work: Serving, depth: int) -> float | None:
        return _seconds(load, work, depth, self._processor) if self._processor and not self.search.gpu_only else None

    def _cut(
        self, architecture: Architecture, checkpoint: Checkpoint, load: Load, work: Serving, depth: int
    ) -> float | None:
        """Seconds a token of llama.cpp with as little in RAM as can be; the shares that lie there and on the GPU take their shares of the time."""
        layers, experts = least_in_ram(architecture, checkpoint, work, self.devices)
        cpu = self._on_cpu(load, work, depth)
        if cpu is None:
            return None
        gpus = [place for place in self._places if place]
        if not gpus:
            return cpu
        on_gpu = min(_seconds(load, work, depth, place, head=0.0) for place in gpus)
        ways = [cpu, layers * cpu + (1 - layers) * on_gpu]
        if experts is not None and self._processor:
            routed = _seconds(load, work, depth, self._processor, layers=0.0, head=0.0)
            ways.append(min(routed, experts * routed + (1 - experts) * on_gpu))
        return min(ways)


@lru_cache(maxsize=65536)
def _seconds(load: Load, work: Serving, depth: int, place: Place, *, layers: float = 1.0, head: float = 1.0) -> float:
    """Seconds a token of all experts, the layers around them and the head in one place."""
    return token_seconds(load, depth, work.sequences, 0, (Stage(place, layers, 1.0, head),))
