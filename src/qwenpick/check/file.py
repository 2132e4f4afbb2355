"""Reads qwenpick.yaml: each entry as a requirement, with the line of everything in it. Imported only when a file is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from qwenpick.bounded import decoded, parse_yaml, read_bytes
from qwenpick.check.fields import Entry, File, Machine, Part, Simulated
from qwenpick.check.lines import line_of, refuse, written
from qwenpick.check.requirements import NamedBox, Requirement
from qwenpick.errors import QwenpickError, did_you_mean, shown, wrong
from qwenpick.i18n import _

FILE_LIMIT = 2**20  # bytes
NODES_LIMIT = 20_000


def parse(text: str, name: str) -> tuple[Requirement, ...]:
    """The requirements in a text; one that cannot be asked has its `fault`, as `file:line: what is wrong`. Raises QwenpickError of the whole file."""
    try:
        node, content = parse_yaml(text, NODES_LIMIT)
        refuse(node, name)
    except yaml.MarkedYAMLError as problem:
        line = (problem.problem_mark.line + 1) if problem.problem_mark else 1
        raise QwenpickError(
            _("{name}:{line}: this is not YAML: {problem}", name=name, line=line, problem=problem.problem)
        ) from None
    except (yaml.YAMLError, ValueError) as problem:
        raise QwenpickError(
            _("{name}: this is not YAML: {problem}", name=name, problem=str(problem).splitlines()[0])
        ) from None
    except RecursionError:
        raise QwenpickError(_("{name} is nested too deeply", name=name)) from None
    faults = _faults(content)
    refused = {fault["loc"][1] for fault in faults if _of_entry(fault)}
    if whole := [fault for fault in faults if not _of_entry(fault)]:
        raise QwenpickError(_sentence(whole, node, name))
    good = [entry for index, entry in enumerate(content["models"]) if index not in refused]
    entries = iter(File.model_validate({**content, "models": good}).models if good else ())
    machine = TypeAdapter[Any](Machine).validate_python(content.get("machine", "this"))
    return tuple(
        _refused(
            entry, index, node, _sentence([f for f in faults if _of_entry(f) and f["loc"][1] == index], node, name)
        )
        if index in refused
        else _requirement(next(entries), machine, index, node)
        for index, entry in enumerate(content["models"])
    )


def _faults(content: object) -> list[ErrorDetails]:
    """All that is wrong with a file's content."""
    try:
        File.model_validate(content)
    except ValidationError as problem:
        found = problem.errors(include_url=False)
        # a list is said to be too short where its items are refused
        return [
            one for one in found if not (one["type"] == "too_short" and any(_inside(other, one) for other in found))
        ]
    return []


def _inside(one: ErrorDetails, other: ErrorDetails) -> bool:
    place = other["loc"]
    return len(one["loc"]) > len(place) and one["loc"][: len(place)] == place


def _of_entry(fault: ErrorDetails) -> bool:
    """Whether it is about one entry, beside which the others can be checked."""
    return len(fault["loc"]) > 1 and fault["loc"][0] == "models"


def _refused(entry: object, index: int, node: yaml.Node | None, fault: str) -> Requirement:
    """An entry that cannot be asked, under the name that it has."""
    said = entry if isinstance(entry, dict) else {}
    model = said.get("model")
    name = next((text for text in (said.get("name"), model) if isinstance(text, str)), None)
    return Requirement(
        name=shown(name) if name else _("entry {place}", place=index + 1),
        model=model if isinstance(model, str) else "",
        line=line_of(node, ("models", index)),
        fault=fault,
    )


