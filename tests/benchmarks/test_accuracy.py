"""The promise that sets qwenpick apart, as tests: its numbers against real runs, and no run that needed more is said to fit."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.accuracy import run  # noqa: E402
from benchmarks.bands import FOOTPRINTS, bands  # noqa: E402
from benchmarks.scoreboard import Score, Summary  # noqa: E402

# table, engine, quantity -> the most that the median, the 95th percentile and the worst under-estimate may be
TARGETS = {
    ("gguf_sizes.csv", "gguf", "file bytes"): (0.001, 0.001, 0.001),
    ("llamacpp_buffers.csv", "llamacpp", "total"): (0.001, 0.01, 0.02),
    ("llamacpp_buffers.csv", "llamacpp", "kv cache"): (0.0001, 0.0001, 0.001),
    ("llamacpp_buffers.csv", "llamacpp", "recurrent state"): (0.0001, 0.0001, 0.001),
    ("llamacpp_buffers.csv", "llamacpp", "partial gpu total"): (0.02, 0.06, 0.06),
    ("llamacpp_h200.csv", "llamacpp", "driver's number"): (0.02, 0.02, 0.02),
    ("llamacpp_cpu_rss.csv", "llamacpp", "resident memory"): (0.03, 0.03, 0.03),
    ("transformers_h200.csv", "transformers", "peak allocation"): (0.015, 0.04, 0.03),
    ("transformers_h200.csv", "lora", "peak allocation"): (0.04, 0.10, 0.05),
    ("transformers_h200.csv", "qlora", "peak allocation"): (0.04, 0.10, 0.05),
    ("transformers_h200.csv", "full", "peak allocation"): (0.04, 0.10, 0.05),
    ("official_speed_benchmarks.csv", "transformers", "peak allocation"): (0.03, 0.10, 1.0),
    ("official_speed_benchmarks.csv", "transformers", "weights and cache"): (0.03, 0.10, 1.0),
    ("official_readme_tables.csv", "lora", "total"): (0.08, 1.0, 1.0),
    ("official_readme_tables.csv", "qlora", "total"): (0.08, 1.0, 1.0),
    ("official_readme_tables.csv", "full", "total"): (0.08, 1.0, 1.0),
    ("vllm_h200.csv", "vllm", "weights"): (0.01, 0.01, 0.01),
    ("vllm_h200.csv", "vllm", "kv tokens"): (0.015, 0.015, 0.015),
    ("vllm_h200.csv", "vllm", "refused"): (0.0, 0.0, 0.0),
    ("logs_vllm_sglang_logs.csv", "vllm", "weights"): (0.01, 1.0, 1.0),
    ("logs_vllm_sglang_logs.csv", "vllm", "kv tokens"): (0.03, 1.0, 1.0),
    ("logs_vllm_sglang_logs.csv", "sglang", "weights"): (0.05, 1.0, 1.0),
    ("mlx_apple.csv", "mlx", "peak memory"): (0.05, 1.0, 1.0),
    ("ollama_library_sizes.csv", "ollama", "tag size"): (0.05, 1.0, 1.0),
}


@pytest.fixture(scope="module")
def board() -> tuple[dict[tuple[str, str, str], Summary], list[tuple[str, Score]]]:
    summaries, _, scores = run(ROOT / "benchmarks" / "truth")
    return {(s.table, s.engine, s.quantity): s for s in summaries}, scores


Board = tuple[dict[tuple[str, str, str], Summary], list[tuple[str, Score]]]


@pytest.mark.parametrize("quantity", TARGETS, ids=" / ".join)
def test_the_estimate_is_as_near_to_real_runs_as_promised(board: Board, quantity: tuple[str, str, str]) -> None:
    median, p95, under = TARGETS[quantity]
    found = board[0][quantity]
    assert found.rows > 0
    assert found.median <= median
    assert found.p95 <= p95
    assert found.worst_under[0] >= -under, found.worst_under[1]


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


def test_far_more_is_scored_than_left_out() -> None:
    _, skipped, scores = run(ROOT / "benchmarks" / "truth")
    assert len(scores) > 5 * sum(sum(reasons.values()) for reasons in skipped.values())
