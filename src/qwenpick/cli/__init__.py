"""The command line: arguments in, one library call, one renderer. One file per command, imported only when it is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

# name -> the line that `qwenpick --help` shows. The command is cli/<name>.py's `command`, or its `app` where it has subcommands.
COMMANDS = {
    "recommend": "Which Qwen should I run on this box?",
    "fit": "Will this model run here, and if not, what would make it? (the exit code is the answer)",
    "plan": "What hardware does this model need; which GPU to buy or rent?",
    "compare": "Models side by side on one box, or GPUs side by side for one model.",
    "replace": "What supersedes this model in the same memory?",
    "launch": "The command line that starts a model as planned.",
    "check": "Check a file of requirements in one run, for CI.",
    "verify": "Was the prediction right? Read an engine's log.",
    "machine": "What is in this box, as qwenpick sees it.",
    "doctor": "What is wrong with this box, and how to mend it.",
    "models": "The models we know, and everything about one.",
    "gpus": "The GPUs we know, and everything about one.",
    "catalog": "Check or extend the catalogue.",
    "schema": "The JSON Schema of a command's --json.",
}


def main() -> None:
    """The entry point of the `qwenpick` script."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from qwenpick import __version__

        print(f"qwenpick {__version__}")  # noqa: T201
        return
    try:
        build(arguments)()
    except BrokenPipeError:  # `qwenpick models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        from qwenpick.errors import QwenpickError

        if not isinstance(error, QwenpickError):
            raise
        sys.exit(report(error, arguments))


def report(error: Exception, arguments: list[str]) -> int:
    """Say what was wrong on stderr, and on stdout as JSON where JSON was asked for; the exit code."""
    code: int = getattr(error, "exit_code", 2)
    print(f"qwenpick: {error}", file=sys.stderr)  # noqa: T201
    if "--json" in arguments:
        from qwenpick.render.envelope import print_json

        command = next((word for word in arguments if word in COMMANDS), "")
        print_json(command, {"error": {"message": str(error), "exit_code": code}})
    return code


def build(arguments: list[str]) -> typer.Typer:
    """The Typer app, with the command that `arguments` names in full and the others as their one help line.

    Completion (which names the words in COMP_WORDS, not in argv) gets all commands in full.
    """
    import typer

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


def _root() -> None:
    """Which Qwen model should run on this hardware, at which precision, in which runtime, and will it really fit?"""
