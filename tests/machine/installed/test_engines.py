"""Engines are found by their programs and packages, and nothing is started."""

from __future__ import annotations

from pathlib import Path

from qwenpick.machine.installed.engines import Engine, installed_engines


def found(
    programs: dict[str, str], packages: dict[str, str], places: set[str], home: Path | None
) -> tuple[Engine, ...]:
    return installed_engines(home, which=programs.get, package=packages.get, exists=places.__contains__)


def test_a_program_on_the_path_comes_before_a_package_of_it() -> None:
    engines = found({"vllm": "/usr/bin/vllm"}, {"vllm": "/site/vllm/__init__.py"}, set(), None)
    assert engines == (Engine("vllm", "/usr/bin/vllm"),)


def test_a_package_alone_is_an_engine() -> None:
    assert found({}, {"mlx_lm": "/site/mlx_lm/__init__.py", "transformers": "/site/t.py"}, set(), None) == (
        Engine("mlx", "/site/mlx_lm/__init__.py"),
        Engine("transformers", "/site/t.py"),
    )


def test_lm_studio_is_found_where_its_installer_puts_it() -> None:
    place = "/home/me/.lmstudio/bin/lms"
    assert found({}, {}, {place}, Path("/home/me")) == (Engine("lmstudio", place),)


def test_without_a_home_directory_nothing_of_it_is_looked_at() -> None:
    assert found({}, {}, {"~/.lmstudio/bin/lms"}, None) == ()


def test_this_machine_is_looked_at_without_an_error() -> None:
    assert all(engine.path for engine in installed_engines(Path.home()))
