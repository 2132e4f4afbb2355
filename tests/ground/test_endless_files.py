"""Files without end, in length or in depth: what is read of one is bounded, and a sentence comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qwenpick.catalog.check import faults
from qwenpick.catalog.read import read_file
from qwenpick.check import file as check_file
from qwenpick.check.file import parse
from qwenpick.errors import QwenpickError
from qwenpick.machine import file

ENDLESS = Path("/dev/zero")


@pytest.mark.skipif(not ENDLESS.exists(), reason="no /dev/zero on this system")
@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (file.read, "not a regular file"),
        (check_file.read, "not a regular file"),
        (read_file, "not a regular file"),
    ],
)
def test_an_endless_file_is_refused_with_a_sentence(read: Callable[[Path], object], sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence):
        read(ENDLESS)


DEEP = ("[" * 100_000, "- " * 100_000 + "x", "{a: " * 50_000)


@pytest.mark.parametrize("deep", DEEP, ids=["flow", "block", "mappings"])
def test_yaml_nested_without_end_is_a_sentence_and_not_a_crash(deep: str) -> None:
    assert "nests deeper than 64" in faults(f"models: {deep}".encode() if deep[0] != "-" else deep.encode(), {})[0]
    with pytest.raises(QwenpickError, match="nests deeper than 64"):
        parse(f"models: {deep}" if deep[0] != "-" else deep, "qwenpick.yaml")
