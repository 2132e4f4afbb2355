"""The table of boxes on which 0.1 answered worst: what stands in docs/ranking.md is what the tool says, and none of it is what was wrong then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from benchmarks.answers import CASES, Case, answer, told

from qwenpick.catalog import load
from tests.conftest import mostly_slow

TABLE = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")]
    for line in re.search(
        r"## Where 0\.1 answered worst.*?\n(\|.*?)\n<!--", Path("docs/ranking.md").read_text("utf-8"), re.S
    )[1].splitlines()[2:]  # type: ignore[index]
]


@pytest.mark.parametrize(("case", "row"), mostly_slow([(case, at) for at, case in enumerate(CASES)], 4))
def test_the_answer_is_the_one_in_the_table_and_no_longer_wrong(case: Case, row: int) -> None:
    plan = answer(case, load(own=False))
    assert TABLE[row][2] == case.said and TABLE[row][3] == told(plan)
    assert plan is not None and plan.holds() and plan.file is not None
    assert plan.placement.pipeline_parallel == 1 and plan.checkpoint.format != "fp8-online"
    assert not any(device.unified for device in plan.placement.devices) or plan.mode == "gpu"  # a Mac has one memory


def test_every_box_of_the_table_is_asked() -> None:
    assert len(TABLE) == len(CASES) and all(len(row) == 4 for row in TABLE)
