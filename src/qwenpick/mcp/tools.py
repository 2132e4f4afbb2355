"""Commands as tools for an agent: what a command takes as a JSON Schema, drawn from its own options, and a call as the words of a command line."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from qwenpick.cli.common.groups import written
from qwenpick.values import dataclass

# The commands that only answer. What starts, writes or asks a person is left to people.
TOOLS = ("recommend", "fit", "plan", "launch", "models", "gpus", "machine")
LEFT_TO_PEOPLE = frozenset({"ask", "exec", "once", "verify", "write", "save", "html", "format", "json", "measure"})
_TYPES: Mapping[Any, str] = {int: "integer", float: "number", bool: "boolean"}  # all else is text


@dataclass(frozen=True, slots=True)
class Argument:
    """One thing that a tool takes: its name, the option that says it (None for what stands by itself), and its JSON Schema."""

    name: str
    option: str | None
    schema: Mapping[str, Any]
    required: bool
    many: bool
    flag: bool
    negated: str | None  # the option that says no: --no-reference


@cache
def arguments(command: str) -> tuple[Argument, ...]:
    """What a command takes, in its own order, from the signature that Typer reads too; what is left to people is left out."""
    called = import_module(f"qwenpick.cli.{command}").command
    hints = typing.get_type_hints(called, include_extras=True)
    found = [_argument(name, hint) for name, hint in hints.items() if typing.get_origin(hint) is typing.Annotated]
    return tuple(one for one in found if one.name not in LEFT_TO_PEOPLE)


def _argument(name: str, hint: Any) -> Argument:
    """One parameter: `Annotated[list[str] | None, typer.Option("--gpu", help=…)]`."""
    annotated, said = typing.get_args(hint)[:2]
    kind = next((one for one in typing.get_args(annotated) or (annotated,) if one is not type(None)), str)
    kind = annotated if typing.get_origin(annotated) is list else kind
    many = typing.get_origin(kind) is list
    plain = {"type": _TYPES.get(typing.get_args(kind)[0] if many else kind, "string")}
    schema: dict[str, Any] = {"type": "array", "items": plain} if many else plain
    if said.help:
        schema = {**schema, "description": said.help}
    standing = type(said).__name__ == "ArgumentInfo"
    if standing and many:  # a name may be given as one text
        schema = {**schema, "type": ["string", "array"]}
    required = standing and type(None) not in typing.get_args(annotated)
    if standing:
        return Argument(name, None, schema, required, many, False, None)
    option, _slash, negated = next(word for word in written(name, hint) if word.startswith("--")).partition("/")
    flag = kind is bool
    return Argument(option[2:].replace("-", "_"), option, schema, required, many, flag, negated or None)


def input_schema(command: str) -> dict[str, Any]:
    """The JSON Schema of a call's arguments."""
    known = arguments(command)
    return {
        "type": "object",
        "properties": {one.name: dict(one.schema) for one in known},
        "required": [one.name for one in known if one.required],
        "additionalProperties": False,
    }


def words(command: str, values: Mapping[str, Any]) -> list[str]:
    """The command line that a call means. Raises ValueError for an argument that the tool does not take.

    >>> words("fit", {"model": "qwen3-8b", "gpu": ["rtx 4090"], "gpu_only": True})
    ['fit', '--gpu=rtx 4090', '--gpu-only', '--json', '--', 'qwen3-8b']
    """
    known = {one.name: one for one in arguments(command)}
    if strange := sorted(values.keys() - known.keys()):
        raise ValueError(f"{command} takes no '{strange[0]}'; it takes {', '.join(known)}")
    said, standing = list[str](), list[str]()
    for name, one in known.items():
        value = values.get(name)
        if one.flag:
            if value not in (None, True, False):
                raise ValueError(f"{name} must be true or false, not {value!r}")
            said += [one.option] if value and one.option else [one.negated] if value is False and one.negated else []
            continue
        if value is None:
            continue
        for each in value if one.many and isinstance(value, list) else [value]:
            if one.option is None:
                standing.append(str(each))
            else:
                said.append(f"{one.option}={each}")
    return [command, *said, "--json", *(["--", *standing] if standing else [])]
