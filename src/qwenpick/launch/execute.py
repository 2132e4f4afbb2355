"""Carrying a launch out: files written, preparations run, then the server, each without a shell between."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch.run import Command, Launch

OLLAMA_PORT = 11434
Runner = Callable[[Sequence[str], Mapping[str, str], Path], int]


def execute(planned: Launch, directory: Path, run: Runner | None = None) -> int:
    """The exit code of the server, or of the first preparation that failed. Files and downloads of preparations go to `directory`.

    Raises QwenpickError for a program that is not installed. `run` takes the place of starting processes.
    """
    start = run or _run
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in planned.files.items():
        (directory / name).write_text(text, encoding="utf-8")
    for command in planned.prepare:
        if command.argv == ("ollama", "serve"):
            if run is None:
                _serve_ollama(command, directory)
            continue
        if code := start(_found(command, run), {**os.environ, **command.env}, directory):
            return code
    return start(_found(planned.serve, run), {**os.environ, **planned.serve.env}, directory)


def _found(command: Command, run: Runner | None) -> Sequence[str]:
    """The command with its program's path. Raises QwenpickError where it is not on PATH."""
    program = shutil.which(command.argv[0]) or (command.argv[0] if run else None)
    if program is None:
        raise QwenpickError(
            _(
                "'{program}' is not installed, or not on PATH; without --exec the commands are only printed",
                program=command.argv[0],
            )
        )
    return (program, *command.argv[1:])


def _run(argv: Sequence[str], env: Mapping[str, str], directory: Path) -> int:
    try:
        return subprocess.run(argv, env=env, cwd=directory, check=False).returncode
    except KeyboardInterrupt:
        return 130


def _serve_ollama(command: Command, directory: Path) -> None:
    """Start Ollama's server unless one listens; a running one keeps its own settings, which is an error to be told of."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", OLLAMA_PORT)) == 0:
            wanted = " ".join(f"{name}={value}" for name, value in command.env.items())
            raise QwenpickError(
                _(
                    "Ollama's server already runs with its own settings; stop it, or start it with {wanted}",
                    wanted=wanted,
                )
            )
    subprocess.Popen(_found(command, None), env={**os.environ, **command.env}, cwd=directory)
