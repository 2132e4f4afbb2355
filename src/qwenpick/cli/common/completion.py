"""What the shell offers while somebody types: ids of the catalogue, read without validating an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qwenpick.errors import QwenpickError

Complete = Callable[[str], list[str]]


def model_names(incomplete: str) -> list[str]:
    """The ids of the models that begin with what is typed."""
    return _matching(incomplete, "models")


def gpu_names(incomplete: str) -> list[str]:
    """The ids of the GPUs that begin with what is typed."""
    return _matching(incomplete, "gpus")


def compared_names(incomplete: str) -> list[str]:
    """The ids of models and GPUs: `compare` takes either."""
    return _matching(incomplete, "models", "gpus")


def runtime_names(incomplete: str) -> list[str]:
    """The engines that begin with what is typed."""
    from qwenpick.runtimes import RUNTIMES

    return _beginning(incomplete, RUNTIMES)


def task_names(incomplete: str) -> list[str]:
    """The tasks that begin with what is typed."""
    from qwenpick.recommending.tasks import TASKS

    return _beginning(incomplete, TASKS)


def choices(*names: str) -> Complete:
    """What offers those names."""

    def complete(incomplete: str) -> list[str]:
        return _beginning(incomplete, names)

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


def caches(incomplete: str) -> list[str]:
    """Formats of the KV cache."""
    from qwenpick.memory.cache import CACHE_BITS

    return _beginning(incomplete, CACHE_BITS)


def preferences(incomplete: str) -> list[str]:
    """What --prefer takes."""
    from qwenpick.recommending.scoring import PREFERENCES

    return _beginning(incomplete, PREFERENCES)


def scenario_names(incomplete: str) -> list[str]:
    """The scenarios."""
    from qwenpick.recommending.scenarios import SCENARIOS

    return _beginning(incomplete, SCENARIOS)


def schemas(incomplete: str) -> list[str]:
    """The commands that print JSON."""
    from qwenpick.render.schemas import PAYLOADS

    return _beginning(incomplete, PAYLOADS)


def trainers(incomplete: str) -> list[str]:
    """The trainers."""
    from qwenpick.training.trainers import TRAINERS

    return _beginning(incomplete, TRAINERS)


def objectives(incomplete: str) -> list[str]:
    """What --method takes."""
    from qwenpick.training.objectives import OBJECTIVES

    return _beginning(incomplete, OBJECTIVES)


def methods(incomplete: str) -> list[str]:
    """What may be trained."""
    from qwenpick.training.methods import METHODS

    return _beginning(incomplete, [*METHODS, "all"])


def optimizers(incomplete: str) -> list[str]:
    """The optimizers."""
    from qwenpick.training.optimizers import OPTIMIZERS

    return _beginning(incomplete, OPTIMIZERS)


def series(incomplete: str) -> list[str]:
    """The series of models."""
    return _fields(incomplete, "models", "series")


def kinds(incomplete: str) -> list[str]:
    """The kinds of models."""
    return _fields(incomplete, "models", "kind")


def vendors(incomplete: str) -> list[str]:
    """The makers of GPUs."""
    return _fields(incomplete, "gpus", "vendor")


def segments(incomplete: str) -> list[str]:
    """The segments of GPUs."""
    return _fields(incomplete, "gpus", "segment")


def hubs(incomplete: str) -> list[str]:
    """Where weights can be fetched from."""
    from qwenpick.launch.hub import HUBS

    return _beginning(incomplete, HUBS)


def _matching(incomplete: str, *kinds: str) -> list[str]:
    """The matching ids of these kinds; none where a person's own catalogue is broken: a shell has no place for the reason."""
    from qwenpick.catalog import load

    try:
        catalog = load()
    except QwenpickError:
        return []
    return [name for kind in kinds for name in _beginning(incomplete, getattr(catalog, kind))]


def _fields(incomplete: str, kind: str, field: str) -> list[str]:
    """The values of a field of all entries of a kind, in small letters."""
    from qwenpick.catalog import load

    try:
        entries = getattr(load(), kind).values()
    except QwenpickError:
        return []
    return _beginning(incomplete, sorted({str(getattr(entry, field)).casefold() for entry in entries}))


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete.casefold())]
