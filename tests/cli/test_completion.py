"""What the shell offers, asked the way bash asks, and what environment variables mean for options with spaces in their values."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from qwenpick.cli.common import completion
from tests.conftest import Run


def asked(line: str) -> dict[str, str]:
    """What bash says when Tab is pressed at the end of `line`."""
    at = len(line.split(" ")) - 1
    return {"_QWENPICK_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(at)}


def offered(line: str) -> list[str]:
    """What bash is told then, by a process of its own."""
    asking = "from qwenpick.cli.main import main; import sys; sys.argv = ['qwenpick']; main()"
    found = subprocess.run(
        [sys.executable, "-c", asking],
        env={**os.environ, **asked(line)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert found.stderr == ""  # it would stand in the line that is typed
    return found.stdout.split()


def test_a_shell_completes_model_and_gpu_names() -> None:
    assert "qwen3-8b" in offered("qwenpick fit qwen3-8")
    gpus = offered("qwenpick fit qwen3-8b --gpu rtx-40")
    assert "rtx-4090" in gpus and all(name.startswith("rtx-40") for name in gpus)


@pytest.mark.parametrize(
    ("complete", "typed", "expected"),
    [
        (completion.model_names, "Qwen3-14", "qwen3-14b"),
        (completion.gpu_names, "h20", "h200-sxm"),
        (completion.compared_names, "a10", "a10g"),
        (completion.compared_names, "qwen3-8", "qwen3-8b"),
        (completion.runtime_names, "v", "vllm"),
        (completion.task_names, "cod", "coding-agent"),
        (completion.quants, "q4_k", "Q4_K_M"),
        (completion.quants, "4", "4bit"),
        (completion.caches, "q8", "q8_0"),
        (completion.preferences, "sp", "speed"),
        (completion.scenario_names, "pi", "pilot"),
        (completion.series, "qwen3.", "qwen3.5"),
        (completion.kinds, "em", "embedding"),
        (completion.vendors, "in", "intel"),
        (completion.segments, "work", "workstation"),
        (completion.trainers, "tr", "trl"),
        (completion.objectives, "d", "dpo"),
        (completion.optimizers, "adamw-8", "adamw-8bit"),
        (completion.schemas, "rec", "recommend"),
        (completion.hubs, "m", "modelscope"),
        (completion.choices("table", "csv"), "c", "csv"),
    ],
)
def test_each_kind_of_name_is_offered(complete: completion.Complete, typed: str, expected: str) -> None:
    assert expected in complete(typed)
    assert complete("no such name") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("qwenpick recommend --prefer sp", "speed"),
        ("qwenpick recommend --scenario ", "pilot"),
        ("qwenpick fit qwen3-8b --quant Q4_K", "Q4_K_M"),
        ("qwenpick fit qwen3-8b --train ql", "qlora"),
        ("qwenpick fit qwen3-8b --trainer ", "trl"),
        ("qwenpick plan qwen3-8b --format c", "csv"),
        ("qwenpick models --kind em", "embedding"),
        ("qwenpick schema f", "fit"),
        ("qwenpick launch qwen3-8b --from m", "modelscope"),
        ("qwenpick --lang z", "zh"),
    ],
)
def test_a_shell_completes_every_choice(
    qwenpick: Run, monkeypatch: pytest.MonkeyPatch, line: str, expected: str
) -> None:
    for name, value in asked(line).items():
        monkeypatch.setenv(name, value)
    assert expected in qwenpick().out.split()


@pytest.mark.parametrize(
    ("said", "found"),
    [("rtx 4090", ["GeForce RTX 4090"]), ("rtx 4090, 2x l40s", ["GeForce RTX 4090", "L40S", "L40S"])],
)
def test_a_gpu_in_the_environment_may_have_spaces_and_commas_part_several(
    qwenpick: Run, monkeypatch: pytest.MonkeyPatch, said: str, found: list[str]
) -> None:
    monkeypatch.setenv("QWENPICK_MACHINE_GPU", said)
    devices = json.loads(qwenpick("machine", "--json").out)["machine"]["devices"]
    assert [device["name"] for device in devices] == found
