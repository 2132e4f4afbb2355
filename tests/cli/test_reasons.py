"""What is said of an answer is so: why models are left out, what a note rests on, why nothing can run and what can."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.conftest import Run

CARD = ("--gpu", "rtx 4090", "--ram", "64")
MAC = ("--gpu", "m4 max", "--ram", "64")


def test_a_download_that_is_too_large_is_the_reason_and_stands_on_screen_too(qwenpick: Run) -> None:
    usual = json.loads(qwenpick("recommend", *CARD, "--json").out)["boxes"][0]["left_out"]
    left_out = json.loads(qwenpick("recommend", *CARD, "--max-disk", "0.1GB", "--json").out)["boxes"][0]["left_out"]
    shown = qwenpick("recommend", *CARD, "--max-disk", "0.1GB")
    said = "every format that fits is a download of more than 0.10 GB"
    # what does not fit without the limit does not fit with it either; all others are too large a download
    assert left_out["does not fit this machine"] == usual["does not fit this machine"]
    assert left_out[said] > 50 and shown.code == 1
    assert f"{left_out[said]}   {said}" in shown.out


def test_what_is_slower_than_asked_is_counted_where_nothing_is_as_fast(qwenpick: Run) -> None:
    shown = qwenpick("recommend", *CARD, "--min-speed", "5000")
    assert shown.code == 1 and "slower than 5000 tokens/s" in shown.out and "does not fit this machine" in shown.out


def test_the_note_says_the_bandwidth_that_is_planned_with(qwenpick: Run) -> None:
    box = ("fit", "qwen3-8b", "--cpu-only", "--ram", "16")
    assert "assumed: dual-channel" in qwenpick(*box).out
    said = qwenpick(*box, "--ram-bandwidth", "90").out
    assert "as --ram-bandwidth says (90.0 GB/s)" in said and "assumed: dual-channel" not in said
    refused = qwenpick("fit", "qwen3-8b", *MAC, "--ram-bandwidth", "90")
    assert refused.code == 2 and "--ram-bandwidth" in refused.err


@pytest.mark.parametrize(
    "command", [["fit", "qwen3-8b"], ["launch", "qwen3-8b"], ["recommend"], ["compare", "qwen3-8b", "qwen3-4b"]]
)
def test_a_gpu_alone_and_none_contradict_each_other(qwenpick: Run, command: list[str]) -> None:
    refused = qwenpick(*command, "--cpu-only", "--ram", "32", "--gpu-only")
    assert refused.code == 2 and "--cpu-only and --gpu-only contradict each other" in refused.err


@pytest.mark.parametrize(
    "asked",
    [
        ("--runtime", "vllm", *MAC),
        ("--runtime", "sglang", "-o", "mem_fraction_static=0.8", "--quant", "fp8", "--kv-cache", "fp8", *MAC),
        ("--runtime", "mlx", *CARD),
        ("--runtime", "vllm", "--gpu", "gtx 1080 ti", "--ram", "32"),
    ],
    ids=" ".join,
)
def test_an_engine_that_cannot_run_there_is_answered_with_one_that_can(qwenpick: Run, asked: tuple[str, ...]) -> None:
    refused = qwenpick("fit", "qwen3-8b", *asked)
    assert refused.code == 1 and "cannot run" in refused.out
    command = next(line for line in refused.out.splitlines() if line.startswith("1. qwenpick fit"))
    found = qwenpick(*shlex.split(command)[2:], "--json")
    assert found.code == 0 and json.loads(found.out)["runtime"] != asked[1]


@pytest.mark.parametrize(("size", "least", "most"), [("24", 22.9, 23.1), ("8", 6.9, 7.1), ("80", 79.0, 79.6)])
def test_a_card_of_no_name_has_what_a_driver_and_a_desktop_leave(
    qwenpick: Run, size: str, least: float, most: float
) -> None:
    # 24 GiB less 430 MiB and 0.13 % that the driver keeps, and 600 MiB of the desktop where people own cards of that size
    (device,) = json.loads(qwenpick("fit", "qwen3-8b", "--vram", size, "--ram", "64", "--json").out)["machine"][
        "devices"
    ]
    assert least < device["free"] / 2**30 < most
