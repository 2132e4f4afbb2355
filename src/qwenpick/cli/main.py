"""The command line: arguments in, one library call, one renderer. One file per command, imported only when it is asked for."""

from __future__ import annotations

import gc
import os
import sys
from itertools import pairwise
from types import ModuleType

from qwenpick.cli.commands import COMMANDS, is_completing
from qwenpick.cli.common.defaults import default_map, defaults, no_language
from qwenpick.cli.common.streams import LONGEST, abandon, can_write, prepare, tell, tell_as_it_is
from qwenpick.errors import QwenpickError, did_you_mean, shown
from qwenpick.i18n import _, chosen, is_known, language, use

INTERNAL_ERROR = 70  # sysexits.h EX_SOFTWARE: qwenpick itself failed, which is neither "fits" nor "does not fit"
ROOT_OPTIONS = ("--help", "--version", "--install-completion", "--show-completion")  # before any command
_YES = frozenset({"1", "true", "t", "yes", "y", "on"})  # what an environment variable says for a flag
UNWRITTEN = 74  # sysexits.h EX_IOERR: the answer could not be written
INTERRUPTED, PIPE_CLOSED = 130, 141  # 128 + SIGINT, 128 + SIGPIPE, as shells have them


def main() -> None:
    """The entry point of the `qwenpick` script."""
    start_fast()
    sys.exit(run(sys.argv[1:]))


def start_fast() -> None:
    """Spare a process of its own what a command does not need: garbage collection, and the search for pydantic's plugins.

    A command is over before collecting what it no longer needs pays off (a sixth of the time of `recommend`, for 20 MB). Pydantic's search imports
    importlib.metadata, email and csv, in 35 ms; nothing is registered for it where its loader, of 2.0 to 2.14, is replaced by one that finds none.
    """
    gc.disable()
    loader = ModuleType("pydantic.plugin._loader")
    loader.get_plugins = tuple  # type: ignore[attr-defined]
    sys.modules.setdefault(loader.__name__, loader)


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code."""
    writable = True
    try:
        writable = prepare()
        use("en")
        kept = defaults()
        said = os.environ.get("QWENPICK_LANG") or kept.get("lang") or _of_the_terminal()
        name, arguments = chosen(arguments, said)
        if not use(name, typed=name != said):
            raise no_language(name)
        if language() != "en" and not can_write("中文"):
            use("en")
            tell(_no_characters())
        if "--json" in arguments:
            use("en")
        if not arguments:
            arguments = ["recommend"]  # what people who type nothing more want to know
            if not is_completing():
                tell(_("qwenpick -h lists what else can be asked"))
        elif _is_bare(arguments):
            arguments = ["recommend", *arguments]
        if blank := _blank(arguments):
            raise QwenpickError(_("{name} needs a value", name=blank))
        if any(word.partition("=")[0] == "--html" for word in arguments):
            note(arguments)
        from qwenpick.cli.app import build

        usual = default_map(kept, arguments)
        code = build(arguments, usual)(arguments, standalone_mode=False, default_map=usual)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as stop:
        # Typer makes of it exit code 1, which has a meaning here
        closed = isinstance(stop.__context__, BrokenPipeError)
        return _leave_pipe() if closed else int(stop.code or 0)
    except BrokenPipeError:  # `qwenpick models | head`
        return _leave_pipe()
    except Exception as error:
        return report(error, arguments)
    if not writable:
        return _unwritten("stdout is closed")
    return code if isinstance(code, int) else 0


def _is_bare(arguments: list[str]) -> bool:
    """Whether options alone were typed, which are `recommend`'s: `qwenpick --task coding`."""
    first = arguments[0].partition("=")[0]
    return (
        first.startswith("--")
        and COMMANDS.keys().isdisjoint(arguments)
        and first not in ROOT_OPTIONS
        and not did_you_mean(first, ROOT_OPTIONS)
    )


