"""Which plans of a model are worth ranking: enough engines and formats to find the best one, and no more, since a person waits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.bands import band
from qwenpick.checkpoints import FAMILIES, checkpoints
from qwenpick.eight_bits import in_eight_bits, miss_of, miss_on_one_gpu
from qwenpick.hardware import before_ampere
from qwenpick.memory import RAM, Memory, Part
from qwenpick.plan import Plan, evaluate, longest_allowed
from qwenpick.quantization import FORMATS, stored_bytes
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.llamacpp.best_case import best_cuts, layer_bytes, must_use_ram

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.hardware import Machine
    from qwenpick.runtimes import Runtime
    from qwenpick.workload import Serving

# Engines in the order they are tried; the next group only for a model that none of the group before holds. Within a group all are compared.
# SGLang plans like vLLM and Ollama is llama.cpp under other defaults: they are taken where the first cannot, or where they are asked for.
APPLE_ENGINES = (("mlx", "llamacpp"), ("ollama", "transformers"))
ENGINES = (("llamacpp", "vllm"), ("sglang", "ollama", "transformers"))
CPU_ENGINES = (("llamacpp",), ("ollama", "transformers"))
PER_FAMILY = 2  # formats of one precision that are compared: between them lies nothing that changes a choice
LOW_BITS = 5.0  # once a format of about four bits is held by the GPUs alone, fewer bits only lose quality


def engine_groups(machine: Machine, runtime: str | None = None) -> tuple[tuple[str, ...], ...]:
    """The engines to compare on the machine, group by group; only the one that was asked for where one was."""
    if runtime:
        return ((find_runtime(runtime).NAME,),)
    if machine.system == "darwin" or any(device.vendor == "apple" for device in machine.devices):
        return APPLE_ENGINES
    return ENGINES if machine.devices else CPU_ENGINES


@dataclass(frozen=True, slots=True)
class Search:
    """Where plans are looked for: the machine, the work, and what the engine, the format and the placement may be.

    With `any_cache` the cache may be of 8 bits where that of the work does not fit.
    """

    machine: Machine
    work: Serving
    runtime: str | None = None
    quant: str | None = None
    gpu_only: bool = False
    strict: bool = False
    any_cache: bool = True


def candidates(
    architecture: Architecture,
    model: Model,
    search: Search,
    hope: Callable[[Plan], float],
    worth: Callable[[float], bool],
) -> Iterator[Plan]:
    """The plans of a model that hold, in the formats and engines worth comparing, each in its best placement.

    A context beyond what the model reads is cut to it. How a model is best cut between GPU and RAM takes a search. It comes last, and only for
    formats whose best case gives a `hope` (points) that is `worth` it. Raises Postponed where none is and nothing else holds.
    """
    work = _work(model, search)
    for group in engine_groups(search.machine, search.runtime):
        found = False
        late: list[tuple[float, Checkpoint]] = []
        for name in group:
            engine = find_runtime(name)
            for checkpoint in _rungs(architecture, model, engine, search):
                if name == "llamacpp" and must_use_ram(architecture, checkpoint, work, search.machine):
                    cases = _best_cases(architecture, model, checkpoint, work, search)
                    late.append((max(map(hope, cases), default=math.inf), checkpoint))
                    miss = miss_on_one_gpu(architecture, checkpoint, work, search)
                    if plan := in_eight_bits(architecture, model, checkpoint, engine, work, search, miss):
                        found = True
                        yield plan
                    continue
                tried = _tried(architecture, model, checkpoint, engine, work, search)
                if tried and tried.holds(search.strict):
                    found = True
                    yield tried
                    if _is_enough(tried):
                        break
                elif plan := in_eight_bits(architecture, model, checkpoint, engine, work, search, miss_of(tried)):
                    found = True
                    yield plan
        late.sort(key=lambda one: -one[0])
        if late and not found and not worth(late[0][0]):
            raise Postponed(late[0][0], tuple(checkpoint for _, checkpoint in late))
        for points, checkpoint in late:
            if not worth(points):
                break
            if plan := _plan(architecture, model, checkpoint, find_runtime("llamacpp"), work, search):
                found = True
                yield plan
        if found:
            return


class Postponed(Exception):  # noqa: N818 (no error)
    """A model that holds in `formats` of llama.cpp at best, in none with more than `points`."""

    def __init__(self, points: float, formats: tuple[Checkpoint, ...]) -> None:
        super().__init__(points)
        self.points, self.formats = points, formats


def holds_somehow(architecture: Architecture, model: Model, search: Search) -> bool:
    """Whether `candidates` gives any plan; the fewest bits are tried first."""
    work = _work(model, search)
    for group in engine_groups(search.machine, search.runtime):
        for name in group:
            engine = find_runtime(name)
            for checkpoint in _rungs(architecture, model, engine, search, upwards=True):
                tried = _tried(architecture, model, checkpoint, engine, work, search)
                if tried and tried.holds(search.strict):
                    return True
                if in_eight_bits(architecture, model, checkpoint, engine, work, search, miss_of(tried)):
                    return True
    return False


def holds_in(formats: Sequence[Checkpoint], architecture: Architecture, model: Model, search: Search) -> bool:
    """Whether the model holds in one of these formats of llama.cpp."""
    ordered = sorted(formats, key=lambda checkpoint: FORMATS[checkpoint.format].bits)
    engine, work = find_runtime("llamacpp"), _work(model, search)
    return any(_plan(architecture, model, checkpoint, engine, work, search) for checkpoint in ordered)


def _work(model: Model, search: Search) -> Serving:
    work = search.work
    return replace(work, context=min(work.context, longest_allowed(model) or work.context))


def _rungs(
    architecture: Architecture, model: Model, engine: Runtime, search: Search, *, upwards: bool = False
) -> Iterator[Checkpoint]:
    """The checkpoints of an engine that could lie in the machine at all, most bits first, or fewest if `upwards`."""
    room = _room(search.machine, search.gpu_only)
    rungs = list(ladder(model, engine, search.quant))
    if search.quant != "BF16" and _lacks_bf16(search.machine):
        rungs = [
            checkpoint for checkpoint in rungs if checkpoint.format != "BF16"
        ]  # beside it is F16, of the same size
    for checkpoint in reversed(rungs) if upwards else rungs:
        if not far_beyond(architecture, model, checkpoint, room) and weights_of(architecture, checkpoint) <= room:
            yield checkpoint


def far_beyond(architecture: Architecture, model: Model, checkpoint: Checkpoint, room: int) -> bool:
    """Whether even half of what the parameters take in the format is too much: that needs no look at each tensor."""
    if checkpoint.bytes or model.parameters is None:
        return False
    held = model.parameters.total - sum(extra.parameters for extra in architecture.extras)
    return held * FORMATS[checkpoint.format].bits / 16 > room


def _lacks_bf16(machine: Machine) -> bool:
    """Whether a GPU is of NVIDIA before Ampere: bf16 has no units there."""
    return any(before_ampere(device) for device in machine.devices)


def weights_of(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of the checkpoint's weights, or of those that any run of it holds."""
    if checkpoint.bytes:
        return checkpoint.bytes
    if FORMATS[checkpoint.format].container == "gguf":
        return layer_bytes(architecture, checkpoint)
    return stored_bytes(architecture, checkpoint.format, parts=_TEXT)


