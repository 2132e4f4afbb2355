"""Groups of options that several commands share: a dataclass whose fields are options, which `@spread` puts in a command's signature."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from itertools import chain
from typing import Any, get_args, get_type_hints

from typer.models import OptionInfo


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of each dataclass among its parameters as options in its place; it is handed the dataclass, filled.

    An option that the command or an earlier group has too is shown once, as it stands there, and goes to both.
    """
    own = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {p.name: p.annotation for p in own if is_dataclass(p.annotation)}
    singles = {p.name: p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own if p.name not in groups}
    shown: dict[str, inspect.Parameter] = {}
    for parameter in own:
        for one in _options(groups[parameter.name]) if parameter.name in groups else (singles[parameter.name],):
            shown.setdefault(one.name, singles.get(one.name, one))

    def wrapper(**values: Any) -> None:
        filled = {
            name: group(**{field.name: values[field.name] for field in fields(group)}) for name, group in groups.items()
        }
        command(**{p.name: filled[p.name] if p.name in filled else values[p.name] for p in own})

    return _with_signature(wrapper, command, shown)


def typed_alone(command: Callable[..., None], words: list[str], kept: Collection[str]) -> Callable[..., None]:
    """The command with its arguments, and of its options those that are typed or `kept`: Typer makes a parser and a reader of each of seventy.

    The others have their defaults. The whole command where an option is typed that it does not have, since Typer then tells those it has, and
    where environment variables may say any.
    """
    parameters = inspect.signature(command, eval_str=True).parameters
    typed = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
    names = {name: _names(parameter) for name, parameter in parameters.items()}
    others = (name for name in os.environ if name.startswith("QWENPICK_") and name != "QWENPICK_LANG")
    if any(others) or not typed <= set(chain.from_iterable(names.values())):
        return command
    shown = {n: one for n, one in parameters.items() if not names[n] or n in kept or typed & names[n]}
    usual = {name: one.default for name, one in parameters.items() if name not in shown}
    return _with_signature(lambda **values: command(**usual, **values), command, shown)


def _names(parameter: inspect.Parameter) -> set[str]:
    """How an option is typed, its other half too; nothing of an argument."""
    return {name for names in written(parameter.name, parameter.annotation) for name in names.split("/")}


def written(name: str, annotation: Any) -> tuple[str, ...]:
    """The spellings of an option, each with its half that says no (`--any/--official-only`); none of an argument.

    In an annotation Typer has the first of them as `default`.
    """
    kind, *notes = get_args(annotation) or (annotation,)
    for note in notes:
        if isinstance(note, OptionInfo):
            word = name.replace("_", "-")
            usual = f"--{word}/--no-{word}" if kind is bool else f"--{word}"
            return (note.default, *(note.param_decls or ())) if isinstance(note.default, str) else (usual,)
    return ()


def _with_signature(
    wrapper: Callable[..., None], command: Callable[..., None], shown: Mapping[str, inspect.Parameter]
) -> Callable[..., None]:
    """The wrapper as Typer reads it: under the command's name, with these parameters."""
    wrapper.__name__, wrapper.__doc__, wrapper.__module__ = command.__name__, command.__doc__, command.__module__
    wrapper.__signature__ = inspect.Signature(list(shown.values()))  # type: ignore[attr-defined]
    wrapper.__annotations__ = {name: parameter.annotation for name, parameter in shown.items()} | {"return": None}
    return wrapper


def _options(group: Any) -> list[inspect.Parameter]:
    """The fields of a group as parameters."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in fields(group)
    ]
