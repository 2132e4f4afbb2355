"""Whether a plan's file is on this disk already: by its names and size, without opening it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.machine.installed.stores import StoredModel
    from qwenpick.planning.files import File
    from qwenpick.planning.plan import Plan

Here = Callable[["Plan"], str | None]  # where a plan's file lies on this disk; None where it does not


def nowhere(_plan: Plan) -> str | None:
    """Of a box that is not this machine."""
    return None


def on_this_disk(environ: Mapping[str, str] = os.environ, home: Path | None = None, system: str = "linux") -> Here:
    """A function that says where a plan's file lies in the stores of this machine."""
    from qwenpick.machine.installed.stores import home_directory

    shelf = Shelf.of(environ, home or home_directory(), system)
    return lambda plan: shelf.path(plan.file) if plan.file else None


@dataclass(frozen=True, slots=True)
class Shelf:
    """The models of all stores."""

    models: tuple[StoredModel, ...]

    @classmethod
    def of(cls, environ: Mapping[str, str], home: Path | None, system: str) -> Shelf:
        """Every model in the stores that exist."""
        from qwenpick.machine.installed.stores import look_into, store_places

        places = store_places(environ, home, system)
        return cls(tuple(one for kind, path in places if path.is_dir() for one in look_into(kind, path)[1]))

    def path(self, file: File) -> str | None:
        """Where a published file lies: the tag, the repository, or the first of its names in it, as large as the listing says."""
        return next((one.path for one in self.models if _is(one, file)), None)


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
