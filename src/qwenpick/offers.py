"""What each format of a model is worth at best on some devices, before its memory is planned: few formats need be planned to find the best one.

A bound leaves out what only takes points (a tight fit, the reading of the prompt). None of it depends on how much RAM there is, so what was found
on some devices stands for all boxes that have them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from qwenpick.bands import band
from qwenpick.candidates import LOW_BITS, Search, engine_groups, least_held, rungs, weights_of, work_of
from qwenpick.ceiling import Ceiling, ceiling, ceiling_in
from qwenpick.eight_bits import EIGHT_BIT_CACHE
from qwenpick.hardware import before_ampere
from qwenpick.memory import RAM
from qwenpick.quantization import FORMATS
from qwenpick.rank import Relation, relation
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.llamacpp.best_case import Whole, whole
from qwenpick.runtimes.llamacpp.driver import driver_overhead
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.parts import Shape, on_any_device
from qwenpick.runtimes.llamacpp.totals import Totals, totals
from qwenpick.scoring import PREFERENCES, TIGHT, engine_cost
from qwenpick.speed import estimate
from qwenpick.speed.decode import Load, Step, step_on
from qwenpick.speed.devices import place_of, processor
from qwenpick.speed.flags import CHUNK
from qwenpick.speed.prefill import Reading, reading_on
from qwenpick.speed.stages import Stage
from qwenpick.speed.traffic import attention, traffic
from qwenpick.workload import KvCache

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model
    from qwenpick.hardware import Device, Machine
    from qwenpick.placement import Placement
    from qwenpick.plan import Plan
    from qwenpick.scoring import Scored
    from qwenpick.shortlist import Contender
    from qwenpick.speed import Speed
    from qwenpick.speed.devices import Class
    from qwenpick.tasks import Task
    from qwenpick.wish import Wish

Row = tuple["Plan", "Scored | None"]  # a plan that holds, and its points where it has any
GPU_ENGINES = ("vllm", "sglang")  # engines that use no RAM for layers
WHOLE_ENGINES = ("transformers",)  # engines that hold all layers on GPUs or all in RAM


class Pace(NamedTuple):
    """Seconds a token, and seconds to read the prompt."""

    token: float
    prompt: float


class Prospect:
    """A format of a model in an engine, whatever it will run on. What takes a look at each tensor is worked out when it is asked for.

    `least` are bytes that any run holds, known without that look. `low` says that it has so few bits that it is only looked at where the GPUs
    hold none of about four alone. `small` is the name of the 8-bit cache that may be tried.
    """

    def __init__(
        self,
        model: Model,
        architecture: Architecture,
        engine: str,
        checkpoint: Checkpoint,
        task: Task,
        wish: Wish,
        search: Search,
    ) -> None:
        self.model, self.architecture, self.engine, self.checkpoint = model, architecture, engine, checkpoint
        self.task, self.wish = task, wish
        self.work = work_of(model, search.work)
        self.depth = min(self.work.context, task.depth)
        self.least = least_held(architecture, model, checkpoint)
        self.low = FORMATS[checkpoint.format].bits < LOW_BITS
        self.small = EIGHT_BIT_CACHE.get(engine) if search.any_cache and not self.work.options else None
        self.by_rule = (
            engine == "llamacpp" and not self.work.options and not checkpoint.bytes
        )  # no measured size, no flags
        self._steps: dict[tuple[Class, bool], Step] = {}
        self._readings: dict[Class, Reading] = {}
        self._in_ram: dict[tuple[float, float, float], Pace] = {}

    @cached_property
    def held(self) -> int:
        """Bytes that any run of it holds, on GPUs or in RAM."""
        return weights_of(self.architecture, self.checkpoint)

    @cached_property
    def top(self) -> Ceiling | None:
        """What it is worth by how long one waits for a token; None where nothing is known of its quality."""
        return self._top(self.work.kv_cache)

    @cached_property
    def small_top(self) -> Ceiling | None:
        """The same with a cache of 8 bits."""
        return self._top(self._small_cache)

    @cached_property
    def whole(self) -> Whole:
        """What llama.cpp holds on one GPU."""
        return whole(self.architecture, self.checkpoint, self.work)

    @cached_property
    def need_in_ram(self) -> int | None:
        """What llama.cpp holds without any GPU; None where it does not know the model."""
        if self.architecture.gguf_arch is None:
            return None
        return on_any_device(self.architecture, self.checkpoint, self.work, Shape(0)).on(RAM)

    def on(self, stage: Stage, *, small: bool = False) -> Pace:
        """How fast it runs on a stage."""
        kind = stage.place.kind
        step, reading = self._steps.get((kind, small)), self._readings.get(kind)
        if step is None:
            load = replace(self._load, cache=self._small_cache) if small else self._load
            step = self._steps[kind, small] = step_on(load, self.depth, self.work.sequences, 1, kind)
        if reading is None:
            chunk = CHUNK[self.engine]
            reading = self._readings[kind] = reading_on(self._load, self.task.prompt, 0, chunk, kind)
        return Pace(step.seconds(stage), reading.seconds(stage) * self.work.sequences)

    def in_ram(self, stage: Stage) -> Pace:
        """The same in RAM; it is kept, since many machines have the same."""
        key = stage.place.bandwidth, stage.place.rate, stage.layers
        if key not in self._in_ram:
            self._in_ram[key] = self.on(stage)
        return self._in_ram[key]

    def least_in_ram(self, room: float) -> tuple[float, float | None]:
        """(share of the layers, share of the experts where they alone are enough) that llama.cpp must leave in RAM for the rest to take no more room.

        The compute buffer, which a search of the true cut knows, is left out.
        """
        sums, n = self._totals, self.architecture.num_layers
        moved = sums.fewest_experts(room) if self.architecture.is_moe else None
        return (sums.fewest_layers(room) - 1) / n, None if moved is None else moved / n

    @cached_property
    def _totals(self) -> Totals:
        return totals(self.architecture, self.checkpoint.format, self.work)

    @cached_property
    def _load(self) -> Load:
        name = self.checkpoint.format
        weights = traffic(self.architecture, name, self.checkpoint.bytes)
        return Load(self.engine, name, weights, attention(self.architecture), self.work.kv_cache)

    @property
    def _small_cache(self) -> KvCache:
        return KvCache(self.small or "f16", self.small or "f16")

    def _top(self, cache: KvCache) -> Ceiling | None:
        wish, name = self.wish, self.checkpoint.format
        return ceiling_in(
            self.model,
            self.architecture,
            name,
            cache,
            self.held,
            self.task.name,
            wish.prefer,
            wish.thinking,
            self.work.context,
        )


def _comes_first(plan: Plan) -> bool:
    """Whether llama.cpp's plan with part of the model in RAM is of the placement that is tried before others like it."""
    return plan.placement.cpu_moe_layers > 0 or (plan.placement.split is not None and not plan.architecture.is_moe)


