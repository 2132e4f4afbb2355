"""The Typer app: the command that is asked for in full, the others as their one help line where it is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer

from qwenpick.cli.commands import COMMANDS, ELSEWHERE, is_completing
from qwenpick.cli.common.completion import choices
from qwenpick.cli.common.groups import typed_alone
from qwenpick.i18n import DOMAIN, LANGUAGES, LOCALE, N_, _, language


def build(arguments: list[str], kept: Mapping[str, Collection[str]] | None = None) -> Callable[..., Any]:
    """The app, with the command that `arguments` names imported. Completion (which has its words in COMP_WORDS, not in argv) gets all of them.

    The command has the options that are typed and those that are `kept` (command -> parameters that the person has defaults for), else all.
    """
    app = typer.Typer(
        name="qwenpick",
        help="Which Qwen model should run on this hardware, at which precision, in which runtime, and will it really fit?",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "QWENPICK"},
    )
    app.callback()(_root)
    completing = is_completing()
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    alone = wanted in COMMANDS and arguments[0] == wanted and not completing  # nobody will see the others
    for name, line in COMMANDS.items():
        if name != wanted and alone:
            continue
        if name != wanted and not completing:
            app.command(name, help=line)(_stub)
            continue
        module = import_module(ELSEWHERE.get(name, f"qwenpick.cli.{name}"))
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=line)
        else:
            command = module.command
            if alone and kept is not None:
                command = typed_alone(command, arguments[1:], kept.get(name, ()))
            app.command(name, help=command.__doc__)(command)
    asks = not {"-h", "--help"}.isdisjoint(arguments)
    command = typer.main.get_command(app)
    if language() != "en":
        _translate(command)
    if asks and wanted in COMMANDS:
        from qwenpick.cli.common.help import arrange

        arrange(command.commands[wanted])  # type: ignore[attr-defined]
    return command


# What Typer itself says in a help, through gettext; its errors are said anew in cli.common.typed.
_OF_TYPER = (
    N_("Arguments"),
    N_("Options"),
    N_("Commands"),
    N_("default: {default}"),
    N_("env var: {var}"),
    N_("required"),
    N_("Show this message and exit."),
    N_("Install completion for the current shell."),
    N_("Show completion for the current shell, to copy it or customize the installation."),
)


def _translate(command: Any, parent: Any = None) -> None:
    """Say the help of a command, of its options and of its subcommands in the active language, and what Typer says through gettext too."""
    import gettext
    import inspect

    os.environ["LANGUAGE"] = language()
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)
    command.format_usage = lambda ctx, formatter: formatter.write_usage(
        ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), prefix=_("Usage: ")
    )
    context = command.context_class(command, parent=parent, **command.context_settings)
    if option := command.get_help_option(context):
        option.help = _(option.help)
    command.help = _(inspect.cleandoc(command.help or ""))
    command.short_help = _(command.short_help or "") or None
    for option in command.params:
        if getattr(option, "help", None):
            option.help = _(option.help)
    for subcommand in getattr(command, "commands", {}).values():
        _translate(subcommand, context)


def _stub() -> None:
    """Stands for a command that was not asked for."""


def _print_version(asked: bool) -> None:
    if asked:
        from qwenpick import __version__
        from qwenpick.catalog.read import data_date

        typer.echo(_("qwenpick {version} (facts of {date})", version=__version__, date=data_date()))
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
        typer.Option(
            "--lang",
            metavar="NAME",
            help="The language to answer in: en or zh. JSON is in English always.",
            autocompletion=choices(*LANGUAGES),
        ),
    ] = "en",  # read by cli.run before this app is built
) -> None:
    """The options before the command."""
