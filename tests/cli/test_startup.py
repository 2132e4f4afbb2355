"""What a command does not import, and that what it keeps between runs is never stale. Times are in benchmarks/startup.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qwenpick.catalog import load
from qwenpick.catalog.read import shipped_files

HEAVY = {
    "yaml", "rich", "psutil", "pynvml", "importlib.metadata", "email.message", "numpy", "huggingface_hub",
    "qwenpick.runtimes.mlx", "qwenpick.training.estimate", "qwenpick.machine.probe",
}  # fmt: skip
OTHER_ENGINES = {f"qwenpick.runtimes.{name}" for name in ("sglang", "transformers", "ollama")}  # vLLM is compared
FIT = ["fit", "qwen3-8b", "--quant", "4bit", "--gpu", "rtx 4090", "--ram", "64GiB", "--json"]


def run(arguments: list[str], cache: Path) -> subprocess.CompletedProcess[str]:
    """A process of its own, as the script starts it; the names of all modules it imported are its stderr."""
    code = (
        "import sys\n"
        "from qwenpick.cli.main import run, start_fast\n"
        "start_fast()\n"
        f"run({arguments!r})\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "XDG_CACHE_HOME": str(cache)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)


def test_json_imports_nothing_that_it_does_not_need_and_the_first_run_and_the_second_say_the_same(
    tmp_path: Path,
) -> None:
    first = run(FIT, tmp_path)  # reads the YAML, which is kept as JSON
    second = run(FIT, tmp_path)
    assert first.stdout == second.stdout and second.stdout.startswith("{")
    assert not (HEAVY | OTHER_ENGINES) & set(second.stderr.split())
    picks = run(["recommend", "--gpu", "rtx 4090", "--ram", "64GiB", "--json"], tmp_path)
    assert picks.stdout.startswith("{")
    assert not HEAVY & set(picks.stderr.split())


@pytest.mark.usefixtures("another_catalogue")
def test_an_edited_catalogue_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = [tmp_path / path.name for path in shipped_files()]
    for copy, path in zip(edited, shipped_files(), strict=True):
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(sys.modules["qwenpick.catalog.read"], "shipped_files", lambda: tuple(edited))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
    assert load(own=False).models["qwen3-8b"].name == load(own=False).models["qwen3-8b"].name == "Qwen3-8B"
    edited[0].write_text(
        edited[0].read_text(encoding="utf-8").replace("name: Qwen3-8B\n", "name: Renamed\n"), encoding="utf-8"
    )
    assert load(own=False).models["qwen3-8b"].name == "Renamed"
