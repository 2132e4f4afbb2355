"""`qwenpick recommend` with an engine that the box cannot run: a bad request, with the engine's own reason."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Run


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--runtime", "mlx", "--gpu", "rtx 3060", "--ram", "32"), "mlx-lm runs on Apple silicon"),
        (("--runtime", "vllm", "--cpu-only", "--ram", "32"), "vLLM needs a GPU"),
        (("--runtime", "llamacpp", "--task", "speech", "--gpu", "rtx 4090"), "has no architecture"),
    ],
)
def test_an_engine_that_cannot_run_there_is_a_bad_request(qwenpick: Run, words: tuple[str, ...], reason: str) -> None:
    result = qwenpick("recommend", *words)
    assert result.code == 2 and reason in result.err and "leave out --runtime" in result.err


def test_an_engine_without_room_is_no_bad_request(qwenpick: Run) -> None:
    result = qwenpick(
        "recommend", "--runtime", "vllm", "--gpu", "rtx 4090", "--series", "Qwen3-Coder-Next", "--gpu-only"
    )
    assert result.code == 1 and "Nothing fits" in result.out


def test_a_context_that_nothing_reads_is_not_planned_shorter(qwenpick: Run) -> None:
    result = qwenpick("recommend", "--gpu", "rtx 4090", "--context", "9M")
    assert result.code == 1 and "it cannot read that much" in result.out


def test_no_memory_is_a_bad_request(qwenpick: Run) -> None:
    result = qwenpick("recommend", "--gpu", "rtx 4090", "--ram", "0")
    assert result.code == 2 and "must be more than 0" in result.err


@pytest.mark.parametrize(
    ("words", "context"),
    [(("--scenario", "complex"), "262144"), (("--min-context", "32k"), "32768"), (("--min-context", "4k"), None)],
)
def test_what_starts_the_first_pick_asks_for_the_context_it_was_picked_with(
    qwenpick: Run, words: tuple[str, ...], context: str | None
) -> None:
    out = qwenpick("recommend", "--gpu", "h200", "--series", "Qwen3.5", *words).out
    started = next(line for line in out.splitlines() if "start it:" in line)
    found = re.search(r" --context (\d+)", started)
    assert (found and found[1]) == context
