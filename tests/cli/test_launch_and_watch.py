"""`qwenpick launch --exec --verify` with a stub that prints the log of a real llama-server and answers health checks."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
LOG = TESTS / "verify" / "logs" / "llamacpp-0.6b-cpu-2026-11.log"
BOX = ("--cpu-only", "--ram", "24GiB", "--runtime", "llama.cpp")
ASKED = ("qwen3-0.6b", "--quant", "Q8_0", "--context", "4096")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setattr("qwenpick.launch.llamacpp.PORT", probe.getsockname()[1])
    monkeypatch.setenv("PATH", f"{TESTS / 'launch' / 'stub'}:{os.environ['PATH']}")
    monkeypatch.setenv("STUB_LOG", str(LOG))


def test_once_prints_planned_against_real_keeps_the_correction_and_stops(
    qwenpick: Callable[..., Any], stub: None
) -> None:
    result = qwenpick("launch", *ASKED, *BOX, "--exec", "--verify", "--once")
    rows = {line.split()[0]: line for line in result.out.splitlines() if " ram " in line}
    assert rows["kv"].count("448 MiB") == 2 and rows["weights"].count("604 MiB") == 2
    assert "within the tolerance" in result.out and "kept as a correction" in result.out and result.code == 0
    assert "llamacpp   CPU" in qwenpick("verify", "--corrections").out


def test_a_plan_that_was_off_ends_with_1(
    qwenpick: Callable[..., Any], stub: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other.log").write_text(LOG.read_text(encoding="utf-8").replace("604.15 MiB", "904.15 MiB"))
    monkeypatch.setenv("STUB_LOG", str(tmp_path / "other.log"))
    result = qwenpick("launch", *ASKED, *BOX, "--exec", "--verify", "--once")
    assert result.code == 1 and "more than the tolerance" in result.out


def test_a_log_that_cannot_be_compared_is_said(
    qwenpick: Callable[..., Any], stub: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty.log").write_text("main: hello\n")
    monkeypatch.setenv("STUB_LOG", str(tmp_path / "empty.log"))
    result = qwenpick("launch", *ASKED, *BOX, "--exec", "--verify", "--once")
    assert result.code == 1 and "its log cannot be compared" in result.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--verify",), "--verify with --exec"),
        (("--exec", "--once"), "--once goes with --verify"),
    ],
)
def test_what_does_not_go_together_is_said(
    arguments: tuple[str, ...], sentence: str, qwenpick: Callable[..., Any]
) -> None:
    result = qwenpick("launch", *ASKED, *BOX, *arguments)
    assert result.code == 2 and sentence in result.err


def test_engines_whose_log_does_not_pass_through_are_named(qwenpick: Callable[..., Any]) -> None:
    result = qwenpick(
        "launch", "qwen3-8b", "--gpu", "rtx 4090", "--ram", "64GiB", "--runtime", "ollama", "--exec", "--verify"
    )
    assert result.code == 2 and "qwenpick verify --log FILE" in result.err
