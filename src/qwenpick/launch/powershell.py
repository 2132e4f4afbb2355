"""A launch as a PowerShell script, for boxes that run Windows: what is downloaded as comments, files written, commands in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.launch.run import Command, Launch

_SET = re.compile(r"[A-Z_][A-Z0-9_]*=")
# until Ollama's server answers: before that its programs start the app, which takes the port with settings of its own
WAIT = "while (-not (Test-NetConnection 127.0.0.1 -Port 11434 -InformationLevel Quiet)) { Start-Sleep 1 }"
# no word of these characters means anything to PowerShell, but one that begins with a number or a sign
_BARE = re.compile(r"[A-Za-z0-9_./:=+\\-]+")


def quoted(word: str) -> str:
    """The word as PowerShell takes it literally; in single quotes the quote alone is special, and the curly ones count as quotes too.

    >>> quoted("qwen3:8b"), quoted("it's"), quoted("a b; rm")
    ('qwen3:8b', "'it''s'", "'a b; rm'")
    """
    if _BARE.fullmatch(word) and not (word.startswith("-") and "." in word):  # -a.b would be two words
        return word
    return literal(word)


def literal(text: str) -> str:
    """The text in single quotes.

    >>> print(literal("a"), literal("it ends with '"))
    'a' 'it ends with '''
    """
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", text) + "'"


def line(command: Command) -> str:
    """The command with its environment before it.

    >>> from qwenpick.launch.run import Command
    >>> line(Command(("ollama", "run", "my model"), {"OLLAMA_NUM_PARALLEL": "1"}))
    "$env:OLLAMA_NUM_PARALLEL='1'; ollama run 'my model'"
    >>> line(Command(("env", "FORCE_TORCHRUN=1", "llamafactory-cli", "train")))
    "$env:FORCE_TORCHRUN='1'; llamafactory-cli train"
    """
    argv, env = list(command.argv), dict(command.env)
    if argv[0] == "env":  # which Windows has not
        del argv[0]
        while _SET.match(argv[0]):
            name, _equals, value = argv.pop(0).partition("=")
            env[name] = value
    words = [quoted(word) for word in argv]
    if words[0].startswith("'"):
        words[0] = f"& {words[0]}"
    return "".join(f"$env:{name}={literal(value)}; " for name, value in env.items()) + " ".join(words)


def in_background(command: Command) -> str:
    """The command in a window of its own, so that the next one can follow."""
    return f"Start-Process powershell -ArgumentList '-NoExit', '-Command', {literal(line(command))}"


def written(name: str, text: str) -> str:
    """The file as bytes of UTF-8 without a mark: Set-Content of Windows PowerShell 5 would put one before it."""
    return f"[IO.File]::WriteAllText((Join-Path $PWD {quoted(name)}), {literal(text)})"


def script(planned: Launch, comments: Iterator[str]) -> Iterator[str]:
    """The lines of the script after `comments`, which begin with # in both shells."""
    yield from comments
    if any('"' in word for command in (planned.serve, *planned.prepare) for word in command.argv):
        yield _("# for PowerShell 7.3 and newer: older ones take the double quotes out of arguments")
    for name, text in planned.files.items():
        yield written(name, text)
    for command in planned.prepare:
        yield f"# {command.purpose}"
        yield in_background(command) if command.argv[-1] == "serve" else line(command)
        if command.argv[-1] == "serve":
            yield WAIT
    for command in planned.others:
        yield f"# {command.purpose}: {line(command)}"
    yield line(planned.serve)
