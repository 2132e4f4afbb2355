"""What is kept between runs: found again, never stale, never trusted where others may write, and never needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qwenpick import storage
from qwenpick.catalog import Catalog
from qwenpick.runtimes.llamacpp import compute
from qwenpick.runtimes.llamacpp.batch import batch_of
from qwenpick.runtimes.llamacpp.network import Network
from qwenpick.runtimes.llamacpp.options import Options
from qwenpick.runtimes.llamacpp.step import Step
from qwenpick.runtimes.llamacpp.walk import peaks
from qwenpick.storage import Results
from qwenpick.work.serving import Serving


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of code, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = tmp_path / "code"
    found.mkdir()
    (found / "walk.py").write_text("pass\n")
    return found


def files() -> list[Path]:
    return sorted((storage.folder("numbers") or Path()).glob("*"))


def test_a_result_is_found_again(code: Path) -> None:
    results = Results("numbers", [code])
    assert results.get("a") is None
    results.put("a", (1, 2))
    assert results.get("a") == (1, 2)
    results.write()
    assert Results("numbers", [code]).get("a") == (1, 2)
    assert len(files()) == 1


def test_what_two_programs_found_is_kept_of_both(code: Path) -> None:
    one, two = Results("numbers", [code]), Results("numbers", [code])
    assert one.get("a") is two.get("a") is None
    one.put("a", (1, 1))
    two.put("b", (2, 2))
    one.write()
    two.write()
    both = Results("numbers", [code])
    assert (both.get("a"), both.get("b")) == ((1, 1), (2, 2))


def test_other_code_begins_anew(code: Path) -> None:
    for n in range(4):
        (code / "walk.py").write_text("#" * n)
        results = Results("numbers", [code])
        assert results.get("a") is None
        results.put("a", (n, n))
        results.write()
    assert len(files()) == storage.KEPT
    assert Results("numbers", [code]).get("a") == (3, 3)


@pytest.mark.parametrize("content", ["", "[", "[1]", '{"a": [1]}', '{"a": ["x", 2]}', '{"a": null}', "\x00"])
def test_a_file_that_cannot_be_read_is_as_if_it_were_not_there(code: Path, content: str) -> None:
    results = Results("numbers", [code])
    results.put("z", (1, 2))
    results.write()
    files()[0].write_text(content)
    again = Results("numbers", [code])
    assert again.get("a") is None
    again.put("a", (5, 6))
    again.write()
    assert Results("numbers", [code]).get("a") == (5, 6)


def test_the_oldest_go_first(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MOST", 3)
    results = Results("numbers", [code])
    for n in range(5):
        results.put(str(n), (n, n))
    results.write()
    again = Results("numbers", [code])
    assert [again.get(str(n)) for n in range(5)] == [None, None, (2, 2), (3, 3), (4, 4)]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX permissions")
def test_a_directory_that_others_may_write_to_is_not_used(code: Path) -> None:
    folder = storage.folder("numbers")
    assert folder
    folder.chmod(0o777)
    results = Results("numbers", [code])
    assert results.get("a") is None
    results.put("a", (1, 2))
    results.write()
    assert list(folder.glob("*")) == []


def test_a_walk_that_was_kept_is_what_a_walk_finds(
    catalog: Catalog, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = catalog.architectures["qwen3-8b"]
    batch = batch_of(Serving(4096), Options(), pooled=False)
    steps = tuple(Step(layer, "gpu", "gpu") for layer in range(architecture.num_layers))
    walked = peaks(Network(architecture, batch, {}, "gpu", has_gpu=True, op_offload=True), steps)
    for _ in range(2):
        results = Results("numbers", [code])
        monkeypatch.setattr(compute, "WALKS", results)
        compute._one_side.cache_clear()
        assert compute._one_side(architecture, batch, has_gpu=True) == walked
        results.write()
    longer = batch_of(Serving(8192), Options(), pooled=False)
    assert compute._one_side(architecture, longer, has_gpu=True) != walked


def test_a_directory_of_others_or_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    assert storage.private(open_to_all) is None
    assert storage.private(open_to_all / "below") is None  # others could put another directory in its place
    open_to_all.chmod(0o1777)
    assert storage.private(open_to_all / "below") == open_to_all / "below"
    assert (open_to_all / "below").stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(tmp_path)
    assert storage.private(tmp_path / "link") is None
    (tmp_path / "file").write_text("")
    assert storage.private(tmp_path / "file") is None
    assert storage.private(tmp_path / "file" / "below") is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"[" * 10_000, b"0\n{}", b"\xff"])
def test_what_is_kept_is_known_again_and_anything_else_is_not(content: bytes, tmp_path: Path) -> None:
    storage.keep(tmp_path / "a.json", {"x": [1, "y"]})
    assert storage.kept(tmp_path / "a.json") == {"x": [1, "y"]}
    whole = (tmp_path / "a.json").read_bytes()
    for damaged in (content, whole[:-1], whole.replace(b"1", b"2", 1)):
        (tmp_path / "a.json").write_bytes(damaged)
        assert storage.kept(tmp_path / "a.json") is None


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        storage.write_whole(tmp_path / "a.json", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("home", ["", "relative/home"])
def test_without_a_home_directory_there_is_no_directory_of_ours(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home)
    assert all(
        found is None or found.is_absolute() for found in map(storage.user_directory, ("cache", "config", "data"))
    )