def _blank(arguments: list[str]) -> str | None:
    """The first option whose value is empty, as where a script's variable is not set: it would be taken for an option that was not typed."""
    for word, following in pairwise((*arguments, "-")):
        name, equals, value = word.partition("=")
        if name.startswith("-") and name.strip("-") and not (value if equals else following).strip():
            return name
    return None


def note(arguments: list[str]) -> None:
    """Note what was typed, for the page that names it."""
    from qwenpick.render.forms import output

    output.typed[:] = arguments


def _of_the_terminal() -> str | None:
    """The system's language where it is one of ours and a person reads the answer, on a terminal: what a program reads does not change by it."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    said = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return said if is_known(said) else None


def _leave_pipe() -> int:
    """Let what is still to be written go nowhere; the exit code."""
    abandon()
    return PIPE_CLOSED


def _unwritten(why: str) -> int:
    """Say that the answer could not be written; the exit code."""
    tell(_("the answer could not be written: {why}", why=why))
    abandon()
    return UNWRITTEN


def _no_characters() -> str:
    return _("stdout's encoding ({encoding}) has no Chinese characters: this is English", encoding=sys.stdout.encoding)


def report(error: Exception, arguments: list[str]) -> int:
    """Say what was wrong on stderr, and on stdout as JSON where JSON was asked for; the exit code, whatever can be said of it."""
    code = (
        getattr(error, "exit_code", 2)
        if hasattr(error, "format_message")
        else getattr(error, "exit_code", INTERNAL_ERROR)
    )
    try:
        return _report(error, arguments)
    except BrokenPipeError:
        abandon()
    except Exception:  # no room on the disk, no stdout: what was wrong before stays what is wrong
        abandon()
    return code if isinstance(code, int) else INTERNAL_ERROR


def _report(error: Exception, arguments: list[str]) -> int:
    import typer

    from qwenpick.bounded import reason

    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, OSError) and error.filename is None and not isinstance(error, ConnectionError):
        return _unwritten(reason(error))
    from qwenpick.cli.common.typed import typed_wrong, unquoted

    if isinstance(error, QwenpickError):
        code, message = error.exit_code, (unquoted(arguments) if error.exit_code == 2 else None) or str(error)
        tell(message)
    elif isinstance(error, OSError):  # a path that nobody may look at, or that no system has
        code, message = 2, f"'{shown(error.filename)}': {reason(error)}"
        tell(message)
    # Typer's own: an option or argument it cannot read
    elif hasattr(error, "format_message") and hasattr(error, "show"):
        code, message = 2, unquoted(arguments) or typed_wrong(error, arguments)
        tell(f"{message} {_help_of(error, arguments)}")
    else:
        import traceback

        tell_as_it_is("".join(traceback.format_exception(error)))
        tell(_("this is a bug in qwenpick; please report it with the lines above"))
        code, message = INTERNAL_ERROR, f"internal error: {error}"
    command = next((word for word in arguments if word in COMMANDS), "")
    if wants_json(command, arguments):
        from qwenpick.render.forms.envelope import print_json

        print_json(command, {"error": {"message": shown(message, LONGEST), "exit_code": code}})
        sys.stdout.flush()
    return code


def _help_of(error: Exception, arguments: list[str]) -> str:
    """Where the options are listed of the command that Typer could not read."""
    from qwenpick.cli.common.typed import read_as

    command = f"qwenpick {read_as(error, arguments)}".rstrip()
    return _("({command} -h lists what it takes)", command=command)


def wants_json(command: str, arguments: list[str]) -> bool:
    """Whether JSON was asked for, by an option or by its environment variable, on a command line that may not be readable."""
    flag, form = (os.environ.get(f"QWENPICK_{command}_{name}".upper(), "").casefold() for name in ("json", "format"))
    said = " ".join(arguments).replace("--format=", "--format ")
    return "--json" in arguments or "--format json " in f"{said} " or flag in _YES or form == "json"
