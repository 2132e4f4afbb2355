"""Which plans of a model are worth ranking: enough engines and formats to find the best one, and no more, since a person waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.checkpoints import FAMILIES, checkpoints
from qwenpick.plan import Plan, evaluate, longest_allowed
from qwenpick.quantization import FORMATS, stored_bytes
from qwenpick.runtimes import find_runtime

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model
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


def candidates(
    catalog: Catalog,
    models: Iterable[Model],
    machine: Machine,
    work: Serving,
    *,
    runtime: str | None = None,
    quant: str | None = None,
    gpu_only: bool = False,
    strict: bool = False,
) -> Iterator[Plan]:
    """The plans that hold, for every model in the formats and engines worth comparing, each in its best placement.

    A context beyond what a model reads is cut to it.
    """
    groups, room = engine_groups(machine, runtime), _room(machine, gpu_only)
    for model in models:
        if not model.architecture:
            continue
        architecture = catalog.architecture(model)
        own = replace(work, context=min(work.context, longest_allowed(model) or work.context))
        for group in groups:
            found = [
                plan
                for name in group
                for plan in _of_engine(
                    model, architecture, find_runtime(name), own, machine, quant, gpu_only, strict, room
                )
            ]
            yield from found
            if found:
                break


def _of_engine(
    model: Model,
    architecture: Architecture,
    engine: Runtime,
    work: Serving,
    machine: Machine,
    quant: str | None,
    gpu_only: bool,
    strict: bool,
    room: int,
) -> Iterator[Plan]:
    """The plans of one engine that hold, most bits first."""
    for checkpoint in ladder(model, engine, quant):
        if (checkpoint.bytes or stored_bytes(architecture, checkpoint.format, parts=_TEXT)) > room:
            continue
        plan = evaluate(model, architecture, checkpoint, engine, work, machine, gpu_only, strict)
        if plan and plan.holds(strict):
            yield plan
            if plan.verdict == "fits" and plan.mode == "gpu" and FORMATS[checkpoint.format].bits < LOW_BITS:
                return


def ladder(model: Model, engine: Runtime, quant: str | None) -> Iterator[Checkpoint]:
    """The checkpoints to compare, most bits first: the preferred ones of every precision, or of the one that was asked for."""
    for precision in (quant,) if quant else FAMILIES:
        yield from checkpoints(model, engine, precision)[: None if quant else PER_FAMILY]


_TEXT = frozenset({"text"})


def _room(machine: Machine, gpu_only: bool) -> int:
    """Bytes that weights could lie in at the very most."""
    held = sum(device.free or device.total or 0 for device in machine.devices)
    return held if gpu_only else held + (machine.ram_free or 0)
