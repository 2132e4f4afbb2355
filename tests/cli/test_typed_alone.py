"""Typer is handed the options that are typed; what it would make of the others is made by nobody."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
import typer

from qwenpick.cli.commands import COMMANDS, ELSEWHERE
from qwenpick.cli.common.groups import _names, typed_alone
from qwenpick.cli.fit import command as fit


def _shown(words: str, *kept: str) -> list[str]:
    return list(inspect.signature(typed_alone(fit, words.split(), kept)).parameters)


ALL = list(inspect.signature(fit).parameters)


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENPICK_LANG", "en")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "catalog"])
def test_options_have_the_names_that_typer_gives_them(name: str) -> None:
    command = import_module(ELSEWHERE.get(name, f"qwenpick.cli.{name}")).command
    app = typer.Typer(add_completion=False)
    app.command(name)(command)
    made: Any = typer.main.get_command(app)
    theirs = {one.name: {*one.opts, *one.secondary_opts} for one in made.params if one.param_type_name == "option"}
    ours = {one.name: _names(one) for one in inspect.signature(command, eval_str=True).parameters.values()}
    assert {one: names for one, names in ours.items() if names} == {k: v for k, v in theirs.items() if k != "help"}


def test_a_command_has_its_arguments_and_what_is_typed_or_kept() -> None:
    assert _shown("qwen3-8b --context 8k -o a=1 --json --machine -") == [
        "ctx", "model", "context", "option", "machine", "json",
    ]  # fmt: skip
    assert _shown("qwen3-8b --sequences=2", "reserve") == ["ctx", "model", "users", "reserve"]


@pytest.mark.parametrize("words", ["-h", "qwen3-8b --contxt 8k", "qwen3-8b -oa=1", "qwen3-8b --min-speed -1"])
def test_a_command_is_whole_where_typer_is_to_tell_its_options(words: str) -> None:
    assert _shown(words) == ALL


def test_a_command_is_whole_where_a_variable_may_say_any_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENPICK_FIT_CONTEXT", "8k")
    assert _shown("qwen3-8b") == ALL
