"""Groups of options that several commands share: a dataclass whose fields are options, which `@spread` puts in a command's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


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
