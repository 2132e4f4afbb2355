"""The command line: arguments in, one library call, one renderer. One file per command, imported only when it is asked for."""

from __future__ import annotations

import gc
import os
import sys
from types import ModuleType

from qwenpick.cli.commands import COMMANDS
from qwenpick.i18n import LANGUAGES, _, chosen, language, retell, use

INTERNAL_ERROR = 70  # sysexits.h EX_SOFTWARE: qwenpick itself failed, which is neither "fits" nor "does not fit"
_YES = frozenset({"1", "true", "t", "yes", "y", "on"})  # what an environment variable says for a flag
INTERRUPTED, PIPE_CLOSED = 130, 141  # 128 + SIGINT, 128 + SIGPIPE, as shells have them


def main() -> None:
    """The entry point of the `qwenpick` script."""
    start_fast()
    code = run(sys.argv[1:])
    gc.freeze()  # else the interpreter looks through all that was made once more before it ends, in 30 to 90 ms
    sys.exit(code)


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
    try:
        use("en")
        name, arguments = chosen(arguments, os.environ.get("QWENPICK_LANG"))
        if not use(name):
            raise _no_language(name)
        if "--json" in arguments:
            use("en")
        from qwenpick.cli.app import build

        code = build(arguments)(arguments, standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as stop:
        closed = isinstance(
            stop.__context__, BrokenPipeError
        )  # Typer makes of it exit code 1, which has a meaning here
        return _leave_pipe() if closed else int(stop.code or 0)
    except BrokenPipeError:  # `qwenpick models | head`
        return _leave_pipe()
    except Exception as error:
        return report(error, arguments)
    return code if isinstance(code, int) else 0


def _leave_pipe() -> int:
    """Let what is still to be written go nowhere; the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return PIPE_CLOSED


def _no_language(name: str) -> Exception:
    from qwenpick.errors import QwenpickError, did_you_mean

    return QwenpickError(
        _(
            "there is no language '{name}'{near} (known: {known})",
            name=name,
            near=did_you_mean(name, LANGUAGES),
            known=", ".join(LANGUAGES),
        )
    )


def report(error: Exception, arguments: list[str]) -> int:
    """Say what was wrong on stderr, and on stdout as JSON where JSON was asked for; the exit code."""
    import typer

    from qwenpick.errors import QwenpickError

    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, QwenpickError):
        code, message = error.exit_code, str(error)
        print(f"qwenpick: {message}", file=sys.stderr)  # noqa: T201
    elif hasattr(error, "format_message") and hasattr(
        error, "show"
    ):  # Typer's own: an option or argument it cannot read
        code, message = 2, retell(error.format_message())
        if language() == "en":
            error.show()
        else:
            print(f"qwenpick: {message}", file=sys.stderr)  # noqa: T201
    else:
        import traceback

        traceback.print_exception(error)
        print(f"qwenpick: {_('this is a bug in qwenpick; please report it with the lines above')}", file=sys.stderr)  # noqa: T201
        code, message = INTERNAL_ERROR, f"internal error: {error}"
    command = next((word for word in arguments if word in COMMANDS), "")
    if wants_json(command, arguments):
        from qwenpick.render.envelope import print_json

        print_json(command, {"error": {"message": message, "exit_code": code}})
    return code


def wants_json(command: str, arguments: list[str]) -> bool:
    """Whether JSON was asked for, by an option or by its environment variable, on a command line that may not be readable."""
    flag, form = (os.environ.get(f"QWENPICK_{command}_{name}".upper(), "").casefold() for name in ("json", "format"))
    said = " ".join(arguments).replace("--format=", "--format ")
    return "--json" in arguments or "--format json " in f"{said} " or flag in _YES or form == "json"
