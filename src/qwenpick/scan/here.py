"""Whether a plan's file is on this disk already: by its names and size, without opening it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwenpick.machine.installed.stores import StoredModel
    from qwenpick.planning.files import File
    from qwenpick.planning.plan import Plan

Here = Callable[["Plan"], str | None]  # where a plan's file lies on this disk; None where it does not


def nowhere(_plan: Plan) -> str | None:
    """Of a box that is not this machine."""
    return None


def on_this_disk() -> Here:
    """A function that says where a plan's file lies in the stores of this machine."""
    from qwenpick.machine.installed.stores import home_directory
    from qwenpick.machine.probe.world import current_system

    models = stored_models(os.environ, home_directory(), current_system())
    return lambda plan: place_of(plan.file, models) if plan.file else None


def stored_models(environ: Mapping[str, str], home: Path | None, system: str) -> list[StoredModel]:
    """Every model in the stores that exist."""
    from qwenpick.machine.installed.stores import look_into, store_places

    places = store_places(environ, home, system)
    return [one for kind, path in places if path.is_dir() for one in look_into(kind, path)[1]]


def place_of(file: File, models: Iterable[StoredModel]) -> str | None:
    """Where a published file lies: the tag, the repository, or the first of its names in it, as large as the listing says."""
    return next((one.path for one in models if _is(one, file)), None)


def _is(stored: StoredModel, file: File) -> bool:
    if stored.kind == "ollama":
        return file.tag is not None and stored.name == file.tag
    if not file.files:
        return file.repository is not None and stored.name == file.repository
    name = Path(file.files[0]).name
    path = Path(stored.path)
    if path.name != name and not (stored.kind == "llamacpp" and path.name.endswith(f"_{name}")):
        return False
    if stored.name is not None and stored.name != file.repository:
        return False
    return len(file.files) > 1 or abs(path.stat().st_size - file.bytes) <= max(file.rounding, file.bytes // 100)
