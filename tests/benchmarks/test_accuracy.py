"""The promise that sets qwenpick apart, as tests: its numbers against real runs, and no run that needed more is said to fit."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.accuracy import LIMITS, beyond, run  # noqa: E402
from benchmarks.bands import FOOTPRINTS, bands  # noqa: E402
from benchmarks.scoreboard import Score, Summary  # noqa: E402

pytestmark = pytest.mark.truth
Board = tuple[dict[tuple[str, str, str], Summary], list[tuple[str, Score]], int]


@pytest.fixture(scope="module")
def board() -> Board:
    """(the lines of the scoreboard, the scores, how many rows are left out)."""
    summaries, skipped, scores = run(ROOT / "benchmarks" / "truth")
    left_out = sum(sum(reasons.values()) for reasons in skipped.values())
    return {(s.table, s.engine, s.quantity): s for s in summaries}, scores, left_out


def test_the_estimate_is_as_near_to_real_runs_as_promised(board: Board) -> None:
    assert beyond(LIMITS, board[0]) == []


def test_a_limit_that_is_passed_and_one_without_rows_are_said(board: Board) -> None:
    (table, engine, quantity), found = next((key, s) for key, s in board[0].items() if s.worst_under[0] < 0)
    limit = {"table": table, "engine": engine, "quantity": quantity, "under": 0.0, "right": 1.1}
    said = beyond([limit, {**limit, "quantity": "no such"}], board[0])
    assert [line.rpartition(": ")[2] for line in said] == [
        f"worst under {found.worst_under[0]:+.2%} ({found.worst_under[1]}), at most 0.00% asked",
        f"right {found.right:.1%}, at least 110.0% asked",
        "no row is scored",
    ]


def test_no_run_that_needed_more_was_said_to_fit(board: Board) -> None:
    """With a budget a byte short of what the run really needed, the verdict may be tight or no, never fits: need x high > budget."""
    edges = json.loads((ROOT / "data" / "accuracy.json").read_text(encoding="utf-8"))["bands"]
    for table, score in board[1]:
        if (table, score.quantity) in FOOTPRINTS.get(score.engine, ()) and abs(
            score.predicted - score.actual
        ) > score.slack:
            assert score.predicted * edges[score.engine]["high"] >= score.actual, (table, score.row)


def test_the_published_bands_are_those_of_the_scoreboard(board: Board) -> None:
    assert json.loads((ROOT / "data" / "accuracy.json").read_text(encoding="utf-8"))["bands"] == bands(board[1])


def test_far_more_is_scored_than_left_out(board: Board) -> None:
    _, scores, left_out = board
    assert len(scores) > 5 * left_out
