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
    (
        'qwen3-coder-30b-a3b-instruct --quant bf16 --context 16k --runtime vllm --gpu "rtx a6000" --gpu "rtx 5090" --ram 64',
    ),
    (
        'qwen3-8b --quant bf16 --context 16k --runtime vllm -o kv_cache_memory_bytes=9000000000 --gpu "rtx 4090" --ram 64',
    ),
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


def test_unlike_cards_get_layers_by_their_memory(qwenpick: Run) -> None:
    # an even half of 57 GiB is too much for the 32 GiB of an RTX 5090, 19 of 48 layers are not
    asked = 'fit qwen3-coder-30b-a3b-instruct --quant bf16 --context 16k --runtime vllm --gpu "rtx a6000" --gpu "rtx 5090" --ram 64 --json'
    first = json.loads(qwenpick(*shlex.split(asked)).out)["fixes"][0]
    counts = [int(n) for n in first["what"].rpartition(" ")[2].split(",")]
    assert sum(counts) == 48 and counts[0] > counts[1]
    assert f"-o pipeline_parallel_size=2 -o pp_layer_partition={counts[0]},{counts[1]}" in first["command"]


def test_a_cache_that_finds_no_room_is_made_smaller(qwenpick: Run) -> None:
    # 15.3 GiB of weights and 18.6 of cache on a card of 24: the share of the memory does not bound what was set by its bytes
    asked = 'fit qwen3-8b --quant bf16 --context 16k --runtime vllm --gpu "rtx 4090" --ram 64 -o kv_cache_memory_bytes=20000000000 --json'
    found = json.loads(qwenpick(*shlex.split(asked)).out)
    assert not found["fits"] and not found["engine"]["starts"]
    assert "-o kv_cache_memory_bytes=" in found["fixes"][0]["command"]


def test_a_cache_that_does_not_hold_what_is_planned_is_made_larger(qwenpick: Run) -> None:
    # Qwen3-8B keeps 147,456 B a token: ten sequences of 16,384 tokens take 22.5 GiB
    asked = "qwen3-8b --quant bf16 --context 16384 --users 10 --runtime vllm --gpu h100 --ram 64 -o kv_cache_memory_bytes=6G"
    found = qwenpick("fit", *shlex.split(asked), "--json")
    assert found.code == 1 and "6.00 GiB hold 2 of 10 sequences" in json.loads(found.out)["reason"]
    assert qwenpick("launch", *shlex.split(asked)).code == 1
    assert json.loads(found.out)["fixes"][0]["what"] == "a cache of 22.50 GiB"


@pytest.mark.parametrize("typed", ["-o tp=3", "-o tensor-parallel-size=3", "-o tensor_parallel_size=3"])
def test_an_option_is_left_out_by_whatever_name_it_was_typed(qwenpick: Run, typed: str) -> None:
    # 32 heads over three GPUs are refused
    asked = f"fit qwen3-8b --runtime vllm --gpu '3x rtx 4090' --ram 64 --json {typed}"
    fix = json.loads(qwenpick(*shlex.split(asked)).out)["fixes"][0]
    assert fix["what"] == "the cut that fits best: 1 GPU" and "-o" not in shlex.split(fix["command"])


@pytest.mark.parametrize("typed", ["pp=2", "pipeline-parallel-size=2"])
def test_stages_that_were_asked_for_by_a_short_name_are_not_asked_for_twice(qwenpick: Run, typed: str) -> None:
    asked = f"fit qwen3-32b --quant 4bit --gpu 'rtx 4090' --gpu 'rtx 3060 12gb' --ram 32 --runtime vllm --context 4k --json -o {typed}"
    answer = qwenpick(*shlex.split(asked))
    assert answer.code == 1, answer.out
    assert all("pp_layer_partition" not in fix["flags"] for fix in json.loads(answer.out)["fixes"])