class Prospects:
    """All that could be offered of some models in one task, whatever the machine: it is worked out once for all machines.

    `starts` are the models with the points and the quality that no machine exceeds; of the quality of the `unknown` nothing is known.
    """

    def __init__(self, catalog: Catalog, models: Iterable[Model], task: Task, wish: Wish, context: int) -> None:
        self.catalog, self.task, self.wish = catalog, task, wish
        tops = [(model, ceiling(model, task.name, wish.prefer, wish.thinking, context)) for model in models]
        self.starts = [(model, top.points(0.0), top.quality) for model, top in tops if top]
        self.unknown = [model for model, top in tops if top is None]
        self._known: dict[tuple[str, str, bool], list[Prospect]] = {}
        self._rivals: dict[str, list[tuple[str, Relation]]] = {}

    def rivals(self, model: Model) -> list[tuple[str, Relation]]:
        """The ids of the other models that could outdo it, and how."""
        if model.id not in self._rivals:
            others = [(other.id, relation(other, model)) for other, _, _ in self.starts if other is not model]
            self._rivals[model.id] = [(name, how) for name, how in others if how]
        return self._rivals[model.id]

    def of(self, model: Model, engine: str, search: Search) -> list[Prospect]:
        """The formats of a model in an engine, most bits first."""
        key = model.id, engine, any(map(before_ampere, search.machine.devices))
        if key not in self._known:
            architecture = self.catalog.architecture(model)
            self._known[key] = [
                Prospect(model, architecture, engine, checkpoint, self.task, self.wish, search)
                for checkpoint in rungs(architecture, model, find_runtime(engine), search)
            ]
        return self._known[key]