def _requirement(entry: Entry, machine: str | Simulated, index: int, node: yaml.Node | None) -> Requirement:
    options = ("models", index, "options")
    several = tuple(
        _part(part, line_of(node, ("models", index, "together", n))) for n, part in enumerate(entry.together or ())
    )
    named = entry.model or " + ".join(part.model for part in several)
    releases = {name: written(node, (*options, name)) for name in entry.options if name.endswith("version")}
    return Requirement(
        name=entry.name or named,
        model=named,
        line=line_of(node, ("models", index)),
        quant=entry.quant,
        runtime=entry.runtime,
        context=str(entry.context) if entry.context is not None else None,
        users=entry.users,
        task=entry.task,
        kv_cache=entry.kv_cache,
        min_speed=entry.min_speed,
        prefer=entry.prefer,
        thinking=entry.thinking,
        max_disk=entry.max_disk,
        strict=entry.strict,
        gpu_only=entry.gpu_only,
        options={**entry.options, **{name: text for name, text in releases.items() if text}},
        box=_box(entry.machine if entry.machine is not None else machine),
        replicas=entry.replicas,
        together=several,
    )


def _part(part: Part, line: int) -> Requirement:
    """One of several models, as a requirement of its own."""
    context = str(part.context) if part.context is not None else None
    return Requirement(
        part.model, part.model, line, part.quant, part.runtime, context, part.users, part.task, part.kv_cache, gpu_only=part.gpu_only
    )  # fmt: skip


def _box(machine: str | Simulated) -> NamedBox:
    if isinstance(machine, str):
        return NamedBox() if machine == "this" else NamedBox(file=machine)
    words = (machine.file, machine.gpus, machine.vram, machine.ram, machine.cpu_only, machine.reserve, machine.system)
    return NamedBox(*words, machine.cluster, machine.total)


def _sentence(faults: Sequence[ErrorDetails], node: yaml.Node | None, name: str) -> str:
    """The first fault as a sentence, with the line it stands on and the field that was probably meant."""
    # of several kinds, what came furthest
    fault = max(faults, key=lambda e: (len(e["loc"]), e["type"] in ("value_error", "extra_forbidden")))
    place = tuple(step for step in fault["loc"] if not _is_branch(step))
    where = f"{name}:{line_of(node, place)}"
    if not place:
        return _("{where}: a file of requirements begins with 'models:' (docs/ci.md shows one)", where=where)
    if fault["type"] == "no_model":
        return _("{where}: '{field}' is missing", where=where, field="model")
    field = shown(place[-1]) if isinstance(place[-1], str) else _("entry {place}", place=place[-1] + 1)
    if fault["type"] == "extra_forbidden":
        known = (
            Entry
            if place[0] == "models" and len(place) == 3
            else Part
            if "together" in place
            else Simulated
            if "machine" in place
            else File
        ).model_fields
        return _(
            "{where}: there is no field '{field}'{near} (known: {known})",
            where=where,
            field=field,
            near=did_you_mean(field, known),
            known=", ".join(known),
        )
    if fault["type"] == "missing":
        return _("{where}: '{field}' is missing", where=where, field=field)
    if fault["type"] == "literal_error" and field == "machine":
        return _(
            "{where}: machine must be this, the path of a saved machine, or a table with gpus, ram, …", where=where
        )
    if fault["type"] == "value_error":
        return f"{where}: {field}: {wrong(fault)}"
    return _("{where}: {field} {wrong}", where=where, field=field, wrong=wrong(fault))


def _is_branch(step: int | str) -> bool:
    """Whether pydantic put this into a place to say which of several kinds it tried."""
    return isinstance(step, str) and (
        step in ("Simulated", "literal['this']", "str", "int", "float", "bool")
        or "[" in step
        or step.startswith("constrained-")
    )


def read(path: Path) -> tuple[Requirement, ...]:
    """The requirements of a file. Raises QwenpickError with the line of the first thing that is wrong."""
    if not path.exists():
        raise QwenpickError(
            _("there is no {path}; write one (docs/ci.md shows how) or name another: qwenpick check FILE", path=path)
        )
    return parse(decoded(read_bytes(path, FILE_LIMIT), str(path)), str(path))
