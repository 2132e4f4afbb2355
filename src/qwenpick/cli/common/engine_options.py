"""`-o name=value`: an engine's own options as values."""

from __future__ import annotations

import re

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import _
from qwenpick.runtimes.option import spelled


def read_engine_options(pairs: list[str] | None) -> dict[str, object]:
    """`-o name=value` pairs as values: numbers, true/false, else text. Raises QwenpickError for a pair without '=', or two values of one name."""
    found: dict[str, object] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise QwenpickError(
                _("cannot read option '{pair}'; write it like -o gpu_memory_utilization=0.8", pair=shown(pair))
            )
        name = spelled(name)
        read = value.strip() if name.endswith("version") else _value(value.strip())
        if found.setdefault(name, read) != read:
            raise QwenpickError(
                _(
                    "{name} is said twice: {first} and {second}; give one of them",
                    name=name,
                    first=found[name],
                    second=read,
                )
            )
    return found


def _value(text: str) -> object:
    """true and false, and numbers that are written as Python writes them; all else stays text, as a release (0.10) must."""
    if text.casefold() in {"true", "false"}:
        return text.casefold() == "true"
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"-?\d{1,6}\.\d{1,12}", text, re.ASCII) and str(float(text)) == text:
        return float(text)
    return text
