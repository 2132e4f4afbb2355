"""Every command that `fit` prints under what does not fit runs as printed, on the same box, and answers what its row says."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest

from qwenpick.units import format_tokens
from tests.conftest import Run, mostly_slow

CASES = [
    ('qwen3-32b --quant fp8 --runtime vllm --gpu "rtx 4090" --ram 64',),
    ('qwen3-235b-a22b --gpu "m4 max" --ram 64',),
    ('qwen3-8b --context 128k --users 4 -o n_batch=512 --gpu "rtx 3060" --gpu-only',),
    ('qwen3-14b --train full --gpu "2x rtx 4090" --ram 64',),
    ('qwen3-4b --train lora --seq 2k --batch 4 --no-checkpointing --gpu "rtx 4090" --ram 32',),
    ('qwen3-235b-a22b --quant 8bit --gpu "rtx 4090" --ram 128',),
    ("qwen3-32b --quant 8bit --vram 24 --ram 16 --gpu-only",),
    ("qwen3-14b --quant fp16 --cpu-only --ram 24",),
    ('qwen3-8b --quant fp16 --users 64 --runtime sglang --gpu "l4" --ram 64',),
    ('qwen3-30b-a3b --quant 4bit --gpu-only --gpu "rtx 4060 8gb" --ram 64 --system windows',),
    ("qwen3-32b --quant 4bit --context 32k --gpu m2 --ram 16 --reserve 0",),
    ('qwen3-32b --runtime vllm -o max_num_seqs=8 --quant awq-int4 --gpu "rtx 4080" --ram 32',),
    ('qwen3-32b --train lora --zero 2 --gpus 2 --gpu "2x rtx 3090" --ram 64',),
    ('qwen3-32b --train full --fsdp --gpus 4 --gpu "4x l40s" --ram 512',),
]


@pytest.mark.parametrize(("asked",), mostly_slow(CASES, 5))
def test_what_would_make_it_fit_does(qwenpick: Run, asked: str) -> None:
    missed = qwenpick("fit", *shlex.split(asked), "--json")
    found = json.loads(missed.out)
    assert missed.code == 1
    shown = qwenpick("fit", *shlex.split(asked)).out
    fixes = found.get("fixes") or found["runs"][0]["fixes"]
    assert fixes
    for fix in fixes:
        command = fix["command"].replace(" --json", "")
        assert command in shown
        again = qwenpick(*shlex.split(command)[1:], "--json")
        assert again.code == 0, (fix, again.out[:300], again.err)
        answered(json.loads(again.out), fix["what"])


def answered(found: dict[str, Any], what: str) -> None:
    """The row is about the plan: the formats, models, tokens and users that it names are those of the answer."""
    if "runs" in found:
        return
    if named := re.search(r"a smaller model: (\S+) in (\S+) \(", what):
        assert (found["name"], found["format"]) == named.groups()
    if named := re.search(r"weights in (\S+)", what):
        assert found["format"] == named[1]
    if named := re.search(r"context of (\S+) tokens", what):
        assert format_tokens(found["context"]) == named[1]
    if named := re.search(r"(\d+) sequences? at once", what):
        assert found["sequences"] == int(named[1])
    if named := re.search(r"(\d) x .* \(.*, (\S+)\)", what):
        assert found["format"] == named[2] and len(found["placement"]["devices"]) <= int(named[1])


def test_options_that_were_typed_stay_unless_they_are_changed(qwenpick: Run) -> None:
    result = qwenpick("fit", "qwen3-32b", "--quant", "fp8", "--runtime", "vllm", "--gpu", "rtx 4090", "--ram", "64")
    assert "qwenpick fit qwen3-14b --gpu 'rtx 4090' --ram 64 --quant fp8 --runtime vllm" in result.out


@pytest.mark.parametrize(
    "asked",
    [
        'launch qwen3-32b --kubernetes --quant fp16 --runtime vllm --gpu "rtx 4090" --ram 64',
        'launch qwen3-8b --train full --batch 2 --gpu "rtx 4090" --ram 64',
        'launch qwen3-32b --quant fp16 --runtime vllm --gpu "rtx 4090" --ram 64',
    ],
)
def test_what_launch_refuses_is_asked_of_fit_as_it_was_asked(qwenpick: Run, asked: str) -> None:
    refused = qwenpick(*shlex.split(asked))
    command = refused.err.split("; ", 1)[1].split(" says what would make it fit")[0]
    answer = qwenpick(*shlex.split(command)[1:])
    assert refused.code == answer.code == 1 and "does not fit" in answer.out
    assert "What would make it fit" in answer.out or "nothing makes it fit" in answer.out


def test_where_nothing_here_makes_a_run_fit_plan_is_asked_for_that_run(qwenpick: Run) -> None:
    run = ("qwen3-235b-a22b", "--train", "lora", "--rank", "64", "--seq", "4k", "--gpu", "rtx 4090", "--ram", "64")
    line = next(line for line in qwenpick("fit", *run).out.splitlines() if "nothing makes it fit" in line)
    command = line.split(": ", 1)[1].split(" says what does")[0]
    assert command == "qwenpick plan qwen3-235b-a22b --train lora --seq 4k --rank 64"
    assert qwenpick(*shlex.split(command)[1:], "--gpu", "h200").code == 0
