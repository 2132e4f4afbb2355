"""The schema of qwenpick.yaml, with the line of everything in it. Imported only when a file is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from qwenpick.bounded import refuse_deep_yaml
from qwenpick.check.requirements import Box, Requirement
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

FILE_LIMIT = 2**20  # bytes
NODES_LIMIT = 20_000
Text = Annotated[str, Field(min_length=1, max_length=500)]


class Strict(BaseModel):
    """Fields that are not known are an error, and so are values of another kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Simulated(Strict):
    """A pretended machine, in the words of --gpu, --vram, --ram and --cpu-only; or `file`, a saved one."""

    file: Text | None = None
    gpus: tuple[Text, ...] = Field(default=(), description='As --gpu: "rtx 4090", "2x l40s"')
    vram: Text | None = None
    ram: Text | None = None
    cpu_only: bool = False

    @model_validator(mode="after")
    def _either(self) -> Simulated:
        if self.file and (self.gpus or self.vram or self.ram or self.cpu_only):
            raise ValueError("file describes the whole box; leave out gpus, vram, ram and cpu_only beside it")
        return self


Machine = Literal["this"] | Text | Simulated


class Entry(Strict):
    """One requirement."""

    model: Text = Field(description="A name, repository, Ollama tag or path")
    name: Text | None = Field(default=None, description="What reports call it; the model where absent")
    quant: Text | None = Field(default=None, description="4bit, 8bit, fp16, or a format like Q4_K_M")
    runtime: Text | None = None
    context: Annotated[int, Field(gt=0)] | Text | None = Field(default=None, description="Tokens per user: 32768, 32k")
    users: Annotated[int, Field(ge=1, le=100_000)] = Field(default=1, description="Sequences at once")
    kv_cache: Text | None = None
    min_speed: Annotated[float, Field(gt=0)] | None = Field(default=None, description="Tokens/s that each user sees")
    strict: bool = Field(default=False, description="Tight counts as no, and the slow end of the speed is taken")
    gpu_only: bool = False
    options: dict[str, str | int | float | bool] = Field(default={}, description="The engine's own flags")
    machine: Machine | None = None


class File(Strict):
    """The whole file. `machine` holds for every entry that names none."""

    models: tuple[Entry, ...] = Field(min_length=1, max_length=1000)
    machine: Machine = "this"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of qwenpick.yaml, for editors and for other tools."""
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "qwenpick.yaml"}
    return {**title, **{k: v for k, v in File.model_json_schema().items() if k != "title"}}


def parse(text: str, name: str) -> tuple[Requirement, ...]:
    """The requirements in a text. Raises QwenpickError as `file:line: what is wrong`."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        refuse_deep_yaml(text)
        node = yaml.compose(text, Loader=loader)
        _refuse(node, name)
        content = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader
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
    try:
        file = File.model_validate(content)
    except ValidationError as problem:
        raise QwenpickError(_sentence(problem, node, name)) from None
    return tuple(_requirement(file, index, _line(node, ("models", index))) for index in range(len(file.models)))


def _requirement(file: File, index: int, line: int) -> Requirement:
    entry = file.models[index]
    return Requirement(
        name=entry.name or entry.model,
        model=entry.model,
        line=line,
        quant=entry.quant,
        runtime=entry.runtime,
        context=str(entry.context) if entry.context is not None else None,
        users=entry.users,
        kv_cache=entry.kv_cache,
        min_speed=entry.min_speed,
        strict=entry.strict,
        gpu_only=entry.gpu_only,
        options=entry.options,
        box=_box(entry.machine if entry.machine is not None else file.machine),
    )


def _box(machine: str | Simulated) -> Box:
    if isinstance(machine, str):
        return Box() if machine == "this" else Box(file=machine)
    return Box(machine.file, machine.gpus, machine.vram, machine.ram, machine.cpu_only)


def _refuse(root: yaml.Node | None, name: str) -> None:
    """Raises QwenpickError for a key that stands twice (YAML would take the last), and for a file that grows by aliases."""
    seen, stack = 0, [root] if root else []
    while stack:
        node = stack.pop()
        seen += 1
        if seen > NODES_LIMIT:
            raise QwenpickError(_("{name} has more than {limit:,} values", name=name, limit=NODES_LIMIT))
        if isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in keys:
                    raise QwenpickError(
                        _(
                            "{name}:{line}: '{value}' stands twice",
                            name=name,
                            line=key.start_mark.line + 1,
                            value=key.value,
                        )
                    )
                keys.add(str(key.value))
                stack.append(value)
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value


def _sentence(problem: ValidationError, node: yaml.Node | None, name: str) -> str:
    """The first fault as a sentence, with the line it stands on and the field that was probably meant."""
    fault = max(
        problem.errors(), key=lambda e: (len(e["loc"]), e["type"] in ("value_error", "extra_forbidden"))
    )  # of several kinds, what came furthest
    place = tuple(step for step in fault["loc"] if not _is_branch(step))
    where = f"{name}:{_line(node, place)}"
    if not place:
        return _("{where}: a file of requirements begins with 'models:' (docs/ci.md shows one)", where=where)
    field = str(place[-1]) if isinstance(place[-1], str) else _("entry {place}", place=place[-1] + 1)
    if fault["type"] == "extra_forbidden":
        known = (
            Entry if place[0] == "models" and len(place) == 3 else Simulated if "machine" in place else File
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
    wrong = fault["msg"].removeprefix("Value error, ").lower()
    for words, plain in (
        ("valid dictionary or instance of entry", "table with a model"),
        ("valid tuple", "list"),
        ("valid string", "text"),
    ):
        wrong = wrong.replace(words, plain)
    return _(
        "{where}: {field}: {wrong}, not {given!r}",
        where=where,
        field=field,
        wrong=wrong,
        given=str(fault.get("input"))[:60],
    )


def _is_branch(step: int | str) -> bool:
    """Whether pydantic put this into a place to say which of several kinds it tried."""
    return isinstance(step, str) and (
        step in ("Simulated", "literal['this']", "str", "int", "float", "bool") or "[" in step
    )


def _line(node: yaml.Node | None, place: tuple[int | str, ...]) -> int:
    """The line (from 1) on which a place of the file begins; that of the nearest part around it where there is none."""
    found = node
    line = (node.start_mark.line + 1) if node else 1
    for step in place:
        found = _child(found, step)
        if found is None:
            break
        line = found.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, step: int | str) -> yaml.Node | None:
    """The value under a key or index; for a plain value its key, which stands on the same line even where the value is folded."""
    if isinstance(node, yaml.MappingNode):
        pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
        found = next(((key, value) for key, value in pairs if str(key.value) == step), None)
        return None if found is None else found[1] if isinstance(found[1], yaml.CollectionNode) else found[0]
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        child: yaml.Node = node.value[step]
        return child
    return None


def read(path: Path) -> tuple[Requirement, ...]:
    """The requirements of a file. Raises QwenpickError with the line of the first thing that is wrong."""
    try:
        with path.open("rb") as file:  # a pipe or a device has no size, so no more than the limit is read
            content = file.read(FILE_LIMIT + 1)
        if len(content) > FILE_LIMIT:
            raise QwenpickError(_("{path} is larger than 1 MiB: that is no file of requirements", path=path))
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise QwenpickError(
            _("there is no {path}; write one (docs/ci.md shows how) or name another: qwenpick check FILE", path=path)
        ) from None
    except (OSError, ValueError) as problem:
        raise QwenpickError(
            _("{path} cannot be read: {problem}", path=path, problem=getattr(problem, "strerror", None) or problem)
        ) from None
    return parse(text, str(path))
