"""The tables of a report as CSV, one after the other with an empty line between."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from qwenpick.cleaning import csv_cell
from qwenpick.i18n import _
from qwenpick.render.forms.report import Table

if TYPE_CHECKING:
    from qwenpick.render.forms.report import Report


def separated(report: Report) -> str:
    """The tables only: a line of column names, then the rows."""
    parts = []
    for block in report:
        if isinstance(block, Table):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(_(column.name) for column in block.columns)
            writer.writerows(map(csv_cell, row) for row in block.rows)
            parts.append(text.getvalue())
    return "\n".join(parts)
