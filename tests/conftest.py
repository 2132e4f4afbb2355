"""What tests share: the shipped catalogue, and the command line run in this process."""

from __future__ import annotations

import gc
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from qwenpick.catalog import Architecture, Catalog, Model, load
from qwenpick.cli.main import main
from qwenpick.i18n import language, use

gc.disable()  # as every command does that a test runs in this process; from here on it also spares a fifth of collecting tests

# How many examples a property is tried with: by plain pytest, and by .ci/run (--hypothesis-profile broad).
# How long an example takes says how busy the machine is.
for name, examples in (("quick", 25), ("broad", 250)):
    settings.register_profile(name, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quick")


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int


Run = Callable[..., Result]  # the fixture `qwenpick`


def of(catalog: Catalog, name: str) -> tuple[Model, Architecture]:
    """A model and its architecture."""
    return catalog.models[name], catalog.architecture(catalog.models[name])


def values(qwenpick: Run, command: str) -> dict[str, Any]:
    """What a command line answers in JSON."""
    return json.loads(qwenpick(*shlex.split(command), "--json").out)  # type: ignore[no-any-return]


def mostly_slow(cases: Sequence[tuple[Any, ...]], quick: int) -> list[Any]:
    """The first cases as they are, the others marked `slow`: the promise is tested by plain pytest, its breadth by `.ci/run`."""
    return [*cases[:quick], *(pytest.param(*case, marks=pytest.mark.slow) for case in cases[quick:])]


@cache
def validator(command: str) -> Any:
    """What checks values by a command's published schema; that this is a schema itself is tested once, in tests/cli/test_contract.py."""
    from jsonschema.validators import validator_for

    from qwenpick.render.schemas import schema

    published = schema(command)
    return validator_for(published)(published)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="session", autouse=True)
def a_person_without_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the settings, caches or environment of the person who runs it."""
    own = tmp_path_factory.getbasetemp()
    shared = (
        own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    )  # what a worker keeps in the cache, another finds
    with pytest.MonkeyPatch.context() as environment:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            environment.setenv(name, str(own / "home" / name))
        environment.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        for name in ("CUDA_VISIBLE_DEVICES", "OLLAMA_MODELS", "HF_HOME", "NO_COLOR", "FORCE_COLOR", "QWENPICK_LANG"):
            environment.delenv(name, raising=False)
        environment.setenv("COLUMNS", "100")
        yield


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A test that chose another language leaves the next one in English."""
    yield
    if language() != "en":
        use("en")


@pytest.fixture
def another_catalogue(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Drops the shipped catalogue that this process has loaded, at once and when called. The next test finds it again."""
    loading = sys.modules["qwenpick.catalog.load"]
    own = lru_cache(maxsize=1)(loading._shipped.__wrapped__)
    monkeypatch.setattr(loading, "_shipped", own)
    return own.cache_clear  # type: ignore[no-any-return]


@pytest.fixture
def qwenpick(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
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
