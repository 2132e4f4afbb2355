"""The Typer app: the command that is asked for in full, the others as their one help line."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from qwenpick.cli import COMMANDS
from qwenpick.i18n import DOMAIN, LOCALE, language, mark, say


def build(arguments: list[str]) -> Callable[..., Any]:
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
    if language() == "en":
        return app
    command = typer.main.get_command(app)
    _translate(command)
    return command


# What Typer itself says: in a help, through gettext, and in its errors, which cli.report retells.
_OF_TYPER = (
    mark("Arguments"),
    mark("Options"),
    mark("Commands"),
    mark("default: {default}"),
    mark("env var: {var}"),
    mark("required"),
    mark("Missing command."),
    mark("No such option: {name}"),
    mark("No such option: {name} (Possible options: {names})"),
    mark("No such option: {name} Did you mean {names}?"),
    mark("Missing argument {name}."),
    mark("Missing option {name}."),
    mark("Got unexpected extra argument(s) ({words})"),
    mark("Option {name} requires an argument."),
    mark("Invalid value for {name}: {why}"),
    mark("Input should be a valid integer, unable to parse string as an integer"),
    mark("Input should be a valid number, unable to parse string as a number"),
    mark("Input should be greater than or equal to {least}"),
    mark("Input should be less than or equal to {most}"),
    mark("No such command {name!r}."),
    mark("Show this message and exit."),
    mark("Install completion for the current shell."),
    mark("Show completion for the current shell, to copy it or customize the installation."),
)


def _translate(command: Any, parent: Any = None) -> None:
    """Say the help of a command, of its options and of its subcommands in the active language, and what Typer says through gettext too."""
    import gettext
    import inspect

    os.environ["LANGUAGE"] = language()
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)
    command.format_usage = lambda ctx, formatter: formatter.write_usage(
        ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), prefix=say("Usage: ")
    )
    context = command.context_class(command, parent=parent, **command.context_settings)
    if option := command.get_help_option(context):
        option.help = say(option.help)
    command.help = say(inspect.cleandoc(command.help or ""))
    command.short_help = say(command.short_help or "") or None
    for option in command.params:
        if getattr(option, "help", None):
            option.help = say(option.help)
    for subcommand in getattr(command, "commands", {}).values():
        _translate(subcommand, context)


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
    lang: Annotated[
        str,
        typer.Option("--lang", metavar="NAME", help="The language to answer in: en or zh. JSON is in English always."),
    ] = "en",  # read by cli.run before this app is built
) -> None:
    """The options before the command."""
