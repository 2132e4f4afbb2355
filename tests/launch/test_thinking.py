"""What switches thinking off, engine by engine, in every form that a start is written in."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Run

OFF = '{"enable_thinking": false}'


def started(qwenpick: Run, *words: str, gpu: str = "h100") -> dict[str, object]:
    box = ("--gpu", gpu, "--ram", "64", "--thinking", "no", "--json")
    found: dict[str, object] = json.loads(qwenpick("launch", "qwen3.8-27b", *box, *words).out)
    return found


def argv(found: dict[str, object]) -> list[str]:
    return list(found["serve"]["argv"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("llama.cpp", ["--reasoning-budget", "0"]),  # common/arg.cpp
        ("vllm", ["--default-chat-template-kwargs", OFF]),  # entrypoints/openai/cli_args.py, from 0.16 on
        ("ollama", ["--think=false"]),  # of ollama run
    ],
)
def test_an_engine_with_a_word_for_it_is_started_with_it(qwenpick: Run, engine: str, words: list[str]) -> None:
    found = argv(started(qwenpick, "--runtime", engine))
    assert any(found[at : at + len(words)] == words for at in range(len(found)))


def test_mlx_and_transformers_say_it_to_the_template(qwenpick: Run) -> None:
    words = ("launch", "qwen3-8b", "--thinking", "no", "--ram", "64")
    assert f"--chat-template-args '{OFF}'" in qwenpick(*words, "--runtime", "mlx", "--gpu", "m4 max").out
    assert 'return_tensors="pt", enable_thinking=False' in qwenpick(*words, "--runtime", "hf", "--gpu", "h100").out
    assert "enable_thinking" not in qwenpick(*words[:2], "--thinking", "yes", "--runtime", "hf", "--gpu", "h100").out


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        # ollama/ollama#17785: extra_body is no part of its endpoint; openai/openai.go maps reasoning_effort, /api/chat takes think
        ("ollama", ('"reasoning_effort": "none"', '"think": false (/api/chat)')),
        # lmstudio-ai/lmstudio-bug-tracker#2057
        ("lmstudio", ('"reasoning_effort": "none"', '"reasoning": "off" (/api/v1/chat)')),
        ("sglang", ('extra_body={"chat_template_kwargs": {"enable_thinking": false}}',)),
    ],
)
def test_where_each_request_must_say_it_the_note_has_the_engines_own_field(
    qwenpick: Run, engine: str, said: tuple[str, ...]
) -> None:
    notes = " ".join(started(qwenpick, "--runtime", engine)["notes"])  # type: ignore[arg-type]
    assert all(field in notes for field in said)
    assert ("extra_body" in notes) == (engine == "sglang")


def test_a_vllm_without_the_flag_leaves_it_to_the_request(qwenpick: Run) -> None:
    found = json.loads(
        qwenpick(
            "launch", "qwen3-8b", "--thinking", "no", "--gpu", "l40s", "--ram", "64", "-o", "version=0.13", "--json"
        ).out
    )
    assert "--default-chat-template-kwargs" not in found["serve"]["argv"]
    assert "extra_body" in " ".join(found["notes"])


@pytest.mark.parametrize("form", ["--systemd", "--compose", "--docker"])
def test_the_word_is_the_servers_whatever_starts_it(qwenpick: Run, form: str) -> None:
    found = started(qwenpick, "--runtime", "vllm", form)
    whole = " ".join([*argv(found), *found["files"].values()])  # type: ignore[attr-defined]
    assert "--default-chat-template-kwargs" in whole
    if form == "--systemd":
        assert argv(found)[:2] == ["systemctl", "--user"] and argv(found)[-1].endswith(".service")


@pytest.mark.parametrize(("form", "started"), [("--kubernetes", True), ("--slurm", True), ("--ray", False)])
def test_a_manifest_says_it_too_where_the_server_has_a_word(qwenpick: Run, form: str, started: bool) -> None:
    asked = ["launch", "qwen3-8b", "--runtime", "vllm", "--gpu", "l40s", "--ram", "64", form]
    written = qwenpick(*asked, "--thinking", "no").out
    assert ("default-chat-template-kwargs" in written) is started and "default_chat_template_kwargs" not in written
    assert "default-chat-template-kwargs" not in qwenpick(*asked).out
