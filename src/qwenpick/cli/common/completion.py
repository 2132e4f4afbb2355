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


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete.casefold())]
