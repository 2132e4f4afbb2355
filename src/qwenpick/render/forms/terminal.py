"""A report on a terminal: colour with meaning where there is a terminal, plain text elsewhere, and tables that survive 80 columns."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.render.forms.report import Bar, Column, Line, Table, Tone
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from qwenpick.render.forms.report import Report

STYLES: dict[Tone, str] = {"plain": "", "good": "green", "warn": "yellow", "bad": "red", "dim": "dim", "title": "bold"}
SLICES = (("█", "cyan"), ("▓", "blue"), ("▒", "magenta"), ("░", "yellow"), ("▚", "red"))
BAR_WIDTH = 40
SHORTEST_BAR = 12
NARROWEST = 20  # columns; on less, lines are folded
WORD = 8  # columns that a text needs at least to be read in a table


def print_report(report: Report) -> None:
    """Print to stdout. Without a terminal there is no colour and the width is COLUMNS, else 100."""
    from rich.console import Console

    said = os.environ.get("COLUMNS", "")
    width = None if sys.stdout.isatty() else _columns(said)
    if said and not re.fullmatch(r"[1-9]\d{0,3}", said, re.ASCII):
        os.environ["COLUMNS"] = "100"  # rich reads it too, and believes it

    class Piped(Console):
        """Lets `qwenpick … | head` be what it is, instead of exit code 1, which means that it does not fit."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    console = Piped(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)
    for block in report:
        match block:
            case Line(text=text, tone=tone):
                console.print(text, style=STYLES[tone], soft_wrap=not console.is_terminal)
            case Table():
                _print_table(console, block)
            case Bar():
                _print_bar(console, block)


def _columns(said: str) -> int:
    """The width that COLUMNS says, at least 20; 100 where it says none."""
    return max(NARROWEST, int(said)) if re.fullmatch(r"[1-9]\d{0,3}", said, re.ASCII) else 100


def _print_table(console: Console, table: Table) -> None:
    """The table, without its optional columns (the most optional first) where it would not fit the width."""
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.table import Table as RichTable

    kept = list(range(len(table.columns)))

    wide = [
        max([cell_len(_(column.name)), *(cell_len(row[i]) for row in table.rows)])
        for i, column in enumerate(table.columns)
    ]

    def needed() -> int:
        return sum(3 + wide[i] for i in kept)

    while needed() > console.width and (optional := [i for i in kept if table.columns[i].optional]):
        kept.remove(max(optional, key=lambda i: (table.columns[i].optional, i)))
    least = sum(3 + (wide[i] if table.columns[i].number else min(wide[i], WORD)) for i in kept)
    if least > console.width:
        _print_records(console, table)
        return
    grid = RichTable(
        title=table.title or None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
    )
    for index in kept:
        column: Column = table.columns[index]
        grid.add_column(
            _(column.name), justify="right" if column.number else "left", no_wrap=column.number, overflow="fold"
        )
    for number, row in enumerate(table.rows):
        grid.add_row(*(row[i] for i in kept), style=STYLES[table.tones[number]] if table.tones else None)
    console.print(grid)


def _print_records(console: Console, table: Table) -> None:
    """Every row as lines of `column: value`, where a table would cut figures: nothing is left out, and only texts are folded."""
    if table.title:
        console.print(table.title, style="bold")
    for number, row in enumerate(table.rows):
        for column, cell in zip(table.columns, row, strict=True):
            if cell:
                text = f"{_(column.name)}: {cell}" if column.name else cell
                console.print(text, style=STYLES[table.tones[number]] if table.tones else "", overflow="fold")
        console.print()


def _print_bar(console: Console, bar: Bar) -> None:
    """`name  ██▓▓░···|··  6.1 of 24.0 GiB`, with the limit of what may be taken marked, and a legend below."""
    from rich.cells import cell_len
    from rich.text import Text

    used = sum(size for _unused, size in bar.slices)
    scale = max(used, bar.capacity or used, 1)
    room = _(" of {capacity}", capacity=format_bytes(bar.capacity)) if bar.capacity is not None else ""
    figures = f"  {format_bytes(used)}{room}"
    wide = max(min(BAR_WIDTH, console.width - cell_len(f"{bar.label}  {figures}") - 1), SHORTEST_BAR)
    line = Text(f"{bar.label}  ")
    cells = 0
    for index, (_unused, size) in enumerate(bar.slices):
        width = max(round(size / scale * wide), 1 if size / scale > 0.002 else 0)
        glyph, colour = SLICES[index % len(SLICES)]
        line.append(glyph * width, style=colour)
        cells += width
    limit = round(bar.budget / scale * wide) if bar.budget is not None else wide
    line.append("".join("|" if position == limit else "·" for position in range(cells, wide + 1)), style="dim")
    line.append(figures, style="red" if bar.budget is not None and used > bar.budget else "")
    console.print(line, soft_wrap=True)
    items = [
        Text.assemble(
            (f"{SLICES[index % len(SLICES)][0]} ", SLICES[index % len(SLICES)][1]), f"{name} {format_bytes(size)}   "
        )
        for index, (name, size) in enumerate(bar.slices)
    ]
    if bar.budget is not None:
        items.append(Text(_("| limit {budget}", budget=format_bytes(bar.budget)), style="dim"))
    legend = [Text("  ")]
    for item in items:  # a name stays with its size
        if legend[-1].cell_len > 2 and legend[-1].cell_len + cell_len(item.plain.rstrip()) > console.width:
            legend.append(Text("  "))
        legend[-1].append_text(item)
    for part in legend:
        console.print(part)
