"""What the shell offers while somebody types: ids of the catalogue, read without validating an entry, and the names in tables of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from qwenpick.errors import QwenpickError

Complete = Callable[[str], list[str]]


def choices(*names: str) -> Complete:
    """What offers those names."""
    return lambda incomplete: _beginning(incomplete, names)


def names_in(module: str, table: str, *more: str) -> Complete:
    """What offers the names in a table of ours, and `more`; its module is imported when somebody asks."""
    return lambda incomplete: _beginning(incomplete, [*getattr(import_module(f"qwenpick.{module}"), table), *more])


def ids_of(*kinds: str) -> Complete:
    """What offers the ids of entries; none where a person's own catalogue is broken: a shell has no place for the reason."""
    return lambda incomplete: _beginning(incomplete, [name for kind in kinds for name in _entries(kind)])


def values_of(kind: str, field: str) -> Complete:
    """What offers the values of a field of all entries of a kind, in small letters."""

    def complete(incomplete: str) -> list[str]:
        return _beginning(
            incomplete, sorted({str(getattr(entry, field)).casefold() for entry in _entries(kind).values()})
        )

    return complete


def quants(incomplete: str) -> list[str]:
    """Precisions, and formats by their names."""
    from qwenpick.memory.quantization import FORMATS
    from qwenpick.recommending.request import HIGHEST

    return [
        name
        for name in ("4bit", "5bit", "6bit", "8bit", "fp16", HIGHEST, *FORMATS)
        if name.casefold().startswith(incomplete.casefold())
    ]


def _entries(kind: str) -> Mapping[str, Any]:
    from qwenpick.catalog import load

    try:
        found: Mapping[str, Any] = getattr(load(), kind)
    except QwenpickError:
        return {}
    return found


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete.casefold())]


model_names, gpu_names, compared_names = ids_of("models"), ids_of("gpus"), ids_of("models", "gpus")
series, kinds = values_of("models", "series"), values_of("models", "kind")
vendors, segments = values_of("gpus", "vendor"), values_of("gpus", "segment")
runtime_names = names_in("runtimes", "RUNTIMES")
task_names = names_in("recommending.tasks", "TASKS")
scenario_names = names_in("recommending.scenarios", "SCENARIOS")
preferences = names_in("recommending.scoring", "PREFERENCES")
caches = names_in("memory.cache", "CACHE_BITS")
schemas = names_in("render.schemas", "PAYLOADS")
hubs = names_in("launch.hub", "HUBS")
methods = names_in("training.methods", "METHODS", "all")
trainers = names_in("training.trainers", "TRAINERS")
objectives = names_in("training.objectives", "OBJECTIVES")
optimizers = names_in("training.optimizers", "OPTIMIZERS")