@dataclass(slots=True, eq=False)
class Offer:
    """A prospect on some devices: none of its plans gives more `points` or `quality`, or a shorter wait than `seconds`.

    `cut` says that it cannot lie on the GPUs alone, and `ram` how many bytes it holds in RAM where it is known to. With `small` it is meant with
    a cache of 8 bits, on the GPUs.
    """

    prospect: Prospect
    points: float
    quality: float
    seconds: float
    cut: bool = False
    ram: int | None = None
    small: bool = False


class Offers:
    """The offers of all models on the devices of a machine, worked out as they are asked for."""

    def __init__(self, prospects: Prospects, search: Search) -> None:
        self.prospects, self.search = prospects, search
        self.catalog, self.task, self.wish = prospects.catalog, prospects.task, prospects.wish
        self.devices = search.machine.devices
        self.groups = engine_groups(search.machine.system, self.devices, search.runtime)
        self.on_any_box: dict[Offer, tuple[list[Row], int]] = {}  # rows, and the bytes of RAM that they need
        self._speeds: dict[tuple[Prospect, Placement, KvCache], Speed | None] = {}
        self._ladders: dict[tuple[str, int], list[Prospect]] = {}
        self._found: dict[Prospect, list[Offer]] = {}
        self._every: dict[tuple[str, int], tuple[list[Offer], int]] = {}  # all of a ladder, and the room that takes
        self._costs: dict[str, float] = {}
        self._settled: dict[str, tuple[Scored, int]] = {}
        self._edge = band("llamacpp").high

    def of(self, model: Model, group: int, search: Search) -> list[Offer]:
        """The offers of a model in a group of engines that could lie in the machine at all: engine by engine, most bits first."""
        key = model.id, group
        every, most = self._every.get(key, (None, 0))
        if every is not None and most <= search.room:
            return list(every)
        if key not in self._ladders:
            self._ladders[key] = [p for engine in self.groups[group] for p in self.prospects.of(model, engine, search)]
        on_gpus, anywhere, complete = search.gpu_room, search.room, True
        found: list[Offer] = []
        known = self._found
        for prospect in self._ladders[key]:
            gpus_alone = prospect.engine in GPU_ENGINES
            room = on_gpus if gpus_alone else anywhere
            if prospect.least <= room and prospect.held <= room:
                if prospect not in known:
                    known[prospect] = self._bounded(prospect)
                found += known[prospect]
            else:
                complete &= gpus_alone
        if complete:
            self._every[key] = list(found), max((offer.prospect.held for offer in found), default=0)
        return found

    def settled(self, model: Model, search: Search) -> Scored | None:
        """The model's best plan, where it was found on another box with these devices and stands on this one."""
        row, least = self._settled.get(model.id, (None, 0))
        return row if row and (least == 0 or (search.machine.ram_free or 0) >= least) else None

    def settle(self, one: Contender) -> None:
        """Remember a model's best plan for other boxes with these devices, where all its offers could lie in this one and more RAM changes none."""
        if not one.row or not one.lasting or one.group or one.model.id in self._settled:
            return
        if (one.model.id, 0) in self._every:
            plan = one.row.plan
            self._settled[one.model.id] = one.row, math.ceil(plan.memory.on(RAM) * plan.band.high)

    def ram_needed(self, offer: Offer, rows: list[Row], search: Search) -> int | None:
        """Bytes that must be free in RAM for these rows of an offer to stand on every box with these devices; None where they stand on this one only.

        They stand where RAM is not what decides: on GPUs alone, or in the placement that comes first of all with RAM to spare.
        """
        prospect = offer.prospect
        if PREFERENCES[self.wish.prefer].context or any(device.unified for device in self.devices):
            return None
        if prospect.engine in GPU_ENGINES:
            return 0
        plan = rows[0][0] if len(rows) == 1 else None
        if plan is None or not (offer.ram is not None or (offer.cut and _comes_first(plan))):
            return None
        least = math.ceil(plan.memory.on(RAM) * plan.band.high)
        return least if (search.machine.ram_free or 0) >= least else None

    def timed(self, prospect: Prospect, plan: Plan, machine: Machine) -> Plan:
        """The plan with its speed."""
        key = prospect, plan.placement, plan.work.kv_cache
        if key not in self._speeds:
            self._speeds[key] = estimate(
                plan.architecture,
                plan.checkpoint,
                plan.runtime,
                plan.work,
                plan.placement,
                machine,
                self.catalog.gpus,
                depth=prospect.depth,
                prompt=self.task.prompt,
            )
        return replace(plan, speed=self._speeds[key])

    def _bounded(self, prospect: Prospect) -> list[Offer]:
        if prospect.work.options:
            return self._offer(prospect, _ANY)
        if prospect.engine in WHOLE_ENGINES and prospect.held > self.search.gpu_room:
            return self._offer(prospect, self._on_cpu(prospect))
        if not prospect.by_rule or not self._usable:
            return self._offer(prospect, self._least(prospect, in_ram=prospect.engine not in GPU_ENGINES, small=True))
        if prospect.held > self._gpu_room:
            return self._offer(prospect, self._cut(prospect), cut=True)
        if len(self._usable) > 1:
            return self._offer(prospect, self._least(prospect, in_ram=True, small=True))
        alone, strict = prospect.whole, self.search.strict
        need = alone.on_gpu + self._driver + (alone.pool if self._pools else 0)
        missing = need - self._gpu_room
        if missing <= 0:
            least = self._least(prospect, in_ram=False, small=strict)
            if need * self._edge <= self._gpu_room:
                return self._offer(prospect, least, total=need + alone.in_ram, ram=alone.in_ram)
            return self._offer(
                prospect, least, tight=not strict, ram=alone.in_ram
            )  # else with a smaller cache, perhaps
        found = self._offer(prospect, self._cut(prospect), cut=True)
        if prospect.small and len(self.devices) == 1 and 2 * missing <= alone.cache:
            found += self._offer(prospect, self._on_devices(prospect, small=True), small=True)
        return found

    def _offer(
        self,
        prospect: Prospect,
        pace: Pace | None,
        *,
        total: int | None = None,
        tight: bool = False,
        cut: bool = False,
        ram: int | None = None,
        small: bool = False,
    ) -> list[Offer]:
        """The offer at that pace; None is a pace that is not known. `total` are bytes in all and `tight` the verdict, where they are known."""
        top = prospect.small_top if small else prospect.top
        if top is None:
            return []
        points = top.points(pace.token, pace.prompt) if pace else top.points(None)
        if not self._all_known:  # then some plan may have no speed
            points, pace = max(points, top.points(None)), None
        points -= self._cost(prospect.engine) + (TIGHT if tight else 0.0)
        if total:
            points -= (top.weights.smaller + self.task.smaller) * math.log2(total / prospect.held)
        seconds = top.written * pace.token + pace.prompt if pace else 0.0
        return [Offer(prospect, points, top.quality, seconds, cut, ram, small)]

    def _cost(self, engine: str) -> float:
        if engine not in self._costs:
            self._costs[engine] = engine_cost(engine, self.devices, self.search.work.sequences)
        return self._costs[engine]

    # -- the devices ---------------------------------------------------------------------------------------------------

    @cached_property
    def _usable(self) -> list[Device]:
        """The devices that llama.cpp can use, the roomiest first."""
        usable = [device for device in self.devices if device.vendor != "ascend"]
        return sorted(usable, key=lambda device: -(budget(device, self.search.work) or 0))

    @cached_property
    def _gpu_room(self) -> int:
        """Bytes that llama.cpp may take of them."""
        return sum(budget(device, self.search.work) or 0 for device in self._usable)

    @cached_property
    def _driver(self) -> int:
        """Bytes that the driver takes of the roomiest."""
        return driver_overhead(self._usable[0], 0)[0]

    @cached_property
    def _pools(self) -> bool:
        """Whether that driver keeps a pool beside them."""
        return driver_overhead(self._usable[0], 1)[0] > self._driver

    @cached_property
    def _room_beside(self) -> float:
        """Bytes that weights, cache and state may take of the roomiest at the very most, beside layers in RAM."""
        return (budget(self._usable[0], self.search.work) or 0) / self._edge + 1 - self._driver  # 1: what is rounded

    @cached_property
    def _places(self) -> list[tuple[Stage, Stage]]:
        """The devices whose bandwidth is known, each with the whole model there, and with all but the head."""
        found = (place_of(device, self.catalog.gpus, self.search.machine.cpu.bandwidth) for device in self.devices)
        return [(Stage(place, 1.0, 1.0, 1.0), Stage(place, 1.0, 1.0, 0.0)) for place in found if place]

    @cached_property
    def _processor(self) -> tuple[Stage, Stage] | None:
        """The CPU with the whole model in RAM, and with its experts alone."""
        place = processor(self.search.machine.cpu)
        return (Stage(place, 1.0, 1.0, 1.0), Stage(place, 0.0, 1.0, 0.0)) if place else None

    @cached_property
    def _all_known(self) -> bool:
        return len(self._places) == len(self.devices) and self._processor is not None

    # -- how fast ------------------------------------------------------------------------------------------------------

    def _least(self, prospect: Prospect, *, in_ram: bool, small: bool) -> Pace | None:
        """The pace on all devices at once, or on the CPU alone, whichever is faster. None where no speed is known."""
        ways = [self._on_devices(prospect), self._on_cpu(prospect) if in_ram else None]
        if small and prospect.small:
            ways.append(self._on_devices(prospect, small=True))
        return _fastest([way for way in ways if way])

    def _on_devices(self, prospect: Prospect, *, small: bool = False) -> Pace | None:
        count = len(self._places)
        best = _fastest([prospect.on(whole, small=small) for whole, _ in self._places])
        return Pace(best.token / count, best.prompt / count) if best and count > 1 else best

    def _on_cpu(self, prospect: Prospect) -> Pace | None:
        return prospect.in_ram(self._processor[0]) if self._processor and not self.search.gpu_only else None

    def _cut(self, prospect: Prospect) -> Pace | None:
        """That of llama.cpp with as little in RAM as can be: the shares that lie there and on the GPU take their shares of the time."""
        cpu = self._on_cpu(prospect)
        if cpu is None or self._processor is None:
            return None
        gpu = _fastest([prospect.on(headless) for _, headless in self._places])
        if gpu is None:
            return cpu
        layers, experts = prospect.least_in_ram(self._room_beside)
        token, prompt = min(cpu.token, layers * cpu.token + (1 - layers) * gpu.token), min(cpu.prompt, gpu.prompt)
        if experts is not None:
            routed = prospect.in_ram(self._processor[1])
            token = min(token, routed.token, experts * routed.token + (1 - experts) * gpu.token)
            prompt = min(prompt, routed.prompt)
        return Pace(token, prompt)


_ANY = Pace(0.0, 0.0)


def _fastest(paces: list[Pace]) -> Pace | None:
    """The least of each kind of seconds."""
    if len(paces) < 2:
        return paces[0] if paces else None
    return Pace(min(pace.token for pace in paces), min(pace.prompt for pace in paces))
