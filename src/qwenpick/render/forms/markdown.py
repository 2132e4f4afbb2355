"""A report as GitHub-flavoured Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.cleaning import markdown_text
from qwenpick.i18n import _
from qwenpick.render.forms.report import Bar, Line, Table
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.render.forms.report import Block, Report


def markdown(report: Report) -> str:
    """The whole report, blocks apart by empty lines."""
    return "\n\n".join(_block(block) for block in report) + "\n"


def _block(block: Block) -> str:
    match block:
        case Line(text=text, tone="title"):
            return f"## {markdown_text(text)}"
        case Line(text=text):
            return markdown_text(text)
        case Table():
            head = " | ".join(markdown_text(_(column.name)) for column in block.columns)
            rule = " | ".join("---:" if column.number else "---" for column in block.columns)
            rows = "".join(f"\n| {' | '.join(markdown_text(cell) for cell in row)} |" for row in block.rows)
            title = f"### {markdown_text(block.title)}\n\n" if block.title else ""
            return f"{title}| {head} |\n| {rule} |{rows}"
        case Bar():
            slices = ", ".join(f"{markdown_text(name)} {format_bytes(size)}" for name, size in block.slices)
            room = _(" of {capacity}", capacity=format_bytes(block.capacity)) if block.capacity is not None else ""
            return f"- **{markdown_text(block.label)}**: {format_bytes(sum(size for _unused, size in block.slices))}{room} ({slices})"
