"""Stores laid out as the real programs lay them out, and hostile ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qwenpick.machine.installed import stores
from qwenpick.machine.installed.stores import lmstudio_home, look_into, store_places


def lay(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def names(kind: stores.Kind, root: Path) -> list[tuple[str, str | None]]:
    return [(str(Path(one.path).relative_to(root)), one.name) for one in look_into(kind, root)[1]]


def test_ollama_s_tags_are_its_manifests(tmp_path: Path) -> None:
    lay(
        tmp_path,
        "manifests/registry.ollama.ai/library/qwen3/8b",
        "manifests/registry.ollama.ai/someone/qwen3/4b-q8_0",
        "manifests/hf.co/unsloth/Qwen3-8B-GGUF/Q4_K_M",
        "blobs/sha256-00",
    )
    assert [name for _path, name in names("ollama", tmp_path)] == [
        "hf.co/unsloth/Qwen3-8B-GGUF:Q4_K_M",
        "qwen3:8b",
        "someone/qwen3:4b-q8_0",
    ]


def test_the_hub_s_cache_holds_files_behind_links_and_directories_of_weights(tmp_path: Path) -> None:
    snapshot = "models--unsloth--Qwen3-8B-GGUF/snapshots/abc"
    lay(tmp_path, "models--unsloth--Qwen3-8B-GGUF/blobs/1", f"{snapshot}/mmproj-F16.gguf")
    (tmp_path / snapshot / "Qwen3-8B-Q4_K_M.gguf").symlink_to(tmp_path / "models--unsloth--Qwen3-8B-GGUF/blobs/1")
    (tmp_path / snapshot / "gone.gguf").symlink_to(tmp_path / "nowhere")
    whole = "models--Qwen--Qwen3-8B-FP8/snapshots/def"
    lay(tmp_path, f"{whole}/config.json", f"{whole}/model-00001-of-00002.safetensors")
    lay(tmp_path, "models--Qwen--Qwen3-4B/snapshots/ghi/config.json")  # without weights: nothing to run
    assert names("huggingface", tmp_path) == [
        (whole, "Qwen/Qwen3-8B-FP8"),
        (f"{snapshot}/Qwen3-8B-Q4_K_M.gguf", "unsloth/Qwen3-8B-GGUF"),
    ]


def test_of_a_split_file_the_first_part_stands_for_all(tmp_path: Path) -> None:
    lay(tmp_path, "unsloth_Qwen3_Q8_0-00001-of-00002.gguf", "unsloth_Qwen3_Q8_0-00002-of-00002.gguf")
    assert names("llamacpp", tmp_path) == [("unsloth_Qwen3_Q8_0-00001-of-00002.gguf", None)]


def test_lm_studio_keeps_owner_and_name_and_says_where_it_lives(tmp_path: Path) -> None:
    lay(tmp_path, "lmstudio-community/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf", "mlx-community/Qwen3-8B-4bit/config.json")
    lay(tmp_path, "mlx-community/Qwen3-8B-4bit/model.safetensors")
    assert [name for _path, name in names("lmstudio", tmp_path)] == [
        "lmstudio-community/Qwen3-8B-GGUF",
        "mlx-community/Qwen3-8B-4bit",
    ]
    assert lmstudio_home(tmp_path) == tmp_path / ".lmstudio"
    (tmp_path / ".lmstudio-home-pointer").write_text("/elsewhere/lm\n", encoding="utf-8")
    assert lmstudio_home(tmp_path) == Path("/elsewhere/lm")
    (tmp_path / ".lmstudio-home-pointer").write_bytes(b"\0" * 10)
    assert lmstudio_home(tmp_path) == tmp_path / ".lmstudio"


def test_a_store_in_a_circle_of_links_ends(tmp_path: Path) -> None:
    lay(tmp_path, "a/b/m.gguf")
    (tmp_path / "a" / "b" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert names("directory", tmp_path) == [("a/b/m.gguf", None)]


def test_a_store_with_endless_files_is_looked_at_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "ENTRIES_LIMIT", 3)
    lay(tmp_path, *(f"{n}.gguf" for n in range(5)))
    store, models = look_into("directory", tmp_path)
    assert len(models) == 3
    assert store.problem == "more than 3 files: the rest is not looked at"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_named_like_a_model_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.gguf")
    assert look_into("directory", tmp_path)[1] == ()


def test_a_directory_that_is_not_there_or_is_a_file_is_a_problem_that_is_said(tmp_path: Path) -> None:
    assert look_into("directory", tmp_path / "none")[0].problem == "no such file or directory"
    assert look_into("directory", lay(tmp_path, "file") / "file")[0].problem == "not a directory"


@pytest.mark.parametrize(
    ("environ", "system", "expected"),
    [
        ({}, "linux", {("ollama", "/h/.ollama/models"), ("huggingface", "/h/.cache/huggingface/hub"), ("llamacpp", "/h/.cache/llama.cpp")}),
        ({"OLLAMA_MODELS": "/o", "HF_HOME": "/hf", "LLAMA_CACHE": "/l"}, "linux", {("ollama", "/o"), ("huggingface", "/hf/hub"), ("llamacpp", "/l")}),
        ({"HF_HUB_CACHE": "/hub", "HF_HOME": "/hf"}, "darwin", {("huggingface", "/hub"), ("llamacpp", "/h/Library/Caches/llama.cpp")}),
        ({"LOCALAPPDATA": "/local"}, "windows", {("llamacpp", "/local/llama.cpp"), ("lmstudio", "/h/.lmstudio/models")}),
    ],
)  # fmt: skip
def test_each_engine_s_own_variables_say_where_its_store_is(
    environ: dict[str, str], system: str, expected: set[tuple[str, str]]
) -> None:
    assert expected <= {(kind, path.as_posix()) for kind, path in store_places(environ, Path("/h"), system)}


def test_without_a_home_only_what_variables_name_is_looked_at() -> None:
    assert store_places({"LLAMA_CACHE": "/l"}, None, "darwin") == (("llamacpp", Path("/l")),)
