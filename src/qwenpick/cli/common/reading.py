"""How what was typed becomes a value: words, switches and whole numbers here, all else by Typer.

Typer reads every value with a pydantic TypeAdapter of its own, and pydantic takes 60 ms to be imported, whatever was typed.
"""

from __future__ import annotations

import re
from typing import Any

import typer.core
from typer._coercion import build_runtime_param


class Reader:
    """The reader of one parameter, in place of Typer's. What it does not take, Typer's reads or refuses."""

    def __init__(self, descriptor: Any) -> None:
        self._descriptor = descriptor

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of the type that the parameter has. Raises Typer's BadParameter."""
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        kind, rules = self._descriptor.annotation, self._descriptor.parameter_info
        if not (rules.parser or self._descriptor.is_path):
            if (
                several
                and kind == list[str]
                and isinstance(value, list | tuple)
                and all(type(one) is str for one in value)
            ):
                return list(value)
            if not several and kind in (str, bool) and type(value) is kind:
                return value
            if not several and kind is int and re.fullmatch(r"[0-9]{1,15}", str(value), re.ASCII):
                number = int(value)
                if (rules.min is None or number >= rules.min) and (rules.max is None or number <= rules.max):
                    return number
        return build_runtime_param(self._descriptor).coerce(value, param=param, ctx=ctx)


def read_plainly() -> None:
    """Has Typer (0.29, which is the one that is depended on) take these readers."""
    typer.core.build_runtime_param = Reader  # type: ignore[attr-defined, assignment]
