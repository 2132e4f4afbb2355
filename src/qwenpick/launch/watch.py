"""A server that is watched while it starts: its output is passed on and kept, and once it answers, whoever asked sees what it said so far."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch.execute import Runner, passed_on, started

KEPT_LINES, WIDTH = 100_000, 20_000  # of a log; the rest is passed on and not kept
# seconds between health checks; without a new line, and at most, before the log is taken as complete
EVERY, QUIET, LONGEST = (0.2, 0.3, 5.0)


def watched(port: int, told: Callable[[str], int | None]) -> Runner:
    """A runner of a server that listens on `port`.

    `told` gets the log so far once the server answers its health check; where it gives a code, the server is stopped and that is the exit code.
    Otherwise the server goes on, and the exit code is its own; so it is where it ends before it ever answers.
    """

    def run(argv: Sequence[str], env: Mapping[str, str], directory: Path) -> int:
        if _listens(port):
            raise QwenpickError(_("port {port} is taken: stop what listens there first", port=port))
        process = started(argv, env, directory, piped=True)
        log = _Log(process.stdout)
        with passed_on(process):
            code = told(log.settled()) if _ready(process, port) else None
            if code is None:
                code = _ended(process)
        log.close()
        return code

    return run


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code of the server when it ends; Ctrl-C reaches it too, and it says when it ends."""
    while True:
        try:
            code = process.wait()
            return 128 - code if code < 0 else code
        except KeyboardInterrupt:
            continue


def _ready(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether it answers its health check, waited for as long as it runs: weights may have to be fetched first."""
    while process.poll() is None:
        try:
            if _healthy(port):
                return process.poll() is None
            time.sleep(EVERY)
        except KeyboardInterrupt:
            continue
    return False


def _healthy(port: int) -> bool:
    """Whether /health is answered with 200; llama-server says 503 while it loads."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _Log:
    """The server's output: passed on to stderr as it comes, and kept."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self._stream, self._lines, self._last = stream, list[bytes](), time.monotonic()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def settled(self) -> str:
        """What it said so far, once it is quiet: lines may come after the answer that they are about."""
        begun = time.monotonic()
        while time.monotonic() < min(begun + LONGEST, max(begun, self._last) + QUIET):
            time.sleep(QUIET / 3)
        return b"".join(self._lines).decode("utf-8", "replace")

    def close(self) -> None:
        """Pass on what is left, of a server that ended."""
        self._thread.join(2)

    def _read(self) -> None:
        out = getattr(sys.stderr, "buffer", None)
        while line := self._stream.readline(WIDTH):
            if len(self._lines) < KEPT_LINES:
                self._lines.append(line)
            self._last = time.monotonic()
            if out is not None:
                out.write(line)
                out.flush()
