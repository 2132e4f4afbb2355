"""The cache of parsed catalogues is never stale, never needed and never trusted where others can write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from qwenpick.catalog import load
from qwenpick.catalog.cache import KEPT, cached

OWN = "gpus:\n- {{id: my-card, name: Card {n}, vendor: amd, segment: consumer, status: shipping, source: s, checked: '2026-11-24'}}\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cache directory is set by XDG_CACHE_HOME")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another_catalogue: Callable[[], None]) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "qwenpick" / "catalog"


def test_a_second_load_reads_no_yaml_and_gives_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, another_catalogue: Callable[[], None]
) -> None:
    first = load(own=False)
    cold = {kind: dict(getattr(first, kind)) for kind in ("architectures", "models", "gpus", "cloud")}
    assert len(list(folder.glob("*.jsonl"))) == 6
    monkeypatch.setattr(sys.modules["qwenpick.catalog.read"], "read_yaml", None)  # calling it would raise
    assert load(own=False) is first  # once in a process
    another_catalogue()
    second = load(own=False)
    assert {kind: dict(getattr(second, kind)) for kind in cold} == cold


def test_a_changed_file_is_seen_at_once(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    for n in range(3):
        mine.write_text(OWN.format(n=n))
        assert load([mine], own=False).gpus["my-card"].name == f"Card {n}"


def test_other_content_or_another_version_is_another_file_and_old_ones_are_removed(folder: Path) -> None:
    for n in range(KEPT + 3):
        content = f"content {n}".encode()
        assert cached([content], ["a", "b"], lambda n=n: {"a": {"x": n}, "b": {}})("a") == {"x": n}
    assert len(list(folder.glob("*.jsonl"))) == KEPT * 2
    assert not list(folder.glob("*.tmp"))
    assert cached([content], ["a", "b"], dict)("a") == {"x": KEPT + 2}  # read, not built


def test_a_broken_cache_file_is_read_past(folder: Path) -> None:
    load(own=False).models["qwen3-8b"]
    for file in folder.glob("*.jsonl"):
        file.write_text("{broken")
    assert load(own=False).models["qwen3-8b"].name == "Qwen3-8B"


def test_an_entry_that_is_read_from_its_line_is_the_one_of_the_whole_file(folder: Path) -> None:
    written = {
        f"x{n}": {"id": f"x{n}", "text": "a\tb\nc\u2028\x85é中", "numbers": [n, 1.0, None, True]} for n in range(5)
    }

    def read() -> Mapping[str, object]:
        return cached([b"content"], ["a"], lambda: {"a": written})("a")

    assert read() == written  # built
    one_by_one, at_once, mixed = read(), read(), read()
    assert {key: one_by_one[key] for key in reversed(written)} == written == dict(at_once.items())
    assert mixed["x3"] == written["x3"]
    assert list(mixed.values()) == list(written.values()) and list(mixed) == list(written)
    assert "x4" in mixed and "x5" not in mixed and len(mixed) == 5
    (file,) = folder.glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"x2"', b'"x9"'))  # not what was written
    assert read() == written


def test_a_directory_that_others_can_write_to_is_not_used(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert load(own=False).models["qwen3-8b"].name == "Qwen3-8B"
    assert not list(folder.iterdir())


@pytest.mark.usefixtures("another_catalogue")
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert load(own=False).models["qwen3-8b"].name == "Qwen3-8B"


def test_an_entry_is_validated_only_when_it_is_used() -> None:
    models = load(own=False).models
    assert "qwen3-8b" in models and len(models) == 241
    assert models["qwen3-8b"] is models["qwen3-8b"]
    with pytest.raises(KeyError):
        models["qwen3-7b"]
