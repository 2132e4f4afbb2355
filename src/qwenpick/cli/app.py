"""The Typer app: the command that is asked for in full, the others as their one help line."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Annotated

import typer

from qwenpick.cli import COMMANDS


def build(arguments: list[str]) -> typer.Typer:
    """The app, with the command that `arguments` names imported. Completion (which has its words in COMP_WORDS, not in argv) gets all of them."""
    app = typer.Typer(
        name="qwenpick",
        help="Which Qwen model should run on this hardware, at which precision, in which runtime, and will it really fit?",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "QWENPICK"},
    )
    app.callback()(_root)
    completing = any(name.endswith("QWENPICK_COMPLETE") for name in os.environ)
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    for name, line in COMMANDS.items():
        if name != wanted and not completing:
            app.command(name, help=line)(_stub)
            continue
        module = import_module(f"qwenpick.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=line)
        else:
            app.command(name, help=module.command.__doc__)(module.command)
    return app


def _stub() -> None:
    """Stands for a command that was not asked for."""


def _print_version(asked: bool) -> None:
    if asked:
        from qwenpick import __version__

        typer.echo(f"qwenpick {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, allow_from_autoenv=False, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """The options before the command."""
