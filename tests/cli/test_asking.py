"""`recommend --ask` is a conversation: numbered, asked again on what cannot be read, in both languages."""

from __future__ import annotations

import io
import json
import shlex
import sys

import pytest

from tests.conftest import Result, Run

Talk = Run


@pytest.fixture
def talk(qwenpick: Run, monkeypatch: pytest.MonkeyPatch) -> Talk:
    """The command with those lines typed, on a box that is said so that none is probed."""

    def typed(*answers: str, lang: str = "en", words: tuple[str, ...] = ()) -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in answers)))
        return qwenpick("--lang", lang, "recommend", "--ask", "--gpu", "rtx 3060", "--series", "Qwen3.5", *words)

    return typed


def test_a_number_takes_a_task_and_enter_takes_what_was_found(talk: Talk) -> None:
    said = talk("3", "", "", "", "", words=("--json",))
    (box,) = json.loads(said.out)["boxes"]
    assert box["task"] == "coding"
    assert box["machine"]["devices"][0]["gpu"] == "rtx-3060-12gb"
    assert "  3  coding: code you wait for" in said.err
    assert (
        "qwenpick recommend --task coding --context 32k --users 1 --gpu 'rtx 3060' --series Qwen3.5 --json" in said.err
    )


def test_what_cannot_be_read_is_said_and_asked_again(talk: Talk) -> None:
    said = talk("dancing", "99", "chat", "lots", "16k", "0", "2", "rtx 9999", "rtx 4090", "64", "maybe", "yes")
    assert said.code == 0
    for told in ("there is no task 'dancing'", "the list ends at 19", "cannot read 'lots' as a number of tokens"):
        assert told in said.err
    for told in ("write a number from 1 to", "no GPU 'rtx 9999'", "write yes or no"):
        assert told in said.err
    assert "--users 2 --gpu 'rtx 4090' --ram 64GiB --commercial" in said.err
    assert said.out.startswith("GeForce RTX 4090")


def test_the_conversation_is_in_chinese_too(talk: Talk) -> None:
    said = talk("写代码", "", "", "是", "否", lang="zh")
    assert said.code == 0
    assert "用途：写代码" in said.out
    assert "What should" not in said.err


def test_a_box_without_a_gpu_can_be_named(talk: Talk) -> None:
    said = talk("1", "", "", "cpu", "16", "no")
    assert said.code == 0
    assert "--ram 16GiB --cpu-only" in said.err


def test_the_command_without_questions_answers_the_same(talk: Talk, qwenpick: Run) -> None:
    asked = talk("chat", "16k", "2", "", "no", words=("--prefer", "quality", "--any", "-n", "3", "--json"))
    (told,) = [line for line in asked.err.splitlines() if "without questions" in line]
    words = shlex.split(told.partition(": qwenpick ")[2])
    assert "--ask" not in words and "--any" in words
    assert qwenpick(*words).out == asked.out
