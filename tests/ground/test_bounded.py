"""The one door through which files are read: what is no regular file, too long, too deep, repeats itself or has absurd numbers gets a sentence."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml

from qwenpick.bounded import DIGITS, JSON_VALUES, open_file, parse_json, parse_yaml, read_bytes, read_ends, read_json
from qwenpick.errors import QwenpickError


def test_a_pipe_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    begun = time.monotonic()
    with pytest.raises(QwenpickError, match="not a regular file"):
        read_bytes(tmp_path / "pipe", 100)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("name", [".", "/dev/zero", "/dev/stdin/..", "loop", "no", "no\0", "x" * 300, "d/" * 3000])
def test_what_is_no_file_is_a_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(QwenpickError, match=r"^('.*' is not a regular file|cannot read '.*': [^\n]*)$"):
        open_file(tmp_path / name)


def test_a_file_is_read_to_its_limit_and_no_further(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100)
    assert read_bytes(tmp_path / "f", 100) == b"x" * 100
    with pytest.raises(QwenpickError, match="at most"):
        read_bytes(tmp_path / "f", 99)


def test_of_a_long_log_both_ends_are_read_as_whole_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {n:04}\n" for n in range(1000)))
    read = read_ends(tmp_path / "log", 105).decode().splitlines()  # 10 bytes a line: 52 at either end
    assert read == [f"line {n:04}" for n in (0, 1, 2, 3, 4, 995, 996, 997, 998, 999)]
    assert len(read_ends(tmp_path / "log", 20_000)) == 10_000


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"a": 1e999}', "too large a number"),
        (b'{"a": -1e999}', "too large a number"),
        (b'{"a": ' + b"9" * 400 + b"}", "a whole number of 400 digits"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a whole number of 5,000 digits"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": 1, "a": 2}', "appears twice"),
        (b'{"a\\u001b": 1, "a\\u001b": 2}', r"a\\x1b' appears twice"),
        (b"[" * 10_000, "nested too deeply"),
        (b'{"a":' * 10_000, "nested too deeply"),
        (b"[" + b"[]," * (JSON_VALUES // 2 + 1), "values"),
        (b"[]", "not an object"),
        (b"\xff", "not text in UTF-8"),
        (b" \n", "is empty"),
        (b'{"a":\n', r"not valid JSON \(line 2, column 1\)"),
    ],
)  # fmt: skip
def test_json_without_its_traps(data: bytes, sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence):
        parse_json(data, "x.json")


def test_whole_numbers_up_to_64_bits_are_read() -> None:
    assert parse_json(f'{{"a": {2**63}}}'.encode(), "x")["a"] == 2**63
    assert len(str(2**63)) <= DIGITS


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BOMB, "values"),
        ("? " + BOMB.replace("\n", "\n  ") + "\n: 1", "values"),
        ("a: &a {k: v}\nb: &b {<<: [" + ",".join(["*a"] * 60_000) + "]}", "values"),
        ("a: &a [*a]", "refers to itself"),
        ("a: " + "1:" * 100_000 + "1", "digits"),
        ("a: 0x" + "f" * 4000, "digits"),
        ("a: " + "9" * 400, "digits"),
        ("- " * 65 + "x", "nests deeper"),
        ("[" * 100_000, "nests deeper"),
        ("[" + "a," * 200_000 + "]", "values"),
    ],
)  # fmt: skip
def test_yaml_without_its_traps(text: str, sentence: str) -> None:
    begun = time.monotonic()
    with pytest.raises((ValueError, yaml.YAMLError)) as refused:
        parse_yaml(text)
    assert sentence in str(refused.value) or isinstance(refused.value, yaml.YAMLError)
    assert time.monotonic() - begun < 3


def test_aliases_that_stay_small_are_read() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: {<<: {d: 0x1F}}")[1] == {"a": [1, 2], "b": [1, 2], "c": {"d": 31}}


def test_a_config_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(QwenpickError, match="not a regular file"):
        read_json(tmp_path / "config.json")
