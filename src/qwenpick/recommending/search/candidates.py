"""The candidates of each model in one task, whatever the machine: formats and engines, with all that does not depend on devices.

It is worked out once for all machines, and of each format only as it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from qwenpick.memory.account import RAM
from qwenpick.memory.quantization import FORMATS
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.planning.files import planned_file, settled
from qwenpick.recommending.dominance import Relation, relation
from qwenpick.recommending.practice import wide
from qwenpick.recommending.scoring import HOMEMADE, MADE_ON_LOAD
from qwenpick.recommending.search.cache_format import least_cache_bytes, smaller_caches
from qwenpick.recommending.search.formats import LOW_BITS, least_held, rungs, weights_of
from qwenpick.recommending.search.latency import ANY_LATENCY, Latency, LatencySums, Rates, rates_of
from qwenpick.recommending.search.space import Search, work_of
from qwenpick.recommending.search.upper_bound import UpperBound, upper_bound, upper_bound_in
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.llamacpp.parts import Shape, file_share, on_any_device
from qwenpick.runtimes.llamacpp.totals import Totals, totals
from qwenpick.runtimes.llamacpp.whole import Whole, whole
from qwenpick.speed.decode import Load, step_on, token_seconds
from qwenpick.speed.flags import MOST_CHUNK
from qwenpick.speed.prefill import reading_on
from qwenpick.speed.stages import Stage
from qwenpick.speed.traffic import attention, traffic
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model
    from qwenpick.memory.cache import KvCache
    from qwenpick.recommending.scoring import Scored
    from qwenpick.runtimes.llamacpp.batch import Copies
    from qwenpick.speed.devices import Class, Place

GPU_ENGINES = ("vllm", "sglang")  # engines that use no RAM for layers


class Candidate:
    """A format of a model in an engine, whatever it will run on. What takes a look at each tensor is worked out when it is asked for.

    `least` are bytes that any run holds, known without that look. `low` says that it has so few bits that it is only looked at where the GPUs
    hold none of about four alone, and `on_gpus` that its engine uses no RAM for layers. `small` are the smaller caches that may be tried.
    `has_table` says that it has an n-gram table, which engines on GPUs may keep in RAM.
    """

    def __init__(
        self,
        model: Model,
        architecture: Architecture,
        engine: str,
        listed: Checkpoint,
        search: Search,
    ) -> None:
        self.model, self.architecture, self.engine, self.listed = model, architecture, engine, listed
        self.task, self.request = search.task, search.request
        self.work = work_of(model, search)
        self.depth = min(self.work.context, search.task.depth)
        self._prompt = min(self.work.context, search.task.prompt)
        self.least = least_held(architecture, model, listed)
        self.on_gpus = engine in GPU_ENGINES
        self.has_table = any(extra.name == NGRAM_TABLE for extra in architecture.extras)
        self.low = FORMATS[listed.format].bits < LOW_BITS
        self.small = smaller_caches(engine, model, architecture) if search.any_cache and not self.work.options else ()
        self.by_rule = engine == "llamacpp" and not self.work.options  # llama.cpp's own rule, with no flags
        self._wholes: dict[Copies, Whole] = {}
        # a prompt is timed by the rate of what the context holds
        self._prompts = self.work.sequences * search.task.prompt / self._prompt
        self._kinds: dict[Class, LatencySums] = {}
        self._small_kinds: dict[Class, list[LatencySums]] = {}
        self._in_ram: dict[Rates, Latency] = {}

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The format with the size that it is planned with."""
        return settled(self.architecture, self.listed)

    def shares_format(self, other: Candidate) -> bool:
        """Whether the other is a file of the same format for the same engine by another publisher; of two the heavier is first in the ladder."""
        return self is not other and self.engine == other.engine and self.listed.format == other.listed.format

    @cached_property
    def cost(self) -> float:
        """Points that the format costs wherever it runs: nobody publishes it, it is made as the engine starts, or wider than need be."""
        made = planned_file(self.model, self.architecture, self.checkpoint, self.engine) is None
        on_load = MADE_ON_LOAD if FORMATS[self.checkpoint.format].on_load else 0.0
        return (HOMEMADE if made else 0.0) + on_load + wide(self.model, self.checkpoint)

    @cached_property
    def held(self) -> int:
        """Bytes that any run of it holds, on GPUs or in RAM."""
        return weights_of(self.architecture, self.checkpoint)

    @cached_property
    def needs(self) -> int:
        """The same with the smallest cache of all sequences that may be tried: what is too large with it need not be planned."""
        return self.held + least_cache_bytes(
            self.engine, self.model, self.architecture, self.work.context, self.request
        )

    @cached_property
    def top(self) -> UpperBound | None:
        """What it is worth by how long one waits for a token; None where nothing is known of its quality."""
        return self._top(self.work.kv_cache)

    @cached_property
    def small_top(self) -> UpperBound | None:
        """The same with the best kept of the smaller caches."""
        return self._top(self.small[0]) if self.small else None

    @cached_property
    def anywhere(self) -> Bound | None:
        """Its bound on any box, where it makes nobody wait; None where nothing is known of its quality."""
        top = self.top
        return Bound(self, top.points(0.0) - self.cost, top, ANY_LATENCY, loose=True) if top else None

    def whole(self, copies: Copies) -> Whole:
        """What llama.cpp holds on one GPU whose backend keeps these `copies` of the cache."""
        if copies not in self._wholes:
            self._wholes[copies] = whole(self.architecture, self.checkpoint, self.work, copies=copies)
        return self._wholes[copies]

    @cached_property
    def need_in_ram(self) -> float:
        """Bytes that llama.cpp holds without any GPU; more than there can be where it does not know the model."""
        if self.architecture.gguf_arch is None:
            return math.inf
        return on_any_device(self.architecture, self.checkpoint, self.work, Shape(0)).on(RAM)

    def on(self, kind: Class) -> LatencySums:
        """How fast it runs on a kind of device."""
        if kind not in self._kinds:
            self._kinds[kind] = self._latency(self._load, kind)
        return self._kinds[kind]

    def small_on(self, kind: Class) -> list[LatencySums]:
        """The same with each of the smaller caches."""
        if kind not in self._small_kinds:
            loads = [replace(self._load, cache=cache) for cache in self.small]
            self._small_kinds[kind] = [self._latency(load, kind) for load in loads]
        return self._small_kinds[kind]

    def in_ram(self, ram: Rates) -> Latency:
        """All of it in RAM; it is kept, since many machines have the same."""
        if ram not in self._in_ram:
            self._in_ram[ram] = self.on("cpu").latency(ram)
        return self._in_ram[ram]

    def drafting(self, place: Place, drafts: int) -> Latency:
        """How fast it runs on a place where its MTP block drafts so many tokens a step, with the quickest of its caches."""
        stages = (Stage(place, 1.0, 1.0, 1.0),)
        token = min(token_seconds(load, self.depth, self.work.sequences, drafts, stages) for load in self._drafting)
        return Latency(token, self.on(place.kind).latency(rates_of(place)).prompt)

    def _latency(self, load: Load, kind: Class) -> LatencySums:
        reading = reading_on(self._load, self._prompt, 0, MOST_CHUNK[self.engine], kind)
        return LatencySums(step_on(load, self.depth, self.work.sequences, 1, kind), reading, self._prompts)

    def least_in_ram(self, room: float) -> tuple[float, float | None]:
        """(share of the layers, share of the experts where they alone are enough) that llama.cpp must leave in RAM for the rest to take no more room.

        The compute buffer, which a search of the true cut knows, is left out.
        """
        sums, n = self._totals, self.architecture.num_layers
        moved = sums.fewest_experts(room) if self.architecture.is_moe else None
        return (sums.fewest_layers(room) - 1) / n, None if moved is None else moved / n

    def spilled(self, room: float) -> int:
        """Bytes in RAM at least where llama.cpp leaves layers there for the rest to take no more room."""
        return self._totals.spilled(room)

    @cached_property
    def _totals(self) -> Totals:
        return totals(
            self.architecture, self.checkpoint.format, self.work, file_share(self.architecture, self.checkpoint)
        )

    @cached_property
    def _load(self) -> Load:
        name = self.checkpoint.format
        weights = traffic(self.architecture, name, self.checkpoint.bytes)
        return Load(self.engine, name, weights, attention(self.architecture), self.work.kv_cache)

    @cached_property
    def _drafting(self) -> list[Load]:
        """With each of its caches, where what it writes is as predictable as the task says."""
        caches = self.work.kv_cache, *self.small
        return [replace(self._load, cache=cache, predictable=self.task.predictable) for cache in caches]

    def _top(self, cache: KvCache) -> UpperBound | None:
        request, name = self.request, self.checkpoint.format
        return upper_bound_in(
            self.model,
            self.architecture,
            name,
            cache,
            self.held,
            self.task,
            request,
            self.work.context,
        )


