"""The errors that are for the person: one sentence each, and the exit code it ends with."""

from __future__ import annotations

from collections.abc import Iterable

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
