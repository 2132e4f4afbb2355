"""What the Python functions take: a value of another kind is refused in one sentence, as the command line does with words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qwenpick.errors import QwenpickError, shown
from qwenpick.i18n import N_, _
from qwenpick.machine.hardware import Machine
from qwenpick.memory.cache import KvCache
from qwenpick.units import parse_dollars

# argument -> (kinds, what it must be)
KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "model": ((str,), N_("a name, as text")),
    "quant": ((str,), N_("a format or a precision, as text")),
    "runtime": ((str,), N_("the name of an engine, as text")),
    "task": ((str,), N_("the name of a task, as text")),
    "users": ((int,), N_("a whole number")),
    "limit": ((int,), N_("a whole number")),
    "sequences": ((int,), N_("a whole number")),
    "gpus": ((int,), N_("a whole number")),
    "options": ((Mapping,), N_("a dictionary of the engine's options")),
    "kv_cache": ((str, KvCache), N_("a cache format, as text")),
    "context": ((int, str), N_("tokens, such as 32768 or '32k'")),
    "ram": ((int, str), N_("a size, such as '64GiB'")),
    "machine": ((str, Path, Machine), N_("the path of a saved machine, or a Machine")),
}
NEEDED = frozenset({"model"})


def check(needed: Iterable[str] = (), **given: Any) -> None:
    """QwenpickError for the first argument that is of another kind; None is one that was not said, but for those that are `needed`."""
    for name, value in given.items():
        if value is None and name not in NEEDED and name not in needed:
            continue
        kinds, what = KINDS[name]
        if not isinstance(value, kinds) or isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
            raise QwenpickError(
                _("{name} must be {what}, not {value}", name=name, what=_(what), value=shown(repr(value)))
            )
    if (limit := given.get("limit")) is not None and limit < 1:
        raise QwenpickError(_("limit must be 1 or more, not {limit}", limit=limit))


def names(gpu: Any) -> list[str]:
    """The GPUs that are named: one, or several. Raises QwenpickError for what is no name, and for none of them."""
    found: list[Any] = (
        [] if gpu is None else [gpu] if isinstance(gpu, str) else list(gpu) if isinstance(gpu, Iterable) else [gpu]
    )
    for name in found or ([gpu] if gpu is not None else []):
        if not isinstance(name, str) or not name.strip():
            raise QwenpickError(
                _("gpu must be a name such as '2x l40s', or several, not {value}", value=shown(repr(name)))
            )
    return found


def dollars(budget: Any) -> float | None:
    """USD of a number or of words such as "$1,500". Raises QwenpickError for what is neither."""
    if budget is None:
        return None
    if isinstance(budget, str):
        return parse_dollars(budget)
    if isinstance(budget, (int, float)) and not isinstance(budget, bool) and math.isfinite(budget) and budget >= 0:
        return float(budget)
    raise QwenpickError(
        _("budget must be 0 or more USD, such as 1500 or '$1,500', not {value}", value=shown(repr(budget)))
    )