def _tried(
    architecture: Architecture, model: Model, checkpoint: Checkpoint, engine: Runtime, work: Serving, search: Search
) -> Plan | None:
    return evaluate(model, architecture, checkpoint, engine, work, search.machine, search.gpu_only, search.strict)


def _plan(
    architecture: Architecture, model: Model, checkpoint: Checkpoint, engine: Runtime, work: Serving, search: Search
) -> Plan | None:
    """The plan, if it holds."""
    plan = _tried(architecture, model, checkpoint, engine, work, search)
    return plan if plan and plan.holds(search.strict) else None


def _is_enough(plan: Plan) -> bool:
    """Whether fewer bits than the plan's could only lose quality."""
    return plan.verdict == "fits" and plan.mode == "gpu" and FORMATS[plan.checkpoint.format].bits < LOW_BITS


def _best_cases(
    architecture: Architecture, model: Model, checkpoint: Checkpoint, work: Serving, search: Search
) -> Iterator[Plan]:
    """Plans in RAM that none of llama.cpp's in this format beats, where that can be said."""
    if work.options or checkpoint.bytes:
        return
    least = Memory((Part("layers", layer_bytes(architecture, checkpoint), RAM, "", "weights"),))
    for placement in best_cuts(architecture, checkpoint, work, search.machine):
        yield Plan(
            model, architecture, checkpoint, "llamacpp", work, placement, least, (), "fits", "", band("llamacpp")
        )


def ladder(model: Model, engine: Runtime, quant: str | None) -> Iterator[Checkpoint]:
    """The checkpoints to compare, most bits first: the preferred ones of every precision, or of the one that was asked for."""
    for precision in (quant,) if quant else FAMILIES:
        yield from checkpoints(model, engine, precision)[: None if quant else PER_FAMILY]


_TEXT = frozenset({"text"})


def _room(machine: Machine, gpu_only: bool) -> int:
    """Bytes that weights could lie in at the very most."""
    held = sum(device.free or device.total or 0 for device in machine.devices)
    return held if gpu_only else held + (machine.ram_free or 0)
