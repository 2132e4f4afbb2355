"""Several models in one line: `qwen3-32b:4bit@32k*8 + qwen3-embedding-0.6b`, each with its format, context and users where they are said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.planning.checkpoints import check_quant
from qwenpick.units import parse_tokens
from qwenpick.values import dataclass

_USERS, _CONTEXT = re.compile(r"(.+)\*(\d{1,6})"), re.compile(r"(.+)@(\d[\d.,_]*[kKmM]?)")
MOST = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """One model of the line; None is what was not said."""

    name: str
    quant: str | None = None
    context: int | None = None
    users: int | None = None


def several(words: Sequence[str]) -> list[Asked]:
    """The models between the `+`, which is a word of its own. Raises QwenpickError for a `+` with nothing on a side, and for too many.

    >>> several(["qwen3-32b:4bit@32k*8", "+", "qwen", "3", "8b"])
    [Asked(name='qwen3-32b', quant='4bit', context=32768, users=8), Asked(name='qwen 3 8b', quant=None, context=None, users=None)]
    """
    groups: list[list[str]] = [[]]
    for word in words:
        if word == "+":
            groups.append([])
        else:
            groups[-1].append(word)
    if not all(groups) or len(groups) > MOST:
        raise QwenpickError(
            _("several models are written like: qwen3-8b + qwen3-embedding-0.6b*16 (at most {most})", most=MOST)
        )
    return [_one(" ".join(group)) for group in groups]


def _one(text: str) -> Asked:
    """A name with what stands behind it, in any order. An Ollama tag (`qwen3:8b`) is part of the name, since it is no format."""
    name, quant, context, users = text, None, None, None
    while True:
        if users is None and (found := _USERS.fullmatch(name)):
            name, users = found[1], int(found[2])
        elif context is None and (found := _CONTEXT.fullmatch(name)):
            name, context = found[1], parse_tokens(found[2])
        elif quant is None and ":" in name and _is_format(name.rpartition(":")[2]):
            name, _colon, quant = name.rpartition(":")
        else:
            break
    if users == 0:
        raise QwenpickError(_("'{text}' must ask for at least 1 user", text=text))
    return Asked(name, quant, context, users)


def _is_format(word: str) -> bool:
    try:
        check_quant(word)
    except QwenpickError:
        return False
    return True
