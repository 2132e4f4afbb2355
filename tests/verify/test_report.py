"""The row that an issue about a wrong estimate asks for."""

from __future__ import annotations

import csv
import io

from tests.conftest import Run


def test_the_report_is_one_row_that_names_no_path(qwenpick: Run) -> None:
    log = "tests/verify/logs/sglang-14b.log"
    result = qwenpick("verify", "qwen3-14b", "--log", log, "--no-record", "--report")
    assert result.code == 0
    heading, row = csv.reader(io.StringIO(result.out))
    said = dict(zip(heading, row, strict=True))
    assert (said["engine"], said["model"], said["format"]) == ("sglang", "qwen3-14b", "bf16")
    weights = {
        name: dict(pair.split("=") for pair in said[name].split())["weights@gpu0"] for name in ("predicted", "actual")
    }
    assert abs(int(weights["predicted"]) / int(weights["actual"]) - 1) < 0.01
    assert "/" not in result.out
