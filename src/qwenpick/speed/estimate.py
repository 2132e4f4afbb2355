"""From a plan to its speed: one generation step, one prompt, and N users, each as a band, none beyond what the memory can be read at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, reduce
from typing import TYPE_CHECKING

from qwenpick.speed.batch import served
from qwenpick.speed.constants import Spread
from qwenpick.speed.decode import Load, step_bytes, token_seconds
from qwenpick.speed.devices import Class
from qwenpick.speed.efficiency import KIN
from qwenpick.speed.flags import Flags, usual
from qwenpick.speed.measured import measured
from qwenpick.speed.prefill import prompt_seconds
from qwenpick.speed.stages import Stage, stages
from qwenpick.speed.traffic import attention, cache_bytes_per_element, traffic
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Gpu
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving


@dataclass(frozen=True, slots=True)
class Band:
    """A figure and the range that 90 % of comparable measurements fall in."""

    value: float
    low: float
    high: float

    def contains(self, measured: float) -> bool:
        """Whether a measurement lies in the band."""
        return self.low <= measured <= self.high


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a plan runs. Rates are tokens/s; `first_token` is seconds.

    `decode` is one stream's generation at `depth` tokens; `prefill` the reading of `prompt` tokens; `first_token` prompt and one step; `together` all
    sequences' generation; `each` what one of them sees then.
    """

    decode: Band
    prefill: Band
    first_token: Band
    together: Band
    each: Band
    depth: int
    prompt: int
    sequences: int
    generation: Generation

    @property
    def why(self) -> str:
        """What was counted."""
        return _why(self.generation.load, self.depth, self.generation.parts)

    @property
    def roofline(self) -> Roofline:
        """What no generation at `depth` exceeds."""
        return self.generation.roofline(self.depth)

    @property
    def by_depth(self) -> tuple[AtDepth, ...]:
        """What one of the sequences sees at the start, at `depth`, and with the whole context filled."""
        found = self.generation
        depths = sorted({0, self.depth, found.context})
        return tuple(AtDepth(depth, found.each(depth), found.prefill(depth) if depth else None) for depth in depths)


@dataclass(frozen=True, slots=True)
class AtDepth:
    """What one of the sequences sees, tokens/s, when each holds `depth` tokens; `prefill` is the mean over one prompt that filled them."""

    depth: int
    each: Band
    prefill: Band | None


@dataclass(frozen=True, slots=True)
class UnderLoad:
    """What each of `users` users sees of one copy: tokens/s while the prompts of others are read, and seconds to the first token."""

    users: int
    prompt: int
    answer: int
    each: Band
    first_token: Band

    def by(self, users: int) -> UnderLoad:
        """The same of so many users, shared out to copies that are each as busy."""
        return replace(self, users=users)

    @property
    def together(self) -> Band:
        """Generated tokens/s of all of them."""
        return Band(*(self.users * figure for figure in (self.each.value, self.each.low, self.each.high)))


@dataclass(frozen=True, slots=True)
class Roofline:
    """The bound that reading memory sets: `bandwidth` bytes/s over `bytes_per_token` bytes that a step reads, times the tokens a step yields at most.

    `bytes_per_token` are all weights that the step's tokens run, once, and the cache and states of every sequence. `bandwidth` is the whole of each
    device's, one device after another where they hold a share of the layers each. `accepted` is 1 without drafts, else one more than are drafted.
    """

    tokens_per_second: float
    bytes_per_token: float
    bandwidth: float
    accepted: float


@dataclass(frozen=True, slots=True)
class Generation:
    """What speeds at any depth follow from. `context` is the whole of what a sequence may hold; prompts are read in batches of `chunk`."""

    load: Load
    drafts: int
    sequences: int
    context: int
    parts: tuple[Stage, ...]
    around: Spread
    chunk: int
    before: Spread

    def each(self, depth: int, sequences: int | None = None) -> Band:
        """Tokens/s of one of the sequences when each of them holds `depth` tokens; no edge lies beyond the roofline."""
        n = sequences or self.sequences
        value = 1 / token_seconds(self.load, depth, n, self.drafts, self.parts)
        return _capped(_band(value, self.around), self.roofline(depth, n).tokens_per_second)

    def prefill(self, prompt: int, cached: int = 0) -> Band:
        """Tokens/s at which `prompt` tokens are read after `cached` ones."""
        return _band(prompt / prompt_seconds(self.load, prompt, cached, self.chunk, self.parts), self.before)

    def served(self, users: int, prompt: int, answer: int, cached: int = 0) -> UnderLoad:
        """What so many users see at once who each ask `prompt` tokens and are answered `answer`."""
        found = served(self.load, self.drafts, self.chunk, self.parts, users, prompt, answer, cached)
        most = self.roofline(cached + prompt, users).tokens_per_second
        each = _capped(_band(found.each, self.around), most)
        first = Band(found.first_token, found.first_token / self.before.high, found.first_token / self.before.low)
        return UnderLoad(users, prompt, answer, each, first)

    def roofline(self, depth: int, sequences: int | None = None) -> Roofline:
        """The bound at a depth, for one of the sequences."""
        n = sequences or self.sequences
        parts = [(stage, step_bytes(self.load, depth, n, stage)) for stage in self.parts]
        read = sum(size for _unused, size in parts)
        seconds = sum(size / (stage.place.bandwidth * stage.ways) for stage, size in parts)
        most = 1 + self.drafts
        return Roofline(most / seconds, read, read / seconds, most)