@dataclass(slots=True, eq=False)
class Bound:
    """A candidate on some devices: none of its plans gives more `points`, more than `top` says, or a shorter wait than the `latency`.

    `cut` says that it cannot lie on the GPUs alone, and `ram` how many bytes it holds in RAM where it is known to. With `small` it is meant with
    a smaller cache, on the GPUs. One that is `loose` says what the candidate gives on any box.
    """

    candidate: Candidate
    points: float
    top: UpperBound
    latency: Latency
    cut: bool = False
    ram: int | None = None
    small: bool = False
    loose: bool = False

    @property
    def seconds(self) -> float:
        """The wait for an answer at least, with the effort that is the quickest."""
        return self.top.written * self.latency.token + self.latency.prompt

    def outdone(self, by: Scored, how: Relation) -> bool:
        """Whether another model's plan outdoes any plan of this for certain, whatever the effort: what is cut or of a smaller cache is worth less."""
        token, prompt = self.latency
        return all(how.surely_holds(by, worth, token, n * token + prompt) for _, n, worth in self.top.efforts)


class Start(NamedTuple):
    """A model with the points and the quality that no machine exceeds."""

    model: Model
    points: float
    quality: float
    seconds: float = 0.0
    holds: bool = False


class Candidates:
    """All candidates of some models in one task, whatever the machine: it is worked out once for all machines.

    `starts` are the models by id, and `queue` is a heap of them, (-points, id); of the quality of the `unknown` nothing is known.
    `beside_any_cpu` keeps what `Bounds` found out of GPUs alone.
    """

    def __init__(self, catalog: Catalog, models: Iterable[Model], search: Search) -> None:
        self.catalog, self.task, self.request = catalog, search.task, search.request
        task, request, context = search.task, search.request, search.work.context
        tops = [(model, upper_bound(model, task, request, context)) for model in models]
        self.starts = {model.id: Start(model, top.points(0.0), top.quality) for model, top in tops if top}
        self.queue = sorted((-start.points, name) for name, start in self.starts.items())
        self.unknown = [model for model, top in tops if top is None]
        self._known: dict[tuple[str, tuple[str, ...], bool], tuple[Candidate, ...]] = {}
        self._rivals: dict[str, dict[str, tuple[Start, Relation]]] = {}
        self.beside_any_cpu: dict[object, tuple[dict[Candidate, Any], Any]] = {}

    def rivals(self, model: Model) -> dict[str, tuple[Start, Relation]]:
        """The other models by id that could outdo it, and how: its successors, then those of the highest quality first."""
        if model.id not in self._rivals:
            others = [(start, relation(start.model, model)) for name, start in self.starts.items() if name != model.id]
            found = [(start, how) for start, how in others if how]
            found.sort(key=lambda other: (not other[1].succeeds, -other[0].quality))
            self._rivals[model.id] = {other[0].model.id: other for other in found}
        return self._rivals[model.id]

    def of(self, model: Model, engines: tuple[str, ...], search: Search, *, old: bool) -> tuple[Candidate, ...]:
        """The formats of a model, engine by engine, most bits first; `old` says whether a GPU is older than Ampere."""
        key = model.id, engines, old
        if key not in self._known:
            self._known[key] = tuple(one for engine in engines for one in self._in(model, engine, search))
        return self._known[key]

    def _in(self, model: Model, engine: str, search: Search) -> Iterator[Candidate]:
        architecture = self.catalog.architecture(model)
        for checkpoint in rungs(architecture, model, find_runtime(engine), search):
            yield Candidate(model, architecture, engine, checkpoint, search)
