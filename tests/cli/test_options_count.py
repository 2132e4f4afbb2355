"""No option is taken and ignored: each changes what a command answers, or is refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run

CLUSTER = ["--cluster", str(Path(__file__).parents[1] / "machine" / "inventory" / "samples" / "kubernetes-nodes.json")]
CARD, MAC, SPARK = ["--gpu", "rtx 4090", "--ram", "64"], ["--gpu", "m4 max", "--ram", "64"], ["--gpu", "dgx spark"]


def free(qwenpick: Run, *words: str) -> int:
    return int(json.loads(qwenpick("fit", "qwen3-8b", *words, "--json").out)["places"][0]["budget"])


def test_what_is_reserved_of_memory_that_gpu_and_system_share_is_left_free(qwenpick: Run) -> None:
    gib = 2**30
    # 64 GiB less 40; macOS lets the GPU use three quarters of RAM, 48 GiB, where less is kept
    assert free(qwenpick, *MAC, "--reserve", "40GiB") == 24 * gib
    assert free(qwenpick, *MAC, "--reserve", "0") == free(qwenpick, *MAC, "--reserve", "8GiB") == 48 * gib
    assert free(qwenpick, *MAC) < 48 * gib  # what macOS and programs usually hold
    assert free(qwenpick, *SPARK, "--reserve", "40GiB") < free(qwenpick, *SPARK)
    assert "it changes nothing" in qwenpick("fit", "qwen3-8b", "--cpu-only", "--ram", "32", "--reserve", "8GiB").out


@pytest.mark.parametrize(
    ("model", "said", "why"),
    [("qwen2.5-7b-instruct", "yes", "does not think"), ("qwen3-30b-a3b-thinking-2507", "no", "always thinks")],
)
def test_a_model_that_cannot_think_as_asked_is_planned_with_that_reason_first(
    qwenpick: Run, model: str, said: str, why: str
) -> None:
    asked = ("fit", model, *CARD, "--thinking", said)
    lines, found = qwenpick(*asked).out.splitlines(), json.loads(qwenpick(*asked, "--json").out)
    assert why in lines[1] and "recommend leaves it out" in lines[1]
    assert why in found["left_out"] and found["notes"][0] == found["left_out"] and found["fits"]
    alone = qwenpick("recommend", *CARD, "--thinking", said, "-n", "200", "--json")
    assert model not in [pick["plan"]["model"] for pick in json.loads(alone.out)["boxes"][0]["picks"]]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        *((["fit", "qwen3-8b", *CLUSTER], option) for option in (["--reserve", "1GiB"], ["--system", "windows"])),
        pytest.param(["recommend", *CLUSTER], ["--ram-bandwidth", "50GB/s"], marks=pytest.mark.slow),
        (["launch", "qwen3-8b", *CLUSTER], ["--reserve", "0"]),
        (["fit", "qwen3-8b", *CARD, "--train", "lora"], ["--quant", "8bit"]),
        (["launch", "qwen3-0.6b", *CARD, "--train", "full"], ["--quant", "4bit"]),
        *((["replace", "qwen2.5-7b-instruct"], option) for option in (["--reserve", "1GiB"], ["--nodes", "2"])),
    ],
    ids=str,
)
def test_what_would_change_nothing_is_refused(qwenpick: Run, words: list[str], option: list[str]) -> None:
    assert qwenpick(*words).code == 0
    refused = qwenpick(*words, *option)
    assert refused.code == 2 and option[0] in refused.err


def test_a_manifest_is_not_written_of_what_is_slower_than_asked(qwenpick: Run) -> None:
    asked = ("launch", "qwen3-8b", *CARD, "--kubernetes", "--min-speed", "2000")
    refused = qwenpick(*asked)
    assert (refused.code, refused.out) == (1, "") and "2000 tokens/s that were asked for" in refused.err
    assert "kind: Deployment" in qwenpick(*asked, "--force").out


def test_launch_without_a_model_takes_the_context_that_it_must_hold(qwenpick: Run) -> None:
    asked = (*CARD, "--min-context", "200k")
    first = json.loads(qwenpick("recommend", *asked, "-n", "1", "--json").out)["boxes"][0]["picks"][0]["plan"]
    started = json.loads(qwenpick("launch", *asked, "--json").out)["plan"]
    assert [started[key] for key in ("model", "format", "context")] == [
        first[key] for key in ("model", "format", "context")
    ]
    assert "--context" in qwenpick("launch", "qwen3-8b", *asked).err


def test_two_values_of_one_engine_option_are_refused(qwenpick: Run) -> None:
    twice = qwenpick("fit", "qwen3-8b", *CARD, "--runtime", "vllm", "-o", "max_num_seqs=8", "-o", "max-num-seqs=9")
    assert (twice.code, twice.err) == (2, "qwenpick: max_num_seqs is said twice: 8 and 9; give one of them\n")
