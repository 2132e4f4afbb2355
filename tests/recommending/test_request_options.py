"""What an engine's option says that the request says too: planned by, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from qwenpick.errors import QwenpickError
from qwenpick.recommending.request import Request, at_once

BOX = ["qwen3-8b", "--gpu", "rtx 5090", "--ram", "64"]


def test_an_option_that_says_the_context_is_the_context() -> None:
    assert Request(options={"max_model_len": 8192}).context == 8192
    assert Request(options={"--max-model-len": "8192"}, context=8192).context == 8192
    assert Request(options={"max_model_len": -1}, context=32768).context == 32768  # vLLM's word for what fits
    assert Request(options={"max_model_len": 8192}, min_context=4096).context == 8192


@pytest.mark.parametrize(
    "asked",
    [
        {"options": {"max_model_len": 8192}, "context": 32768},
        {"options": {"max_model_len": 8192}, "min_context": 16384},
        {"options": {"max_num_seqs": 1}, "users": 2},
        {"options": {"max_num_seqs": "1"}, "users": 2},
        {"options": {"max_running_requests": 3}, "users": 4},
        {"options": {"max_num_seqs": 3, "data_parallel_size": 2}, "users": 8},
    ],
)
def test_an_option_that_contradicts_what_is_planned_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(QwenpickError):
        Request(**asked)


def test_a_server_may_take_more_than_its_users_and_a_lone_user_as_few_as_one() -> None:
    for most in (1, 2, 8, 256):
        assert at_once(Request(options={"max_num_seqs": most})) == most
    assert at_once(Request(options={"max_num_seqs": 4, "data_parallel_size": 2}, users=8)) == 8  # 4 on each of 2 copies
    assert at_once(Request()) is None


def test_a_start_is_told_the_context_that_was_planned(qwenpick: Callable[..., Any]) -> None:
    started = json.loads(qwenpick("launch", *BOX, "-o", "max_model_len=8192", "--json").out)
    argv = started["serve"]["argv"]
    assert (started["plan"]["runtime"], started["plan"]["context"]) == ("vllm", 8192)  # no other engine has the option
    assert argv[argv.index("--max-model-len") + 1] == "8192"
    refused = qwenpick("launch", *BOX, "--runtime", "vllm", "-o", "max_model_len=8192", "--context", "32k")
    assert (refused.code, refused.out) == (2, "") and "max_model_len=8192 is not the 32768 tokens" in refused.err
    assert qwenpick("fit", *BOX, "-o", "max_num_seqs=1", "--users", "2").code == 2
    assert qwenpick("launch", *BOX, "--runtime", "sglang", "-o", "max_model_len=8192").code == 2


def test_weights_planned_as_made_fp8_are_started_so(qwenpick: Callable[..., Any]) -> None:
    asked = ["launch", *BOX, "--runtime", "vllm", "--quant", "bf16"]
    assert "--quantization fp8" in qwenpick(*asked, "-o", "quantization=fp8").out
    assert qwenpick(*asked, "-o", "quantization=awq").code == 2  # was taken, and left out of the command
    assert "--quantization" not in qwenpick(*asked).out


def test_no_more_users_are_promised_than_the_options_let_run(qwenpick: Callable[..., Any]) -> None:
    asked = ["fit", "qwen3-4b", *BOX[1:], "--runtime", "vllm", "--users", "2", "--context", "4k", "--min-speed", "10"]
    many = json.loads(qwenpick(*asked, "--json").out)["users"]["most"]
    few = json.loads(qwenpick(*asked, "-o", "max_num_seqs=4", "--json").out)["users"]["most"]
    assert many > few == 4
