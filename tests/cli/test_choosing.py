"""What decides between formats is asked alike: what `recommend` was told, `fit` and `launch` plan, and so does the command that it prints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BOX = ["--gpu", "rtx 4070", "--ram", "64GiB"]
ASKED = [
    ["--prefer", "speed"],
    ["--prefer", "quality", "--thinking", "no"],
    ["--thinking", "yes"],
    ["--max-disk", "20GB"],
    ["--min-speed", "30"],
    ["--min-speed", "40", "--strict"],
    ["--scenario", "pilot"],
]


def planned(answer: dict[str, Any]) -> tuple[Any, ...]:
    return answer["format"], answer["runtime"], answer["context"], answer["repository"], answer["placement"]


@pytest.mark.parametrize("asked", ASKED, ids=" ".join)
def test_the_command_that_is_printed_plans_what_was_recommended(qwenpick: Callable[..., Any], asked: list[str]) -> None:
    pick = json.loads(qwenpick("recommend", *BOX, *asked, "--json").out)["boxes"][0]["picks"][0]["plan"]
    screen = qwenpick("recommend", *BOX, *asked).out
    (line,) = [line for line in screen.splitlines() if "start it: " in line]
    words = shlex.split(line.split("start it: qwenpick ")[1].split("   (")[0])
    assert planned(json.loads(qwenpick(*words, "--json").out)["plan"]) == planned(pick)
    assert planned(json.loads(qwenpick("fit", *words[1:], "--json").out)) == planned(pick)


def test_compare_takes_the_preference_too(qwenpick: Callable[..., Any]) -> None:
    fast, good = (
        json.loads(qwenpick("compare", "qwen3.8-flash-next", "qwen3.5-9b", *BOX, "--prefer", said, "--json").out)
        for said in ("speed", "quality")
    )
    assert fast != good


def test_what_is_too_slow_is_not_launched(qwenpick: Callable[..., Any]) -> None:
    asked = ["qwen3.8-flash-next", *BOX, "--min-speed", "200"]
    refused = qwenpick("launch", *asked)
    assert (refused.code, refused.out) == (1, "")
    assert "200 were asked for" in refused.err
    failed = qwenpick("fit", *asked)
    assert failed.code == 1 and "slower than the 200 tokens/s" in failed.out and "start it" not in failed.out
    assert "llama-server" in qwenpick("launch", *asked, "--force").out


def test_a_download_that_nobody_publishes_as_small_is_said_with_the_smallest(qwenpick: Callable[..., Any]) -> None:
    refused = qwenpick("fit", "qwen3.5-9b", *BOX, "--max-disk", "1GB")
    assert refused.code == 1
    smallest = refused.err.split("the smallest is ")[1].split(" GB")[0]
    assert qwenpick("fit", "qwen3.5-9b", *BOX, "--max-disk", f"{float(smallest) + 0.01:g}GB").code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--prefer", "sped"], "speed"), (["--thinking", "maybe"], "yes, no or either"), (["--installed"], "--gpu")],
)
def test_words_that_mean_nothing_are_refused(qwenpick: Callable[..., Any], options: list[str], said: str) -> None:
    for command in (["recommend"], ["fit", "qwen3-8b"], ["launch", "qwen3-8b"]):
        refused = qwenpick(*command, *BOX, *options)
        assert refused.code == 2
        assert said in refused.err


def test_a_run_that_trains_takes_none_of_it(qwenpick: Callable[..., Any]) -> None:
    refused = qwenpick("fit", "qwen3-8b", *BOX, "--train", "lora", "--prefer", "speed")
    assert refused.code == 2
    assert "--prefer" in refused.err


def test_a_file_of_requirements_says_the_same_in_its_fields(qwenpick: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "qwenpick.yaml"
    file.write_text(
        "machine: {gpus: [rtx 4070], ram: 64GiB}\nmodels:\n"
        "- {model: qwen3.8-flash-next, prefer: speed, thinking: no}\n"
        "- {model: qwen3.8-flash-next, max_disk: 85GB}\n"
        "- {model: qwen3.5-9b, max_disk: 1GB}\n"
    )
    checked = json.loads(qwenpick("check", str(file), "--json").out)
    fast, small, none = checked["results"]
    for result, words in ((fast, ["--prefer", "speed", "--thinking", "no"]), (small, ["--max-disk", "85GB"])):
        alone = json.loads(qwenpick("fit", "qwen3.8-flash-next", *BOX, *words, "--json").out)
        assert planned(result["plan"]) == planned(alone)
    assert (none["status"], checked["exit_code"]) == ("fail", 1)
    file.write_text("models: [{model: qwen3-8b, prefer: sped}]")
    assert "speed" in qwenpick("check", str(file)).err


def test_explain_says_why_a_model_should_think_unless_that_was_asked(qwenpick: Callable[..., Any]) -> None:
    said = qwenpick("recommend", *BOX, "--task", "coding-agent", "--explain", "-n", "1").out
    assert "thinking low: tool calls" in " ".join(said.split())
    assert "thinking off: " not in qwenpick("recommend", *BOX, "--thinking", "no", "--explain", "-n", "1").out


def test_a_speed_that_only_drafts_reach_is_reached_alike_by_every_command(qwenpick: Callable[..., Any]) -> None:
    box = ["--gpu", "rtx 4090", "--ram", "64GiB"]
    usual = json.loads(qwenpick("fit", "qwen3.8-27b", *box, "--json").out)
    wanted = usual["speed"]["each"]["value"] - 1
    assert usual["speculation"]["speed_without"]["value"] < wanted  # its own MTP block drafts, as measured runs say
    asked = [*box, "--min-speed", f"{wanted:g}"]
    alone = qwenpick("fit", "qwen3.8-27b", *asked, "--json")
    assert (alone.code, planned(json.loads(alone.out))) == (0, planned(usual))
    picks = json.loads(qwenpick("recommend", *asked, "--json").out)["boxes"][0]["picks"]
    assert planned(usual) in [planned(pick["plan"]) for pick in picks]
    assert all(pick["plan"]["speed"]["each"]["value"] >= wanted for pick in picks)


def test_what_a_plan_does_unasked_is_said(qwenpick: Callable[..., Any]) -> None:
    crowd = ["fit", "qwen3-8b", "--users", "50", "--gpu", "h100", "--ram", "256GiB"]
    assert "the KV cache is kept in fp8" in qwenpick(*crowd).out
    assert "the KV cache is kept in" not in qwenpick(*crowd, "--kv-cache", "fp8").out
    assert "it drafts 3 tokens" in qwenpick("fit", "qwen3.8-27b", "--gpu", "rtx 4090", "--ram", "64GiB").out
    assert "of the file stay on disk" in qwenpick("fit", "qwen3.8-flash-next", *BOX).out


def test_ollama_is_planned_with_the_tag_that_it_is_started_with(qwenpick: Callable[..., Any]) -> None:
    # the tag holds a vision tower, an MTP block and wider tensors: 23.95 GB, where a GGUF repository has 20.40
    words = ["qwen3.6-35b-a3b", "--runtime", "ollama", "--gpu", "rtx 4070", "--ram", "48"]
    planned_file = json.loads(qwenpick("fit", *words, "--quant", "Q4_K_M", "--json").out)["file"]
    started = json.loads(qwenpick("launch", *words, "--quant", "Q4_K_M", "--json").out)
    assert planned_file["tag"] == started["downloads"][0]["what"] == "qwen3.6:35b-a3b"
    assert planned_file["bytes"] == started["downloads"][0]["bytes"] == pytest.approx(23.95e9, rel=0.001)
    assert qwenpick("fit", *words, "--quant", "Q4_K_M", "--max-disk", "21GB").code == 1


def test_a_run_that_trains_is_started_by_the_command_that_is_printed(qwenpick: Callable[..., Any]) -> None:
    run = ["qwen3-8b", "--train", "lora", "--rank", "64", "--seq", "4096", "--gpu", "rtx 4090", "--ram", "64GiB"]
    (line,) = [line for line in qwenpick("fit", *run).out.splitlines() if "start it: " in line]
    words = shlex.split(line.split("start it: qwenpick ")[1])
    assert qwenpick(*words).out == qwenpick("launch", *run).out
    assert "start it" not in qwenpick("fit", "qwen3-32b", "--train", "full", *run[7:]).out
