"""`recommend --ask` is a conversation: numbered, asked again on what cannot be read, in both languages."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def talk(*answers: str, lang: str = "en", words: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command with those lines typed, on a box that is said so that none is probed."""
    return subprocess.run(
        [sys.executable, "-m", "qwenpick", "--lang", lang, "recommend", "--ask", "--gpu", "rtx 3060", *words],
        input="".join(f"{line}\n" for line in answers),
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_a_number_takes_a_task_and_enter_takes_what_was_found() -> None:
    said = talk("3", "", "", "", "", words=("--json",))
    (box,) = json.loads(said.stdout)["boxes"]
    assert box["task"] == "coding"
    assert box["machine"]["devices"][0]["gpu"] == "rtx-3060-12gb"
    assert "  3  coding: code you wait for" in said.stderr
    assert "qwenpick recommend --task coding --context 32k --users 1 --gpu 'rtx 3060'" in said.stderr


def test_what_cannot_be_read_is_said_and_asked_again() -> None:
    said = talk("dancing", "99", "chat", "lots", "16k", "0", "2", "rtx 9999", "rtx 4090", "64", "maybe", "yes")
    assert said.returncode == 0
    for told in ("there is no task 'dancing'", "the list ends at 19", "cannot read context 'lots'"):
        assert told in said.stderr
    for told in ("write a number from 1 to", "no GPU 'rtx 9999'", "write yes or no"):
        assert told in said.stderr
    assert "--users 2 --gpu 'rtx 4090' --ram 64GiB --commercial" in said.stderr
    assert said.stdout.startswith("GeForce RTX 4090")


def test_the_conversation_is_in_chinese_too() -> None:
    said = talk("写代码", "", "", "是", "否", lang="zh")
    assert said.returncode == 0
    assert "用途：写代码" in said.stdout
    assert "What should" not in said.stderr


def test_a_box_without_a_gpu_can_be_named() -> None:
    said = talk("1", "", "", "cpu", "16", "no")
    assert said.returncode == 0
    assert "--ram 16GiB --cpu-only" in said.stderr
