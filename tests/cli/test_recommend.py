"""`qwenpick recommend` with an engine that the box cannot run: a bad request, with the engine's own reason."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize(
    "words",
    [
        ("recommend", "--task", "coding", "--context", "40k", "--prefer", "speed"),
        ("fit", "qwen3-8b", "--quant", "4bit"),
    ],
)
def test_the_json_holds_the_command_that_the_screen_shows(qwenpick: Run, words: tuple[str, ...]) -> None:
    asked = (*words, "--gpu", "rtx 3060 12gb", "--ram", "32")
    said = json.loads(qwenpick(*asked, "--json").out)
    start = said["boxes"][0]["start"] if words[0] == "recommend" else said["start"]
    assert f"start it: {start}" in qwenpick(*asked).out and start.startswith("qwenpick launch qwen3")


@pytest.mark.parametrize("words", [("recommend", "--context", "9M"), ("fit", "qwen3-32b", "--quant", "fp16")])
def test_what_does_not_fit_is_started_by_nothing(qwenpick: Run, words: tuple[str, ...]) -> None:
    result = qwenpick(*words, "--gpu", "rtx 3060 12gb", "--ram", "8", "--json")
    said = json.loads(result.out)
    assert result.code == 1 and (said["boxes"][0] if "boxes" in said else said)["start"] is None


def test_the_best_of_what_is_shown_alike_is_the_one_that_stands_first(qwenpick: Run) -> None:
    """Two speech models show 62: the label stood on the third."""
    said = qwenpick("recommend", "--task", "speech", "--gpu", "rtx 3060 12gb", "--ram", "32").out
    assert "\n1: best quality" in said
