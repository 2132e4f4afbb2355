"""Numbers out of a model's metadata: present, whole and of a believable size, or a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _

# no dimension of a model is larger: the longest vocabulary has 2.5e5 entries, the longest context 1e7 tokens
LARGEST = 2**31 - 1


def natural(table: Mapping[str, Any], *names: str) -> int | None:
    """The first of `names` that is there, as an int from 0 to 2^31-1; None if none is. Raises QwenpickError for anything else.

    >>> natural({"num_experts": 128}, "num_local_experts", "num_experts")
    128
    """
    for name in names:
        value = table.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
            raise QwenpickError(
                _(
                    "{name} is {value!r}, not a whole number from 0 to {most:,}",
                    name=name,
                    value=str(value)[:40],
                    most=LARGEST,
                )
            )
        return value
    return None


def positive(table: Mapping[str, Any], *names: str) -> int:
    """As `natural`, but it must be there and not be 0."""
    value = natural(table, *names)
    if not value:
        raise QwenpickError(
            _(
                "{names} is {value}: this does not describe a model",
                names=names[0],
                value="missing" if value is None else "0",
            )
        )
    return value


def shared(heads: int, kv_heads: int) -> int:
    """kv_heads, which as many heads share each. Raises QwenpickError where the heads cannot be shared out evenly."""
    if heads % kv_heads:
        raise QwenpickError(
            _(
                "{heads} attention heads cannot share {kv_heads} key-value heads evenly: this does not describe a model",
                heads=heads,
                kv_heads=kv_heads,
            )
        )
    return kv_heads


def section(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A nested table, or an empty one where there is none. Raises QwenpickError if something else is there."""
    value = table.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise QwenpickError(_("{name} is a {kind}, not a table", name=name, kind=type(value).__name__))
    return value
