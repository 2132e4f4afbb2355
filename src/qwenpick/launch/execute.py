"""Carrying a launch out: files written, preparations run, then the server, each without a shell between."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from qwenpick.bounded import reason
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch.run import Command, Launch
from qwenpick.storage import folder, private, write_whole

OLLAMA_PORT = 11434
Runner = Callable[[Sequence[str], Mapping[str, str], Path], int]


def execute(planned: Launch, directory: Path, run: Runner | None = None, serve: Runner | None = None) -> int:
    """The exit code of the server, or of the first preparation that failed. Files and downloads of preparations go to `directory`.

    Raises QwenpickError for a program that is not installed. `run` takes the place of starting processes, `serve` of starting the server.
    """
    start = run or _run
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in planned.files.items():
        (directory / name).unlink(missing_ok=True)  # a link that lies there is not followed
        write_whole(directory / name, text.encode("utf-8", "surrogateescape"))
    servers: list[subprocess.Popen[bytes]] = []
    try:
        for command in planned.prepare:
            if command.argv == ("ollama", "serve"):
                servers += [] if run else [_serve_ollama(command, directory)]
                continue
            if code := start(_found(command, run), {**os.environ, **command.env}, directory):
                return code
        return (serve or start)(_found(planned.serve, run), {**os.environ, **planned.serve.env}, directory)
    except OSError as problem:
        raise QwenpickError(
            _("cannot write to {directory}: {reason}", directory=directory, reason=reason(problem))
        ) from None
    finally:
        for server in servers:
            _stop(server)


def own_directory(name: str) -> Path:
    """Where a launch writes its files: ours alone, since programs are started in it. Raises QwenpickError where there is none."""
    found = folder("launch")
    directory = private(found / name) if found else None
    if directory is None:
        raise QwenpickError(
            _(
                "there is no cache directory that nobody else can write to, so nothing is started in it (XDG_CACHE_HOME moves it)"
            )
        )
    return directory


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
    """The exit code of a program that gets the signals that we get, and ends when we do; 128 + N for one that a signal N ended."""
    with passed_on(started(argv, env, directory)) as process:
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:  # Ctrl-C reaches the whole group, the program too: it says when it ends
                continue
    return 128 - code if code < 0 else code


def started(
    argv: Sequence[str], env: Mapping[str, str], directory: Path, *, piped: bool = False
) -> subprocess.Popen[bytes]:
    """The program, started; `piped`, its output and errors come through one pipe. Raises QwenpickError where the system cannot run the file."""
    output, errors = (subprocess.PIPE, subprocess.STDOUT) if piped else (None, None)
    try:
        return subprocess.Popen(argv, env=env, cwd=directory, stdout=output, stderr=errors)
    except OSError as problem:
        raise QwenpickError(
            _("'{program}' could not be started: {reason}", program=argv[0], reason=reason(problem))
        ) from None


@contextmanager
def passed_on(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """While the block runs, SIGTERM and SIGHUP go to the program; whatever ends the block ends the program."""
    before = {}
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and threading.current_thread() is threading.main_thread():
            before[number] = signal.signal(number, lambda received, _frame: process.send_signal(received))
    try:
        yield process
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a program that still runs: it is asked, and after ten seconds it is made to."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _serve_ollama(command: Command, directory: Path) -> subprocess.Popen[bytes]:
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
    return started(_found(command, None), {**os.environ, **command.env}, directory)
