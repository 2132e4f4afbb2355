"""Commands and what they print: every file of tests/cases/ is a command, its exit code and its output.

`UPDATE_CASES=1 pytest tests/test_cases.py` writes the files anew; read the difference.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests.conftest import Run

CASES = sorted((Path(__file__).parent / "cases").glob("*.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_command_prints_what_its_case_says(case: Path, qwenpick: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = case.read_text(encoding="utf-8")
    command = expected.splitlines()[0].removeprefix("$ qwenpick ")
    monkeypatch.chdir(Path(__file__).parent)
    result = qwenpick(*shlex.split(command))
    shown = f"$ qwenpick {command}\nexit code {result.code}\n\n{result.out}"
    if result.err:
        shown += f"\nstderr:\n{result.err}"
    shown = "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"
    if os.environ.get("UPDATE_CASES"):
        case.write_text(shown, encoding="utf-8")
    assert shown == expected or os.environ.get("UPDATE_CASES")
