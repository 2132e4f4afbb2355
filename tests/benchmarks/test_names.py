"""Names of published tests, read as one test each, and scores as shares of what can be had."""

from __future__ import annotations

import pytest
from tools.benchmark_names import benchmark, share


@pytest.mark.parametrize("name", ["GPQA-Diamond", "GPQA Diamond", "GPQA"])
def test_one_test_has_one_name(name: str) -> None:
    assert benchmark(name, "", "") == ("gpqa", "reasoning")


@pytest.mark.parametrize(
    ("name", "heading", "capability"),
    [
        ("MMLU-Pro", "", "knowledge"),
        ("IFEval strict prompt", "", "general"),
        ("SWE-bench Verified (OpenHands)", "", "agents"),
        ("LiveCodeBench v6 (25.02-25.05)", "", "code"),
        ("MMMU-Pro", "", "vision"),
        ("MMMLU 14 languages", "", "multilingual"),
        ("MT-AIME2024", "", "multilingual"),
        ("MT-Bench", "", "general"),
        ("GSM", "Support of Long Context", "long context"),  # of L-Eval, not GSM8K
        ("STS", "MTEB (Eng v2)", "embedding"),
    ],
)
def test_a_test_measures_one_capability(name: str, heading: str, capability: str) -> None:
    found = benchmark(name, heading, "")
    assert found and found[1] == capability


@pytest.mark.parametrize("name", ["Average", "Mean (Task)", "Image Overall", "FollowIR"])
def test_averages_and_signed_scores_are_left_out(name: str) -> None:
    assert benchmark(name, "MTEB (Multilingual)", "") is None


def test_simulated_environments_are_no_evidence_of_agents() -> None:
    assert benchmark("SWE", "Performance", "https://github.com/QwenLM/Qwen-AgentWorld README") is None


def test_scores_of_every_scale_become_shares() -> None:
    assert share("mmlu", 85.0) == 0.85
    assert share("mt-bench", 9.0) == 0.9
    assert share("ocrbench", 866) == 0.866
    assert share("writingbench", 7.5) == 0.75
    assert share("codeforces rating", 1500) == 0.5  # an even game
