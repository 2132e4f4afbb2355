"""The schema of qwenpick.yaml, with the line of everything in it. Imported only when a file is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from qwenpick.bounded import parse_yaml, read_bytes
from qwenpick.check.lines import line_of, refuse, written
from qwenpick.check.requirements import Box, Requirement
from qwenpick.errors import QwenpickError, did_you_mean, shown
from qwenpick.i18n import _
from qwenpick.units import MOST_SEQUENCES, MOST_TOKENS

FILE_LIMIT = 2**20  # bytes
NODES_LIMIT = 20_000
Text = Annotated[str, Field(strict=True, min_length=1, max_length=500)]
Whole = Annotated[int, Field(strict=True)]  # strict: `context: true` is not 1 token
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


class Strict(BaseModel):
    """Fields that are not known are an error, and so are values of another kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Simulated(Strict):
    """A pretended machine, in the words of --gpu, --vram, --ram and --cpu-only; `file`, a saved one; or `cluster`, as --cluster takes it."""

    file: Text | None = None
    gpus: tuple[Text, ...] = Field(default=(), description='As --gpu: "rtx 4090", "2x l40s"')
    vram: Text | None = None
    ram: Text | None = None
    cpu_only: Flag = False
    reserve: Text | None = Field(default=None, description="As --reserve: memory to leave free on GPUs with a display")
    system: Literal["linux", "windows", "mac"] | None = None
    cluster: Text | None = Field(default=None, description="k8s, slurm, ray, ray=ADDRESS, or the path of an inventory")
    total: Flag = False

    @model_validator(mode="after")
    def _either(self) -> Simulated:
        box = self.gpus or self.vram or self.ram or self.cpu_only or self.system
        if self.file and box:
            raise ValueError("file describes the whole box; leave out gpus, vram, ram, cpu_only and system beside it")
        if self.cluster and (self.file or box or self.reserve):
            raise ValueError(
                "cluster names the hardware; leave out file, gpus, vram, ram, cpu_only, reserve and system beside it"
            )
        if self.total and not self.cluster:
            raise ValueError("total says something of a cluster: name it with cluster")
        return self


Machine = Literal["this"] | Text | Simulated


class Part(Strict):
    """One of several models that must hold at once on one box."""

    model: Text = Field(description="A name, repository, Ollama tag or path")
    quant: Text | None = None
    runtime: Text | None = None
    context: Annotated[Whole, Field(gt=0, le=MOST_TOKENS)] | Text | None = None
    task: Text | None = None
    users: Annotated[Whole, Field(ge=1, le=MOST_SEQUENCES)] = 1
    kv_cache: Text | None = None
    gpu_only: Flag = False


class Entry(Strict):
    """One requirement: a model, or several under `together`."""

    model: Text | None = Field(default=None, description="A name, repository, Ollama tag or path")
    together: tuple[Part, ...] | None = Field(
        default=None, min_length=2, max_length=8, description="Models that must hold at once on one box"
    )
    name: Text | None = Field(default=None, description="What reports call it; the model where absent")
    quant: Text | None = Field(default=None, description="4bit, 8bit, fp16, or a format like Q4_K_M")
    runtime: Text | None = None
    context: Annotated[Whole, Field(gt=0, le=MOST_TOKENS)] | Text | None = Field(
        default=None, description="Tokens per user: 32768, 32k"
    )
    task: Text | None = Field(
        default=None, description="What it is for, as --task; what the model was made for where absent"
    )
    users: Annotated[Whole, Field(ge=1, le=MOST_SEQUENCES)] = Field(default=1, description="Sequences at once")
    kv_cache: Text | None = None
    min_speed: Annotated[Real, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="Tokens/s that each user sees"
    )
    prefer: Literal["balanced", "quality", "speed", "context", "small"] = Field(
        default="balanced", description="As --prefer: what decides between formats"
    )
    thinking: Flag | None = Field(default=None, description="As --thinking: whether it must think before it answers")
    max_disk: Text | None = Field(default=None, description="As --max-disk: the largest download, 20GB")
    strict: Flag = Field(default=False, description="Tight counts as no, and the slow end of the speed is taken")
    gpu_only: Flag = False
    options: dict[Text, Flag | Whole | Real | Text] = Field(default={}, description="The engine's own flags")
    machine: Machine | None = None
    replicas: Annotated[Whole, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="Copies that must have room; of a cluster only"
    )

    @model_validator(mode="after")
    def _one_or_several(self) -> Entry:
        if self.model is None and self.together is None:
            raise PydanticCustomError("no_model", "model is missing")
        said = {
            "model",
            "quant",
            "runtime",
            "context",
            "task",
            "users",
            "kv_cache",
            "min_speed",
            "prefer",
            "thinking",
            "max_disk",
            "gpu_only",
            "options",
            "replicas",
        }
        if self.together is not None and (beside := sorted(said & self.model_fields_set)):
            raise ValueError(f"beside together stand name, strict and machine alone, not {', '.join(beside)}")
        return self


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
    try:
        file = File.model_validate(content)
    except ValidationError as problem:
        raise QwenpickError(_sentence(problem, node, name)) from None
    return tuple(_requirement(file, index, node) for index in range(len(file.models)))


def _requirement(file: File, index: int, node: yaml.Node | None) -> Requirement:
    entry, options = file.models[index], ("models", index, "options")
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
        box=_box(entry.machine if entry.machine is not None else file.machine),
        replicas=entry.replicas,
        together=several,
    )


def _part(part: Part, line: int) -> Requirement:
    """One of several models, as a requirement of its own."""
    context = str(part.context) if part.context is not None else None
    return Requirement(
        part.model, part.model, line, part.quant, part.runtime, context, part.users, part.task, part.kv_cache, gpu_only=part.gpu_only
    )  # fmt: skip


def _box(machine: str | Simulated) -> Box:
    if isinstance(machine, str):
        return Box() if machine == "this" else Box(file=machine)
    words = (machine.file, machine.gpus, machine.vram, machine.ram, machine.cpu_only, machine.reserve, machine.system)
    return Box(*words, machine.cluster, machine.total)


def _sentence(problem: ValidationError, node: yaml.Node | None, name: str) -> str:
    """The first fault as a sentence, with the line it stands on and the field that was probably meant."""
    # of several kinds, what came furthest
    fault = max(problem.errors(), key=lambda e: (len(e["loc"]), e["type"] in ("value_error", "extra_forbidden")))
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
    wrong = fault["msg"].removeprefix("Value error, ").lower()
    for words, plain in (
        ("valid dictionary or instance of entry", "table with a model"),
        ("valid tuple", "list"),
        ("valid string", "text"),
    ):
        wrong = wrong.replace(words, plain)
    return _(
        "{where}: {field}: {wrong}, not '{given}'",
        where=where,
        field=field,
        wrong=wrong,
        given=shown(fault.get("input")),
    )


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
    try:
        text = read_bytes(path, FILE_LIMIT).decode("utf-8")
    except ValueError as problem:
        raise QwenpickError(_("{path} cannot be read: {problem}", path=path, problem=problem)) from None
    return parse(text, str(path))
