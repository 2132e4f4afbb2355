"""`ollama run TAG` is offered where it alone runs what was planned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BOX = ["--gpu", "h100", "--ram", "64", "--runtime", "ollama"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ([*BOX], True),  # 80 GB: Ollama's own context is 256k
        ([*BOX, "--kv-cache", "q8_0"], False),
        (
            ["--gpu", "rtx 4070", "--ram", "64", "--runtime", "ollama"],
            False,
        ),  # 12 GB: its own context is 4k, 16k were planned
        (["--gpu", "rtx 4070", "--ram", "64", "--runtime", "ollama", "--context", "4096"], True),
        (["--gpu", "rtx 5090", "--ram", "64", "--context", "65536"], False),
        (["--gpu", "rtx 5090", "--ram", "64", "--users", "4"], False),
        (["--gpu", "rtx 4090", "--ram", "64"], False),  # its drafts are llama.cpp's
        (["--gpu", "rtx 4090", "--ram", "64", "--runtime", "lmstudio"], False),  # who asks for LM Studio means no other
    ],
)
def test_ollama_alone_is_offered_where_it_does_what_was_planned(
    qwenpick: Callable[..., Any], words: list[str], offered: bool
) -> None:
    (line,) = [one for one in qwenpick("recommend", *words).out.splitlines() if "start it:" in one]
    assert ("ollama run" in line) is offered


def test_a_box_that_was_piped_in_is_named_as_a_file(
    qwenpick: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = tmp_path / "4090.json"
    box.write_text(qwenpick("machine", "--gpu", "rtx 4090", "--ram", "64", "--json").out)
    for command in (["recommend"], ["fit", "qwen3-8b"], ["fit", "qwen3-8b", "--train", "qlora"]):
        with box.open() as piped:
            monkeypatch.setattr("sys.stdin", piped)
            (line,) = [one for one in qwenpick(*command, "--machine", "-").out.splitlines() if "start it:" in one]
        assert "--machine box.json   # what was piped in, saved as box.json" in line and "--machine -" not in line
    with box.open() as piped:
        monkeypatch.setattr("sys.stdin", piped)
        fixes = json.loads(
            qwenpick("fit", "qwen3-32b", "--quant", "bf16", "--gpu-only", "--machine", "-", "--json").out
        )["fixes"]
    assert fixes and not any("--machine -" in str(one) for one in fixes)
