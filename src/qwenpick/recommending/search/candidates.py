"""Which engines and formats of a model are compared on a machine: enough of them to find the best plan, and no more, since a person waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from qwenpick.memory.quantization import FORMATS, stored_bytes
from qwenpick.planning.checkpoints import FAMILIES, checkpoints, download_bytes, without_bf16
from qwenpick.planning.files import settled
from qwenpick.planning.plan import Plan, evaluate, longest_allowed
from qwenpick.recommending.search.cache_format import in_eight_bits, miss_of
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.llamacpp.whole import layer_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.runtimes import Runtime
    from qwenpick.work.serving import Serving

# Engines in the order they are tried; the next group only for a model that none of the group before holds. Within a group all are compared.
# SGLang plans like vLLM and Ollama is llama.cpp under other defaults: they are taken where the first cannot, or where they are asked for.
APPLE_ENGINES = (("mlx", "llamacpp"), ("ollama", "transformers"))
ENGINES = (("llamacpp", "vllm"), ("sglang", "ollama", "transformers"))
CPU_ENGINES = (("llamacpp",), ("ollama", "transformers"))
PER_FAMILY = 2  # formats of one precision that are compared: between them lies nothing that changes a choice
LOW_BITS = 5.0  # once a format of about four bits is held by the GPUs alone, fewer bits only lose quality


def engine_groups(system: str, devices: tuple[Device, ...], runtime: str | None = None) -> tuple[tuple[str, ...], ...]:
    """The engines to compare on such a machine, group by group; only the one that was asked for where one was."""
    if runtime:
        return ((find_runtime(runtime).NAME,),)
    if system == "darwin" or any(device.vendor == "apple" for device in devices):
        return APPLE_ENGINES
    return ENGINES if devices else CPU_ENGINES


@dataclass(frozen=True)
class Search:
    """Where plans are looked for: the machine, the work, and what the engine, the format and the placement may be.

    With `any_cache` the cache may be of 8 bits where that of the work does not fit. `max_disk` are the bytes that a checkpoint may take on disk.
    """

    machine: Machine
    work: Serving
    runtime: str | None = None
    quant: str | None = None
    gpu_only: bool = False
    strict: bool = False
    any_cache: bool = True
    max_disk: int | None = None

    @cached_property
    def gpu_room(self) -> int:
        """Bytes that weights could lie in on GPUs at the very most."""
        return sum(device.free or device.total or 0 for device in self.machine.devices)

    @cached_property
    def room(self) -> int:
        """Bytes that weights could lie in at the very most."""
        return self.gpu_room if self.gpu_only else self.gpu_room + (self.machine.ram_free or 0)


def work_of(model: Model, work: Serving) -> Serving:
    """The work, its context cut to what the model reads."""
    context = min(work.context, longest_allowed(model) or work.context)
    return work if context == work.context else replace(work, context=context)


def rungs(architecture: Architecture, model: Model, engine: Runtime, search: Search) -> list[Checkpoint]:
    """The checkpoints of an engine that are compared, most bits first."""
    found = without_bf16(list(ladder(model, engine, search.quant)), search.quant, search.machine.devices)
    found = tuple(settled(architecture, one) for one in found)
    if search.max_disk is None:
        return list(found)
    return [one for one in found if download_bytes(model, architecture, one) <= search.max_disk]


def ladder(model: Model, engine: Runtime, quant: str | None) -> Iterator[Checkpoint]:
    """The checkpoints to compare, most bits first: the preferred ones of every precision, or of the one that was asked for."""
    for precision in (quant,) if quant else FAMILIES:
        yield from checkpoints(model, engine, precision)[: None if quant else PER_FAMILY]


def is_enough(plan: Plan) -> bool:
    """Whether fewer bits than the plan's could only lose quality."""
    return plan.verdict == "fits" and FORMATS[plan.checkpoint.format].bits < LOW_BITS and plan.mode == "gpu"


def holds_somehow(architecture: Architecture, model: Model, search: Search) -> bool:
    """Whether any of the engines and formats holds the model; the fewest bits are tried first."""
    work, machine = work_of(model, search.work), search.machine
    for group in engine_groups(machine.system, machine.devices, search.runtime):
        for engine in map(find_runtime, group):
            for checkpoint in reversed(rungs(architecture, model, engine, search)):
                least = least_held(architecture, model, checkpoint)
                if least > search.room or weights_of(architecture, checkpoint) > search.room:
                    continue
                tried = evaluate(model, architecture, checkpoint, engine, work, machine, search.gpu_only, search.strict)
                if tried and tried.holds(search.strict):
                    return True
                if in_eight_bits(architecture, model, checkpoint, engine, work, search, miss_of(tried)):
                    return True
    return False


def least_held(architecture: Architecture, model: Model, checkpoint: Checkpoint) -> int:
    """Bytes that any run of the checkpoint holds at least: half of what the parameters take in the format, which needs no look at each tensor."""
    if model.parameters is None:
        return (checkpoint.bytes or 0) // 3
    held = model.parameters.total - sum(extra.parameters for extra in architecture.extras)
    half = int(held * FORMATS[checkpoint.format].bits / 16)
    return min(half, checkpoint.bytes // 2) if checkpoint.bytes else half


def weights_of(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of the checkpoint's weights that any run of it holds: no MTP block, no tower, and of a GGUF file the layers."""
    if FORMATS[checkpoint.format].container == "gguf":
        return layer_bytes(architecture, checkpoint)
    text = stored_bytes(architecture, checkpoint.format, parts=_TEXT)
    if checkpoint.bytes is None:
        return text
    return int(text * checkpoint.bytes / stored_bytes(architecture, checkpoint.format))


_TEXT = frozenset({"text"})
