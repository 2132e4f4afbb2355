"""Links between the pages that the docs site does not build (it checks its own, anchors too: mkdocs build --strict)."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md"), *ROOT.glob("docs/**/*.md")]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|mailto:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")


def _anchors(page: Path) -> set[str]:
    """What GitHub and the site make of the headings of a page."""
    heads = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", head.casefold()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"(?s)```.*?```", "", page.read_text(encoding="utf-8"))
    for link in LINK.finditer(text):
        there = (page.parent / unquote(link["path"])).resolve() if link["path"] else page
        assert there.exists(), f"{page.name}: {link[0]}"
        if link["anchor"] and there.suffix == ".md":
            assert unquote(link["anchor"]) in _anchors(there), f"{page.name}: {link[0]}"


def test_the_pages_link_at_all() -> None:
    assert sum(len(LINK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 50


def test_the_site_links_the_files_that_its_pages_name() -> None:
    from tools.site_links import on_page_markdown

    config = {"repo_url": "https://github.com/someone/qwenpick"}
    page = "Code: `src/qwenpick/training/`, `data/gpus.yaml`, `src/no/where`.\n\n```sh\ncat `data/gpus.yaml`\n```\n"
    assert on_page_markdown(page, None, config, None) == page.replace(
        "`src/qwenpick/training/`",
        "[`src/qwenpick/training/`](https://github.com/someone/qwenpick/tree/main/src/qwenpick/training/)",
    ).replace("`data/gpus.yaml`,", "[`data/gpus.yaml`](https://github.com/someone/qwenpick/blob/main/data/gpus.yaml),")
