"""Models on this disk, in stores laid out as the real programs do."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import Machine
from qwenpick.machine.simulate import simulate
from qwenpick.planning.files import File
from qwenpick.scan.answer import scan
from qwenpick.scan.here import on_this_disk, place_of, stored_models
from qwenpick.units import GIB
from tests.conftest import Run
from tests.readers.making import gguf_of, write


@pytest.fixture
def box(catalog: Catalog) -> Machine:
    return simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)


def test_each_model_on_the_disk_is_planned_as_it_lies_there(catalog: Catalog, box: Machine, tmp_path: Path) -> None:
    hub = tmp_path / ".cache" / "huggingface" / "hub" / "models--unsloth--Qwen3-8B-GGUF" / "snapshots" / "abc"
    hub.mkdir(parents=True)
    write(hub / "Qwen3-8B-Q8_0.gguf", *gguf_of(catalog.architectures["qwen3-8b"]))
    (hub / "broken.gguf").write_bytes(b"GGUF")
    found = scan(catalog, box, environ={}, home=tmp_path)
    assert [store.kind for store in found.stores] == ["huggingface"]
    broken, whole = sorted(found.models, key=lambda one: Path(one.stored.path).name.casefold())
    assert broken.answer is None and broken.problem
    assert whole.reading and whole.answer and whole.answer.fits
    assert whole.answer.plan.checkpoint.format == "Q8_0" and whole.stored.name == "unsloth/Qwen3-8B-GGUF"
    assert {"chat", "coding"} <= set(whole.best_for)


def test_where_nothing_is_found_the_exit_code_is_0(qwenpick: Run, tmp_path: Path) -> None:
    result = qwenpick("scan", str(tmp_path), "--gpu", "rtx 4090", "--ram", "64")
    assert result.code == 0 and "No models were found." in result.out
    content = json.loads(qwenpick("scan", str(tmp_path), "--gpu", "rtx 4090", "--ram", "64", "--json").out)
    assert content["models"] == [] and content["stores"] == [
        {"kind": "directory", "path": str(tmp_path), "problem": None}
    ]


def test_a_directory_that_is_not_there_is_said(qwenpick: Run, tmp_path: Path) -> None:
    result = qwenpick("scan", str(tmp_path / "none"), "--gpu", "rtx 4090")
    assert result.code == 0 and "no such file or directory" in result.out


def test_a_task_that_is_not_known_is_refused(qwenpick: Run, tmp_path: Path) -> None:
    assert qwenpick("scan", str(tmp_path), "--task", "knitting", "--gpu", "rtx 4090").code == 2


def test_a_plan_s_file_is_found_by_its_names_and_size(tmp_path: Path) -> None:
    hub = tmp_path / ".cache" / "huggingface" / "hub" / "models--unsloth--Qwen3-8B-GGUF" / "snapshots" / "abc"
    hub.mkdir(parents=True)
    (hub / "Qwen3-8B-Q4_K_M.gguf").write_bytes(b"x" * 1000)
    tag = tmp_path / ".ollama" / "models" / "manifests" / "registry.ollama.ai" / "library" / "qwen3" / "8b"
    tag.parent.mkdir(parents=True)
    tag.write_text("{}")
    models = stored_models({}, tmp_path, "linux")

    def path(repository: str | None, tag: str | None, files: tuple[str, ...], size: int = 1000) -> str | None:
        return place_of(File(repository, tag, files, size, "https://example.org", "2026-11-29"), models)

    assert path("unsloth/Qwen3-8B-GGUF", None, ("Qwen3-8B-Q4_K_M.gguf",)) == str(hub / "Qwen3-8B-Q4_K_M.gguf")
    assert path("unsloth/Qwen3-8B-GGUF", None, ("Qwen3-8B-Q4_K_M.gguf",), 2000) is None  # half of it was downloaded
    assert path("bartowski/Qwen3-8B-GGUF", None, ("Qwen3-8B-Q4_K_M.gguf",)) is None
    assert path(None, "qwen3:8b", ()) == str(tag)
    assert path(None, "qwen3:4b", ()) is None


@pytest.mark.parametrize(("system", "cache"), [("darwin", "Library/Caches/llama.cpp"), ("linux", ".cache/llama.cpp")])
def test_it_is_looked_for_where_the_system_of_this_machine_keeps_it(
    system: str, cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    stored = tmp_path / cache / "unsloth_Qwen3-8B-GGUF_Qwen3-8B-Q4_K_M.gguf"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"x" * 1000)
    file = File("unsloth/Qwen3-8B-GGUF", None, ("Qwen3-8B-Q4_K_M.gguf",), 1000, "https://example.org", "2026-11-29")
    assert on_this_disk()(SimpleNamespace(file=file)) == str(stored)  # type: ignore[arg-type]


def test_installed_engines_are_asked_of_this_machine_only(qwenpick: Run) -> None:
    result = qwenpick("recommend", "--installed", "--gpu", "rtx 4090")
    assert result.code == 2 and "--installed looks at this machine" in result.err
