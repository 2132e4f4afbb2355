"""One function per kind of output makes text out of what would steer it."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenpick.cleaning import clean, clean_lines, csv_cell, markdown_text, workflow_data, workflow_property
from qwenpick.render.forms.markdown import markdown
from qwenpick.render.forms.report import Bar, Column, Line, Table
from qwenpick.render.forms.separated import separated

HOSTILE = [
    "ok\n::error file=README.md,line=1::injected\n::stop-commands::x\x1b]0;title\x07",
    "\x9b31m",
    "a\u2028b",
    "\u202eevil",
    "\ud800",
    "\x7f",
    "\r\rx",
    "\ufeffx",
]
STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_steers_is_left(text: str) -> None:
    for made in (clean(text), csv_cell(text), markdown_text(text)):
        assert not STEERING.search(made) and made.isprintable() and "::" not in made
    assert not STEERING.search(clean_lines(text).replace("\n", ""))
    assert "\n" not in workflow_data(text) and "\r" not in workflow_property(text)


@given(st.text())
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert clean(text) == text or STEERING.search(text) or "::" in text or set(text) & set("\ufeff\u061c\u200e\u200f")


@pytest.mark.parametrize("text", ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", " =1", "\t=1", "＝1"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(text: str) -> None:
    assert csv_cell(text)[0] in "'\\"


@pytest.mark.parametrize("text", ["-0.5", "+12%", "18.3 GiB", "97-168", "-3.00 GiB", "a=b"])
def test_figures_are_not_formulas(text: str) -> None:
    assert csv_cell(text).lstrip("'") == text


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>[a](javascript:alert(1))", "a|b", "`c`", "![x](y)", "<!-- x", "a\x85b"]
)
def test_markdown_holds_no_html_no_link_and_no_end_of_a_cell(text: str) -> None:
    made = markdown_text(text)
    assert "<" not in made and not re.search(r"(?<!\\)[\[\]|`]", made) and "\x85" not in made


@pytest.mark.parametrize("text", HOSTILE)
def test_every_report_is_clean_whatever_prints_it(text: str) -> None:
    report = (
        Line(text),
        Table((Column("name"), Column("x")), ((text, "1"),), title=text),
        Bar(text, ((text, 1),), 2, 1),
    )
    for made in (markdown(report), separated(report)):
        assert not STEERING.search(made.replace("\n", ""))
        assert not [line for line in made.splitlines() if line.startswith("::")]
    rows = list(csv.reader(io.StringIO(separated(report))))
    assert len(rows) == 2 and len(rows[1]) == 2
