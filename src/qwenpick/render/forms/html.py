"""One self-contained HTML page of a report: its tables, and charts of memory and speed. No script, no network, light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from qwenpick.i18n import _, language
from qwenpick.render.forms.charts import labelled, memory_chart, speed_chart
from qwenpick.render.forms.report import Bar, Column, Line, Table
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from qwenpick.planning.plan import Plan
    from qwenpick.render.forms.report import Block, Report

MANY = 4  # columns from which on a row is a card where they would be cut
SHORT = 18  # letters of a cell that are kept on one line; a single word always is
TAGS = {"en": "en", "zh": "zh-Hans"}  # BCP 47, by which a browser chooses glyphs
STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --dim: #5f6871; --line: #d9dee3; --paper: #ffffff; --good: #1a7f4b; --warn: #9a6700; --bad: #c0362c;
  --weights: #2f6fde; --cache: #17a398; --state: #8a5cd1; --compute: #e08a1e; --overhead: #9aa3ab; --free: #e9edf0; --mark: #1c2024; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #9aa3ab; --line: #394048; --paper: #16191d; --good: #4cc38a; --warn: #e0a82e;
  --bad: #f2695c; --free: #2a3037; --mark: #e6e9ec; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif; }
main { max-width: 80rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .35rem 0; } .dim, footer { color: var(--dim); } .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--dim); font-weight: 600; white-space: nowrap; }
td.short { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; } figcaption { color: var(--dim); font-size: .9rem; } svg { width: 100%; height: 24px; display: block; }
.bar { margin: .5rem 0; } .name { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; font-size: .92rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; color: var(--dim); }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: 2px; }
p, h2, footer, code { overflow-wrap: anywhere; } code { font-family: ui-monospace, Consolas, monospace; }
footer { margin-top: 2.5rem; font-size: .85rem; } footer p { margin: .2rem 0; }
@media (max-width: 72rem) { .many thead { display: none; } .many tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .many td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: .1rem .2rem; text-align: right; white-space: normal; }
  .many td:empty { display: none; } .many td::before { content: attr(data-label); color: var(--dim); text-align: left; white-space: nowrap; } }
@media (min-width: 40.01rem) and (max-width: 72rem) { .many tbody { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2rem; } }
@media (max-width: 40rem) { th, td { padding: .3rem .4rem; } table { font-size: .85rem; } td.short { white-space: normal; } }
@media print { main { max-width: none; padding: 0; } }
"""


def page(title: str, report: Report, plans: Sequence[Plan], labels: Sequence[str] = (), command: str = "") -> str:
    """The page as text: the report's blocks, a chart of what each plan keeps in memory and one of how fast each is, and where it comes from.

    `labels` name the plans where their models do not; `command` is what was typed. The date is that of the facts: the same request gives the
    same page on any day.
    """
    from qwenpick import __version__
    from qwenpick.catalog.read import data_date

    shown = labelled(plans, labels)
    charts = f"{memory_chart(shown)}{speed_chart(shown)}"
    typed = f"<p>{escape(_('made by:'))} <code>{escape(command)}</code></p>" if command else ""
    made = escape(_("qwenpick {version} (facts of {date})", version=__version__, date=data_date()))
    body = "\n".join(_block(block) for block in report)
    return (
        f'<!doctype html>\n<html lang="{TAGS[language()]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n{charts}\n<footer>{typed}<p>{made}</p></footer>\n</main>\n</body>\n</html>\n"
    )


def _block(block: Block) -> str:
    match block:
        case Line(text=text, tone="title"):
            return f"<h2>{escape(text)}</h2>"
        case Line(text=text, tone="plain"):
            return f"<p>{escape(text)}</p>"
        case Line(text=text, tone=tone):
            return f'<p class="{tone}">{escape(text)}</p>'
        case Table():
            return _table(block)
        case Bar(label=label, slices=slices, capacity=capacity):
            room = _(" of {capacity}", capacity=format_bytes(capacity)) if capacity is not None else ""
            detail = ", ".join(f"{name} {format_bytes(size)}" for name, size in slices)
            return f"<p><b>{escape(label)}</b>: {format_bytes(sum(size for _unused, size in slices))}{room} ({escape(detail)})</p>"


def _cell(column: Column, text: str) -> str:
    """A cell that knows its column's name, for narrow screens where a row is a card; names and figures are not broken."""
    kind = "number" if column.number else "short" if len(text) <= SHORT or " " not in text else ""
    own = f' class="{kind}"' if kind else ""
    return f'<td{own} data-label="{escape(_(column.name))}">{escape(text)}</td>'


def _table(table: Table) -> str:
    numbers = [' class="number"' if column.number else "" for column in table.columns]
    head = "".join(
        f"<th{number}>{escape(_(column.name))}</th>" for column, number in zip(table.columns, numbers, strict=True)
    )
    rows = ""
    for index, row in enumerate(table.rows):
        tone = f' class="{table.tones[index]}"' if table.tones and table.tones[index] != "plain" else ""
        rows += f"<tr{tone}>" + "".join(map(_cell, table.columns, row)) + "</tr>\n"
    title = f"<h3>{escape(table.title)}</h3>" if table.title else ""
    many = ' class="many"' if len(table.columns) > MANY else ""
    return (
        f'{title}<div class="scroll"><table{many}><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>'
    )
