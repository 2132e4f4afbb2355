"""A report for a pipe or a file, byte for byte as rich prints it there, without rich: it takes 25 ms to be imported and to lay out a table.

Only what has one layout is written here: text of one cell a character, and tables that are as wide as they want to be. All else is rich's.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.render.forms.report import Line, Table

if TYPE_CHECKING:
    from qwenpick.render.forms.report import Report

NARROWEST = 20  # columns; on less, lines are folded
ONE_CELL = re.compile(r"[ -~·×±≈≤≥…–—→−]*")  # characters that are known to be one cell wide
_COLOURED = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")  # rich takes a pipe for a terminal by them


def columns(said: str) -> int:
    """The width that COLUMNS says, at least 20; 100 where it says none."""
    return max(NARROWEST, int(said)) if re.fullmatch(r"[1-9]\d{0,3}", said, re.ASCII) else 100


def shown(table: Table, wide: Sequence[int], width: int) -> list[int]:
    """The columns that stay, by index, of columns that are so wide: the most optional go first where they do not fit the width."""
    kept = list(range(len(wide)))
    while sum(3 + wide[i] for i in kept) > width and (optional := [i for i in kept if table.columns[i].optional]):
        kept.remove(max(optional, key=lambda i: (table.columns[i].optional, i)))
    return kept


def piped(report: Report) -> str | None:
    """The text of a report where stdout is no terminal; None where rich has to lay it out."""
    if sys.stdout.isatty() or any(name in os.environ for name in _COLOURED):
        return None
    if (sys.stdout.encoding or "").replace("-", "").casefold() != "utf8":
        return None  # rich draws boxes in other characters
    width = columns(os.environ.get("COLUMNS", ""))
    found = [_text(block, width) if isinstance(block, Line | Table) else None for block in report]
    return "".join(map(str, found)) if None not in found else None


def _text(block: Line | Table, width: int) -> str | None:
    if isinstance(block, Line):
        return f"{block.text}\n" if _plain(block.text) else None
    rows = [tuple(_(column.name) for column in block.columns), *block.rows]
    wide = [max(len(row[index]) for row in rows) for index in range(len(block.columns))]
    if not all(_plain(text) for row in (*rows, (block.title,)) for text in row):
        return None
    kept = shown(block, wide, width)
    rows, wide = [tuple(row[index] for index in kept) for row in rows], [wide[index] for index in kept]
    whole = sum(wide) + 3 * len(wide) - 1
    if not (block.rows and all(wide) and whole < width and len(block.title) <= whole):
        return None
    sides = [str.rjust if block.columns[index].number else str.ljust for index in kept]
    head, *lines = [
        f" {'   '.join(side(cell, size) for side, cell, size in zip(sides, row, wide, strict=True))} \n" for row in rows
    ]
    title, blank, rule = (
        f"{block.title:{whole}}\n" if block.title else "",
        " " * whole + "\n",
        f" {'─' * (whole - 2)} \n",
    )
    return "".join((title, blank, head, rule, *lines, blank))


def _plain(text: str) -> bool:
    """Whether it is printed as it stands."""
    return text == text.rstrip() and ONE_CELL.fullmatch(text) is not None
