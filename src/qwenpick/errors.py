"""The errors that are for the person: one sentence each, and the exit code it ends with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qwenpick.cleaning import clean
from qwenpick.i18n import _


class QwenpickError(Exception):
    """A bad request, as one sentence: what was wrong, what would be right, what was probably meant. Exit code 2."""

    exit_code = 2


class HardwareUnreadableError(QwenpickError):
    """The hardware a verdict depends on could not be read, so there is no verdict. Exit code 3."""

    exit_code = 3


def shown(value: object, longest: int = 60) -> str:
    """A value as a sentence may quote it: one line of visible text, cut where it is long.

    >>> shown("a" * 100, 10), shown(True), shown(10**5000)
    ('aaaaaaaaa…', 'True', 'a number of thousands of digits')
    """
    try:
        text = str(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return _("a number of thousands of digits")
    text = clean(text[: longest + 1])
    return text if len(text) <= longest else text[: longest - 1] + "…"


def did_you_mean(word: str, known: Iterable[str], limit: int = 1) -> str:
    """'; did you mean X?' for the nearest of `known`, or ''; where none is near, for those that `word` begins.

    >>> did_you_mean("rtx-5900", ["rtx-5090", "h200"])
    '; did you mean rtx-5090?'
    >>> did_you_mean("awq", ["awq-int4", "nvfp4"])
    '; did you mean awq-int4?'
    """
    by_folded = {name.casefold(): name for name in known}
    folded = word[:100].casefold()
    import difflib

    likely = difflib.get_close_matches(folded, by_folded, n=limit + 8, cutoff=0.55)
    distance = {name: edits(folded, name) for name in likely}
    near = sorted(
        (name for name in likely if distance[name] <= max(2, len(folded) // 4)),
        key=lambda name: (not name.startswith(folded), distance[name], name),
    )
    begun = [name for name in by_folded if name.startswith(folded)] if len(folded) > 2 else []
    if begun and (not near or not near[0].startswith(folded)):
        near = [*begun, *near]
    elif not near and len(folded) > 2:
        near = [name for name in by_folded if folded.startswith((f"{name}-", f"{name} "))]
    return _("; did you mean {near}?", near=_(" or ").join(by_folded[name] for name in near[:limit])) if near else ""


def edits(one: str, other: str, most: int | None = None) -> int:
    """How many letters are added, left out, replaced or swapped with their neighbour between two words; `most` + 1 where it is more.

    >>> edits("rtx-5900", "rtx-5090"), edits("maybe", "image"), edits("foo", "tools", 2)
    (1, 3, 3)
    """
    before, last = list[int](), list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        if most is not None and min(now) > most:
            return most + 1
        before, last = last, now
    return last[-1] if most is None else min(last[-1], most + 1)


class DoesNotFitError(QwenpickError):
    """What was to be started does not hold. Exit code 1."""

    exit_code = 1


def wrong(fault: Mapping[str, Any]) -> str:
    """What pydantic finds wrong with a value, in the words of who writes a file: what it must be, and what it is.

    >>> wrong({"type": "greater_than_equal", "msg": "", "ctx": {"ge": 1}, "input": -1})
    "must be 1 or more, not '-1'"
    >>> wrong({"type": "too_short", "msg": "", "ctx": {"min_length": 1}, "input": []})
    'must have at least 1 entry'
    """
    kind, context, given = fault["type"], fault.get("ctx") or {}, fault.get("input")
    if kind in ("value_error", "assertion_error"):
        return str(fault["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if kind in ("too_short", "too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        if kind == "too_long":
            return _("must have at most {count} entries", count=most)
        return _("must have at least 1 entry") if least == 1 else _("must have at least {count} entries", count=least)
    return _("{what}, not '{given}'", what=_what(str(kind), context, str(fault["msg"])), given=shown(given))


def _what(kind: str, context: Mapping[str, Any], message: str) -> str:
    """What the value must be."""
    bounds = {
        "greater_than_equal": _("must be {least} or more", least=context.get("ge")),
        "greater_than": _("must be more than {least}", least=context.get("gt")),
        "less_than_equal": _("must be {most} or less", most=context.get("le")),
        "less_than": _("must be less than {most}", most=context.get("lt")),
        "literal_error": _("must be {words}", words=str(context.get("expected", "")).replace("'", "")),
        "string_too_short": _("must not be empty"),
        "finite_number": _("must be a number"),
    }
    if kind in bounds:
        return bounds[kind]
    kinds = {
        "int": _("must be a whole number"),
        "float": _("must be a number"),
        "bool": _("must be true or false"),
        "string": _("must be text"),
        "tuple": _("must be a list"),
        "list": _("must be a list"),
        "dict": _("must be a table of names and values"),
        "model": _("must be a table of names and values"),
        "dataclass": _("must be a table of names and values"),
        "mapping": _("must be a table of names and values"),
    }
    return kinds.get(kind.partition("_")[0], message[:1].lower() + message[1:])
