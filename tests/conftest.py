"""What tests share: the shipped catalogue, and the command line run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from qwenpick.catalog import Catalog, load
from qwenpick.cli.main import main
from qwenpick.i18n import use

# How long an example takes says how busy the machine is.
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int


def mostly_slow(cases: Sequence[tuple[Any, ...]], quick: int) -> list[Any]:
    """The first cases as they are, the others marked `slow`: the promise is tested by plain pytest, its breadth by `.ci/run`."""
    return [*cases[:quick], *(pytest.param(*case, marks=pytest.mark.slow) for case in cases[quick:])]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


@pytest.fixture(autouse=True)
def a_person_without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the settings, caches or environment of the person who runs it."""
    home = tmp_path_factory.getbasetemp() / "home"
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home / name))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    for name in ("CUDA_VISIBLE_DEVICES", "OLLAMA_MODELS", "HF_HOME", "NO_COLOR", "FORCE_COLOR", "QWENPICK_LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A test that chose another language leaves the next one in English."""
    yield
    use("en")


@pytest.fixture
def qwenpick(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run `qwenpick` with these arguments."""

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["qwenpick", *arguments])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0 if exit_.code is None else 1
        captured = capsys.readouterr()
        return Result(captured.out, captured.err, code)

    return run


@pytest.fixture(scope="session")
def machines() -> Path:
    """Saved boxes."""
    return Path(__file__).parent / "machines"
