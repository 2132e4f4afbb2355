"""A hook of mkdocs (mkdocs.yml): a file or folder of the repository that a page names in code (`src/qwenpick/fitting/`) links to it there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_NAMED = re.compile(r"(?<![\[`])`(?P<path>(?:src|benchmarks|data|tests|tools|integrations|\.github)/[\w./-]+)`(?!`)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001  (mkdocs passes by name)
    """The page with those links; fenced blocks are left as they are."""
    blocks = re.split(r"(?ms)(^```.*?^```$)", markdown)
    return "".join(
        block if block.startswith("```") else _NAMED.sub(_link(config["repo_url"]), block) for block in blocks
    )


def _link(repository: str) -> Any:
    def link(found: re.Match[str]) -> str:
        path = ROOT / found["path"]
        if not path.exists():
            return found[0]
        return f"[`{found['path']}`]({repository}/{'tree' if path.is_dir() else 'blob'}/main/{found['path']})"

    return link