def estimate(
    architecture: Architecture,
    checkpoint: Checkpoint,
    runtime: str,
    work: Serving,
    placement: Placement,
    machine: Machine,
    gpus: Mapping[str, Gpu],
    *,
    depth: int | None = None,
    prompt: int | None = None,
    cached: int = 0,
    flags: Flags | None = None,
    predictable: bool = False,
) -> Speed | None:
    """The speed of one plan; None where a bandwidth is unknown.

    Generation is at `depth` tokens (default: work.context); the prompt is `prompt` tokens (default: depth) after `cached` ones.
    `flags` are what the engine's options say of speed (runtimes/flags.py); without options its defaults. `predictable` is code and the like: drafts
    are right more often.
    """
    found = prepared(architecture, checkpoint, runtime, work, placement, machine, gpus, flags, predictable)
    if found is None:
        return None
    load, flags, parts = found
    depth = work.context if depth is None else depth
    prompt = max(1, depth) if prompt is None else prompt
    drafts = flags.drafts if architecture.mtp_layers else 0
    around, before = spreads(load.engine, tuple(stage.place.kind for stage in parts))
    if drafts:
        around = around.widened(measured().mtp_spread)
    together = -(-work.sequences // placement.data_parallel)  # that one copy generates at once
    generation = Generation(load, drafts, together, work.context, parts, around, flags.chunk, before)
    decode = generation.each(depth, 1)
    each = generation.each(depth) if together > 1 else decode
    prefill = generation.prefill(prompt, cached)
    first = prompt / prefill.value + 1 / decode.value
    return Speed(
        decode=decode,
        prefill=prefill,
        first_token=Band(first, first / before.high, first / before.low),
        together=Band(*(work.sequences * figure for figure in (each.value, each.low, each.high))),
        each=each,
        depth=depth,
        prompt=prompt,
        sequences=work.sequences,
        generation=generation,
    )


def prepared(
    architecture: Architecture,
    checkpoint: Checkpoint,
    runtime: str,
    work: Serving,
    placement: Placement,
    machine: Machine,
    gpus: Mapping[str, Gpu],
    flags: Flags | None = None,
    predictable: bool = False,
) -> tuple[Load, Flags, tuple[Stage, ...]] | None:
    """What generates, the engine's flags and the stages; None where a bandwidth is unknown. `flags` as for `estimate`."""
    if flags is None and work.options:
        raise ValueError("a workload with options needs their flags: runtimes.flags.read_flags")
    flags = flags or usual(runtime)
    parts = stages(architecture.num_layers, placement, machine, gpus, flags.vulkan)
    if isinstance(parts, str):
        return None
    load = Load(
        runtime + flags.generation,
        checkpoint.format,
        traffic(architecture, checkpoint.format, checkpoint.bytes),
        attention(architecture),
        work.kv_cache,
        flags.eager,
        flags.build,
        flags.every_pair,
        predictable,
    )
    return load, flags, parts


def unknown(architecture: Architecture, placement: Placement, machine: Machine, gpus: Mapping[str, Gpu]) -> str | None:
    """Why `estimate` gives None, as a sentence; None where it gives a speed."""
    parts = stages(architecture.num_layers, placement, machine, gpus)
    return parts if isinstance(parts, str) else None


def _why(load: Load, depth: int, parts: tuple[Stage, ...]) -> str:
    """What was counted: "4.61 GB of weights and 1.21 GB of cache and state at 8,192 tokens, read at 1,008 GB/s (RTX 4090)"."""
    w = load.weights
    active = w.dense + w.output + w.experts * w.chosen / w.of
    history = load.attention.cache_elements(depth) * cache_bytes_per_element(load.cache) + load.attention.state
    where = ", ".join(
        f"{s.place.bandwidth * s.ways / 1e9:,.0f} GB/s ({f'{s.ways}x ' if s.ways > 1 else ''}{s.place.name})"
        for s in parts
    )
    return f"{active / 1e9:.2f} GB of weights and {history / 1e9:.2f} GB of cache and state at {depth:,} tokens, read at {where}"


def _band(value: float, spread: Spread) -> Band:
    return Band(value, value * spread.low, value * spread.high)


def _capped(band: Band, most: float) -> Band:
    return Band(min(band.value, most), min(band.low, most), min(band.high, most))


@lru_cache(maxsize=1024)
def spreads(engine: str, kinds: tuple[Class, ...]) -> tuple[Spread, Spread]:
    """The spreads of generation and of reading: the CPU's where anything lies in RAM, else what those of the stages' classes span."""
    if "cpu" in kinds:
        kinds = ("cpu",)
    name, known = KIN.get(engine, engine), measured()
    decode = [_own(known.decode_spread, engine, name, kind) or known.default_decode_spread for kind in kinds]
    prefill = [_own(known.prefill_spread, engine, name, kind) or known.default_prefill_spread for kind in kinds]
    return reduce(Spread.widened, decode), reduce(Spread.widened, prefill)


def _own(table: Mapping[tuple[str, Class], Spread], engine: str, kin: str, kind: Class) -> Spread | None:
    """The range of the class itself: where another class's rows lie beside their estimates says nothing of this one's."""
    return table.get((engine, kind)) or table.get((kin, kind))
