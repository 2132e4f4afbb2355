"""An answer as CSV: the rows of its JSON, flat, with raw values (bytes, tokens, tokens/s), in English as all that programs read.

A column is named by its path in the JSON: plan.memory.total. What a row has as a list of words stands in one cell, parted by semicolons; lists of
objects are left to --json. Commands without rows there print the tables of their reports.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qwenpick.cleaning import csv_cell
from qwenpick.i18n import _
from qwenpick.render.forms.report import Table

if TYPE_CHECKING:
    from qwenpick.render.forms.report import Report

# command -> the paths of its rows, each a table; one of several kinds that an answer may have. "" is the answer itself.
ROWS: dict[str, tuple[str, ...]] = {
    "fit": ("runs", "kinds", "models", "", "memory.parts"),
    "recommend": ("boxes.picks",),
    "plan": ("offers", "rented", "rented_cny", "tuning_offers", "rented_runs"),
    "compare": ("models", "gpus", "cards"),
    "replace": ("model", "better"),
    "scan": ("models",),
    "models": ("models",),
    "gpus": ("gpus",),
    "machine": ("machine.devices",),
    "doctor": ("findings",),
    "tasks": ("tasks",),
    "scenarios": ("scenarios",),
}
ONE_TABLE = frozenset({"replace", "plan"})  # whose kinds of rows stand in one table
ALONE = frozenset({"runs", "kinds", "models"})  # of fit: where they are, they are all


def separated(report: Report, command: str = "", payload: Mapping[str, Any] | None = None) -> str:
    """The rows as tables, one after the other with an empty line between: a line of column names, then the rows."""
    tables = [] if payload is None else raw_tables(command, payload)
    if not tables:
        tables = [
            [[_(column.name) for column in block.columns], *([csv_cell(cell) for cell in row] for row in block.rows)]
            for block in report
            if isinstance(block, Table)
        ]
    return "\n".join(map(_written, tables))


def _written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def raw_tables(command: str, payload: Mapping[str, Any]) -> list[list[list[str]]]:
    """The tables of an answer; [] for a command whose JSON has no rows, or an answer without any."""
    found = list[list[dict[str, Any]]]()
    for path in ROWS.get(command, ()):
        rows = list(_rows(payload, path.split(".") if path else [], {}))
        if rows and found and command in ONE_TABLE:
            found[0] += rows
        elif rows:
            found.append(rows)
            if command == "fit" and path in ALONE:
                break
    return [_table(rows) for rows in found]


def _table(rows: list[dict[str, Any]]) -> list[list[str]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [names, *([_cell(row.get(name)) for name in names] for row in rows)]


def _rows(value: Any, path: list[str], outer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What lies at the path, flat, with the plain fields of the rows around it before it."""
    if not isinstance(value, Mapping):
        return
    if not path:
        yield {**outer, **_flat(value)}
        return
    inner = value.get(path[0])
    if isinstance(inner, Mapping):
        yield from _rows(inner, path[1:], outer)
    for one in inner if isinstance(inner, list) else ():
        around = {name: text for name, text in _flat(one).items() if "." not in name} if len(path) > 1 else {}
        yield from _rows(one, path[1:], {**outer, **around})


def _flat(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            found |= _flat(inner, f"{before}{name}.")
        elif isinstance(inner, list):
            if not any(isinstance(one, (Mapping, list)) for one in inner):
                found[before + name] = "; ".join(map(str, inner))
        else:
            found[before + name] = inner
    return found


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return csv_cell(value) if isinstance(value, str) else str(value)
