"""What lies on this disk already, and how each model of it would run here: read from its header, nothing is loaded or asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError, QwenpickError
from qwenpick.fitting.answer import Answer, fit
from qwenpick.machine.installed.stores import Kind, Store, StoredModel, look_into, store_places
from qwenpick.readers import extended
from qwenpick.readers.local import read_path
from qwenpick.readers.ollama import read_tag
from qwenpick.recommending.request import Request
from qwenpick.recommending.tasks import find_task, serves, task_of
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.machine.hardware import Machine
    from qwenpick.readers import Reading

MODELS_LIMIT = 500  # models whose header is read
TASKS = ("chat", "coding", "vision")  # what a model is compared for beside what it was made for
ENGINES: Mapping[Kind, str] = {"ollama": "ollama", "mlx": "mlx"}  # a store that one engine alone reads


@dataclass(frozen=True, slots=True)
class Here:
    """A model on this disk. `problem` says why it could not be read or planned; else `answer` is how it runs, for its own task or the one asked for.

    `best_for` are the tasks for which no other model on this disk that is fast enough is better.
    """

    stored: StoredModel
    reading: Reading | None
    answer: Answer | None
    problem: str | None = None
    best_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """The stores that were looked into, and the models in them by path."""

    stores: tuple[Store, ...]
    models: tuple[Here, ...]


def scan(
    catalog: Catalog,
    machine: Machine,
    directories: Iterable[Path] = (),
    *,
    task: str | None = None,
    environ: Mapping[str, str],
    home: Path | None,
) -> Scan:
    """The models in `directories`, or where none is given in every store that engines keep on this system, as they would run on the machine.

    Raises QwenpickError for a task that is not known, HardwareUnreadableError where the box could not be read.
    """
    if task:
        find_task(task)
    chosen: list[tuple[Kind, Path]] = [("directory", path) for path in directories]
    places = chosen or [(kind, path) for kind, path in store_places(environ, home, machine.system) if path.exists()]
    looked = [look_into(kind, path) for kind, path in places]
    stored = [model for _store, models in looked for model in models]
    found = [_here(catalog, machine, model, task) for model in stored[:MODELS_LIMIT]]
    best = _best(catalog, machine, [one for one in found if one.answer], (task,) if task else TASKS)
    models = tuple(replace(one, best_for=tuple(best.get(one.stored.path, ()))) for one in found)
    return Scan(tuple(store for store, _models in looked), models)


def _read(catalog: Catalog, stored: StoredModel) -> Reading | str:
    """What the headers say, or why they say nothing."""
    try:
        if stored.kind == "ollama":
            reading = read_tag(stored.name or "", catalog, Path(stored.path).parents[4])
            return reading or "no such tag"
        return read_path(Path(stored.path), catalog)
    except QwenpickError as problem:
        return str(problem)


def _here(catalog: Catalog, machine: Machine, stored: StoredModel, task: str | None) -> Here:
    reading = _read(catalog, stored)
    if isinstance(reading, str):
        return Here(stored, None, None, reading)
    try:
        return Here(stored, reading, _answer(catalog, machine, stored, reading, task))
    except HardwareUnreadableError:
        raise
    except QwenpickError as problem:
        return Here(stored, reading, None, str(problem))


def _answer(catalog: Catalog, machine: Machine, stored: StoredModel, reading: Reading, task: str | None) -> Answer:
    """How the very file would run, in the engine that its store belongs to."""
    request = Request(task=task, quant=reading.checkpoints[0].format, runtime=ENGINES.get(stored.kind))
    return fit(extended(catalog, reading), machine, reading.model, request)


def _best(catalog: Catalog, machine: Machine, found: list[Here], tasks: tuple[str, ...]) -> dict[str, list[str]]:
    """Path -> the tasks for which the model there has the most points of those that hold; what is fast enough goes first."""
    best: dict[str, list[str]] = {}
    own = {task_of(one.reading.model).name for one in found if one.reading} if len(tasks) > 1 else set()
    for task in dict.fromkeys([*tasks, *sorted(own)]):
        rated = []
        for one in found:
            if one.reading is None or one.answer is None or serves(one.reading.model, find_task(task)):
                continue
            answer = one.answer if one.answer.task.name == task else _again(catalog, machine, one, task)
            if answer and answer.fits and answer.ranked:
                rated.append((answer.usable, answer.ranked.score, one.stored.path))
        if rated:
            best.setdefault(max(rated)[2], []).append(task)
    return best


def _again(catalog: Catalog, machine: Machine, one: Here, task: str) -> Answer | None:
    assert one.reading
    try:
        return _answer(catalog, machine, one.stored, one.reading, task)
    except QwenpickError:
        return None
