"""What a person keeps in config.yaml is what commands do unasked; the command line goes before it, and doctor shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qwenpick.cli.common.defaults import config_file
from qwenpick.storage import user_directory
from tests.conftest import Run

BOX = ("--gpu", "rtx 4090", "--ram", "64GiB")


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "config.yaml"
        file.write_text(text, encoding="utf-8")
        monkeypatch.setattr("qwenpick.cli.common.defaults.config_file", lambda: file)
        return file

    return write


@pytest.mark.parametrize("where", ["", "/tmp/elsewhere", "relative"])
def test_the_file_lies_where_the_platform_keeps_settings(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", where)
    directory = user_directory("config")
    assert config_file() == (directory / "config.yaml" if directory else None)


def test_each_default_is_obeyed(qwenpick: Run, keep: Callable[[str], Path]) -> None:
    keep("lang: zh\nreserve: 0\nruntime: vllm\nfrom: huggingface\n")
    said = qwenpick("launch", "qwen3-8b", *BOX).out
    assert "vllm serve" in said
    assert "VLLM_USE_MODELSCOPE" not in said
    assert "按“聊天”" in said
    assert json.loads(qwenpick("fit", "qwen3-8b", *BOX, "--json").out)["runtime"] == "vllm"
    assert "桌面" not in qwenpick("fit", "qwen3-8b", *BOX).out


def test_the_command_line_goes_before_a_default(qwenpick: Run, keep: Callable[[str], Path]) -> None:
    keep("lang: zh\nruntime: vllm\nfrom: modelscope\n")
    said = qwenpick("--lang", "en", "launch", "qwen3-8b", "--runtime", "llama.cpp", "--from", "hf", *BOX).out
    assert "planned for chat" in said
    assert "llama-server" in said
    assert "MODEL_ENDPOINT" not in said


def test_a_run_that_trains_has_no_engine_and_takes_no_default_of_one(
    qwenpick: Run, keep: Callable[[str], Path]
) -> None:
    keep("runtime: vllm\n")
    assert qwenpick("fit", "qwen3-8b", "--train", "lora", *BOX).code == 0


def test_doctor_shows_the_defaults(qwenpick: Run, keep: Callable[[str], Path]) -> None:
    file = keep("runtime: vllm\nreserve: 1GiB\n")
    said = qwenpick("doctor", *BOX)
    assert f"your defaults ({file}): runtime: vllm, reserve: 1GiB" in said.out
    assert json.loads(qwenpick("doctor", *BOX, "--json").out)["defaults"] == {"runtime": "vllm", "reserve": "1GiB"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("runtim: vllm\n", "there is no default 'runtim'; did you mean runtime?"),
        ("runtime: vlm\n", "did you mean vllm?"),
        ("reserve: a lot\n", "cannot read size"),
        ("from: nowhere\n", "weights come from"),
        ("lang: klingon\n", "there is no language 'klingon'"),
        ("- lang\n", "must hold lines such as"),
        ("lang: [zh]\n", "lang must be a word"),
    ],
)
def test_a_default_that_means_nothing_is_one_sentence(
    qwenpick: Run, keep: Callable[[str], Path], text: str, told: str
) -> None:
    file = keep(text)
    answer = qwenpick("fit", "qwen3-8b", *BOX)
    assert answer.code == 2
    assert str(file) in answer.err
    assert told in answer.err
