"""The page stands alone, shows the report's values and survives names that are markup."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qwenpick.render.forms.html import page
from qwenpick.render.forms.report import Column, Line, Table
from tests.conftest import Run

VOID = {"meta", "rect", "line", "circle", "link", "br"}


class Balanced(HTMLParser):
    """Every element that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID or (tag == "rect" and not self.get_starttag_text().endswith("/>")):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages lie, each written once."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(params=["en", "zh"])
def written(qwenpick: Run, pages: Path, request: pytest.FixtureRequest) -> Path:
    file = pages / f"{request.param}.html"
    if file.exists():
        return file
    result = qwenpick(
        "recommend",
        "--gpu",
        "rtx 4090",
        "--ram",
        "64GiB",
        "--quant",
        "4bit",
        "--html",
        str(file),
        "--lang",
        request.param,
    )
    assert result.code == 0, result.err
    return file


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert not re.search(r"(?:src|href)=|https?://|@import|<script", text)
    assert text.count("<figure>") == 2
    assert text.count("<svg") == 2 * 5  # a bar a pick in each


def test_the_page_shows_what_the_terminal_shows(written: Path, qwenpick: Run) -> None:
    shown = qwenpick("recommend", "--gpu", "rtx 4090", "--ram", "64GiB", "--quant", "4bit", "--format", "csv").out
    text = written.read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(shown)))
    assert len(rows) == 5
    for row in rows:
        assert f">{row['plan.name']}</td>" in text


def test_the_page_says_its_language_so_that_a_browser_chooses_the_glyphs(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    chinese = re.findall(r">[^<]*[\u4e00-\u9fff][^<]*<", text)
    assert ('<html lang="zh-Hans">' in text) == bool(chinese) == (written.stem == "zh")
    assert '"Noto Sans CJK SC"' in text


def test_names_that_are_markup_are_shown_as_text() -> None:
    text = page("<b>&", (Line("<script>alert(1)</script>"), Table((Column("<i>"),), (("<u>",),))), [])
    assert "<script>" not in text
    assert "&lt;u&gt;" in text
    assert "<title>&lt;b&gt;&amp;</title>" in text


def test_a_file_that_cannot_be_written_is_one_sentence(qwenpick: Run, tmp_path: Path) -> None:
    result = qwenpick(
        "plan", "qwen3-8b", "--quant", "4bit", "--gpu", "rtx 4090", "--html", str(tmp_path / "no" / "page.html")
    )
    assert result.code == 2
    assert "cannot write" in result.err


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Debian's chromium")
@pytest.mark.parametrize("width", [1200, 420])
def test_a_browser_draws_the_page_without_scrolling_sideways(written: Path, tmp_path: Path, width: int) -> None:
    probe = "<script>document.title = document.documentElement.scrollWidth + ' of ' + window.innerWidth</script>"
    framed = tmp_path / "framed.html"
    framed.write_text(written.read_text(encoding="utf-8").replace("</body>", probe + "</body>"), encoding="utf-8")
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1200", "--dump-dom",
        framed.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    title = re.search(r"<title>(\d+) of (\d+)</title>", dom)
    assert title
    assert int(title[1]) <= int(title[2])


def test_the_charts_name_what_differs_and_the_page_says_where_it_comes_from(qwenpick: Run, tmp_path: Path) -> None:
    file = tmp_path / "plan.html"
    words = ("plan", "qwen3-8b", "--budget", "500", "--html", str(file))
    assert qwenpick(*words).code == 0
    text = file.read_text(encoding="utf-8")
    names = re.findall(r'<div class="name"><span>([^<]*)</span>', text)
    assert len(names) == len(set(names)) * 2  # each GPU once in each of the two charts
    assert any(name.startswith("GeForce RTX 5050") for name in names)
    assert "<code>qwenpick plan qwen3-8b --budget 500" in text
    assert re.search(r"facts of \d{4}-\d\d-\d\d", text)
