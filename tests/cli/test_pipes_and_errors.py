"""A tool in a pipeline: a reader that leaves early, nobody at the keyboard, and errors where JSON was asked for in any way."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

QWENPICK = (sys.executable, "-m", "qwenpick")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*QWENPICK, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [("models",), ("gpus",), ("models", "--json")])
def test_a_reader_that_leaves_early_is_not_told_that_it_does_not_fit(arguments: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [*QWENPICK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 141
    assert said == ""


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--json",), {}),
        (("--format", "json"), {}),
        (("--format=json",), {}),
        ((), {"QWENPICK_FIT_JSON": "1"}),
        ((), {"QWENPICK_FIT_FORMAT": "json"}),
    ],
)
def test_an_error_is_json_however_json_was_asked_for(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    result = run("fit", "qwen3-7b", *arguments, **environment)
    assert result.returncode == 2
    assert json.loads(result.stdout)["error"]["exit_code"] == 2


def test_an_error_is_talk_alone_where_json_was_not_asked_for() -> None:
    result = run("fit", "qwen3-7b", "--format", "csv", QWENPICK_FIT_JSON="0")
    assert (result.returncode, result.stdout) == (2, "")


def test_questions_that_nobody_answers_are_a_bad_request() -> None:
    result = run("recommend", "--ask", "--gpu", "rtx 4090", "--json")
    assert result.returncode == 2
    assert "--ask needs a terminal to ask on" in json.loads(result.stdout)["error"]["message"]


@pytest.mark.parametrize("columns", ["abc", "0", "-5", "", "1"])
def test_a_width_that_is_none_does_not_end_in_a_bug(columns: str) -> None:
    assert run("fit", "qwen3-8b", "--gpu", "rtx 4090", COLUMNS=columns).returncode == 0


def test_a_catalogue_that_cannot_be_read_is_a_bad_request() -> None:
    assert run("catalog", "check", "no-such-file.yaml").returncode == 2


def test_128_tokens_are_what_benchmarks_generate_and_may_have_been_meant_as_128_thousand() -> None:
    box = ("--gpu", "rtx 4090", "--ram", "64GiB", "--quant", "Q4_K_M", "--runtime", "llama.cpp", "--json")
    result = run("fit", "qwen3-8b", "--context", "128", *box)
    assert json.loads(result.stdout)["context"] == 128
    assert result.stderr == "planned for 128 tokens, as said; for 128 thousand write 128k\n"
