"""What every engine must have besides its package, by the file that is to hold it: the list for who adds one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from qwenpick.catalog.read import data_directory
from qwenpick.machine.installed.engines import PACKAGES, PROGRAMS
from qwenpick.runtimes import RUNTIMES, Runtime, find_runtime
from qwenpick.speed.flags import CHUNK

ROOT = Path(__file__).resolve().parents[2]
BANDS = json.loads((data_directory() / "accuracy.json").read_text(encoding="utf-8"))["bands"]


@pytest.mark.parametrize("engine", RUNTIMES)
def test_an_engine_is_in_every_file_that_tells_engines_apart(engine: str) -> None:
    kept = set(Runtime.__annotations__) | {
        name for name, one in vars(Runtime).items() if callable(one) and name[0] != "_"
    }
    there = {
        f"{name} in src/qwenpick/runtimes/{engine}/__init__.py": hasattr(find_runtime(engine), name) for name in kept
    } | {
        "FOOTPRINTS or SAME_ARITHMETIC in benchmarks/bands.py, and data/accuracy.json made of it": engine in BANDS,
        "CHUNK in src/qwenpick/speed/flags.py": engine in CHUNK,
        "PROGRAMS or PACKAGES in src/qwenpick/machine/installed/engines.py": engine in PROGRAMS or engine in PACKAGES,
        f"src/qwenpick/launch/{engine}.py": find_spec(f"qwenpick.launch.{engine}") is not None,
        f"docs/engines/{engine}.md": (ROOT / "docs" / "engines" / f"{engine}.md").is_file(),
        "the page's line in mkdocs.yml": f"engines/{engine}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8"),
    }  # fmt: skip
    missing = [place for place, found in there.items() if not found]
    assert not missing, f"{engine} is not in: {'; '.join(missing)}"
