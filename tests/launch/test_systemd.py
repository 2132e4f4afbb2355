"""A unit says what the command says, in systemd's own quoting."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from qwenpick.launch.systemd import _word
from tests.conftest import Run


def launched(qwenpick: Run, command: str) -> Any:
    return json.loads(qwenpick(*shlex.split(f"launch {command}"), "--json").out)


def unquoted(line: str) -> list[str]:
    """The words of ExecStart as systemd reads them."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
    return [
        re.sub(r"\\(.)", r"\1", quoted).replace("$$", "$").replace("%%", "%") if quoted or not plain else plain
        for quoted, plain in words
    ]


@pytest.mark.parametrize("engine", ["vllm", "sglang", "llama.cpp"])
def test_a_unit_starts_what_the_command_starts(qwenpick: Run, engine: str) -> None:
    asked = f'qwen3-8b --runtime {engine} --gpu "rtx 4090" --ram 64GiB --context 8k'
    plain, unit = launched(qwenpick, asked), launched(qwenpick, f"{asked} --systemd")
    ((name, text),) = unit["files"].items()
    (start,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert unquoted(start.removeprefix("ExecStart=/usr/bin/env ")) == plain["serve"]["argv"]
    assert unit["serve"]["argv"] == ["systemctl", "--user", "enable", "--now", f"./{name}"]
    assert "Restart=on-failure" in text and "WantedBy=default.target" in text


def test_json_in_a_flag_comes_through(qwenpick: Run) -> None:
    asked = "qwen3.8-27b --runtime vllm --gpu h200 --context 8k -o num_speculative_tokens=3"
    plain, unit = launched(qwenpick, asked), launched(qwenpick, f"{asked} --systemd")
    start = next(line for line in next(iter(unit["files"].values())).splitlines() if line.startswith("ExecStart="))
    assert unquoted(start.removeprefix("ExecStart=/usr/bin/env ")) == plain["serve"]["argv"]
    assert any(word.startswith('{"method"') for word in plain["serve"]["argv"])


def test_every_box_has_a_unit_of_its_own(qwenpick: Run) -> None:
    asked = 'qwen3-235b-a22b --runtime vllm --gpu "8x h100" --nodes 2 --quant bf16 --context 8k -o tensor_parallel_size=8 -o pipeline_parallel_size=2'
    found = launched(qwenpick, f"{asked} --systemd")
    names = list(found["files"])
    assert len(names) == 2 and names[1].endswith("-box2.service")
    assert "--node-rank 0" in found["files"][names[0]] and "--node-rank 1" in found["files"][names[1]]


def test_what_systemd_would_fill_in_is_doubled() -> None:
    assert _word("a$b%c") == '"a$$b%%c"' and _word("") == '""'


def test_what_is_made_here_is_looked_for_here(qwenpick: Run) -> None:
    """Nobody publishes the reranker's Q6_K: it is quantized into this directory, and a unit starts in the home directory by itself."""
    made = launched(qwenpick, "qwen3-reranker-0.6b --runtime llama.cpp --quant Q6_K --cpu-only --ram 8GiB --systemd")
    assert made["prepare"] and f"WorkingDirectory={Path.cwd()}" in next(iter(made["files"].values()))
    fetched = launched(qwenpick, "qwen3-8b --runtime llama.cpp --cpu-only --ram 16GiB --systemd")
    assert "WorkingDirectory" not in next(iter(fetched["files"].values()))
    assert made["needs"]["program"] == fetched["needs"]["program"] == "llama-server"


@pytest.mark.parametrize(
    "words",
    [
        "--runtime ollama --systemd",
        "--runtime vllm --systemd --compose",
        "--runtime transformers --systemd",  # a program that answers once and ends
        "--system windows --systemd",
    ],
)
def test_forms_that_exclude_each_other_are_refused(qwenpick: Run, words: str) -> None:
    assert qwenpick("launch", "qwen3-8b", "--gpu", "rtx 4090", *words.split()).code == 2
