"""One command in a process of its own, with what it took: nothing may take over 5 seconds of a desktop's processor or 500 MiB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.pace import slowness

SECONDS, MIB = 5.0 * slowness(), 500
DEADLINE = 90  # seconds of wall clock: a busy machine is slow, one that hangs does not end


@dataclass(frozen=True)
class Bounded:
    """What a command printed, its exit code, and the seconds of processor and MiB that it took."""

    out: str
    err: str
    code: int
    seconds: float
    mib: float


def qwenpick(
    *arguments: str | bytes,
    environ: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    cwd: Path | None = None,
    command: Sequence[str] = (),
) -> Bounded:
    """Run `qwenpick` with these arguments in a process of its own; `environ` replaces the environment but for what Python needs."""
    base = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path if entry),
    }
    env = {**os.environ, **base} if environ is None else {**base, **environ}
    words = [*(command or [sys.executable, "-m", "qwenpick"]), *arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        streams = [file.fileno() for file in (given, out, err)]
        asked = {
            "words": [_text(word) for word in words],
            "env": {_text(name): _text(value) for name, value in env.items()},
            "cwd": _text(cwd or Path.cwd()),
            "streams": streams,
            "deadline": DEADLINE,
        }
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", STARTER], input=json.dumps(asked).encode(), capture_output=True, pass_fds=streams, check=True
        )  # fmt: skip
        status, seconds, mib = json.loads(ended.stdout)
        out.seek(0)
        err.seek(0)
        return Bounded(
            out.read().decode("utf-8", "replace"),
            err.read().decode("utf-8", "replace"),
            os.waitstatus_to_exitcode(status),
            seconds,
            mib,
        )


# Linux counts the memory of the process that starts another as this one's too, until it runs its own program. So a small one starts it.
STARTER = """
import json, os, signal, sys
asked = json.load(sys.stdin)
raw = lambda text: text.encode("latin-1")
pid = os.fork()
if not pid:
    for at, number in enumerate(asked["streams"]):
        os.dup2(number, at)
    os.closerange(3, 1024)
    for name in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    os.chdir(raw(asked["cwd"]))
    os.execvpe(raw(asked["words"][0]), list(map(raw, asked["words"])), {raw(name): raw(value) for name, value in asked["env"].items()})
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
signal.alarm(asked["deadline"])
_, status, used = os.wait4(pid, 0)
print(json.dumps([status, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def _text(value: str | bytes | Path) -> str:
    """The bytes of a word as the system has them, a character a byte."""
    return os.fsencode(value).decode("latin-1")


def check(result: Bounded, codes: Sequence[int] = (0, 1, 2, 3)) -> None:
    """Holds for every input: a right code, one sentence instead of a traceback, and bounds."""
    assert result.code in codes, (result.code, result.err[-600:])
    assert "Traceback" not in result.err, result.err[-1500:]
    assert result.seconds < SECONDS and result.mib < MIB, (result.seconds, result.mib)
