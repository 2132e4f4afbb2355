"""One command in a process of its own, with what it took: nothing may take over 5 seconds of a desktop's processor or 500 MiB."""

from __future__ import annotations

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
        process = subprocess.Popen(words, stdin=given, stdout=out, stderr=err, env=env, cwd=cwd)
        try:
            process.wait(DEADLINE) if not hasattr(os, "wait4") else None
            _pid, status, usage = _wait(process)
        finally:
            if process.poll() is None:
                process.kill()
        out.seek(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return Bounded(
            out.read().decode("utf-8", "replace"),
            err.read().decode("utf-8", "replace"),
            code,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
        )


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, int, os.struct_rusage]:  # type: ignore[name-defined]
    """The end of the process, by force at the deadline."""
    import threading

    timer = threading.Timer(DEADLINE, process.kill)
    timer.start()
    try:
        found = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(found[1])
        return found
    finally:
        timer.cancel()


def check(result: Bounded, codes: Sequence[int] = (0, 1, 2, 3)) -> None:
    """Holds for every input: a right code, one sentence instead of a traceback, and bounds."""
    assert result.code in codes, (result.code, result.err[-600:])
    assert "Traceback" not in result.err, result.err[-1500:]
    assert result.seconds < SECONDS and result.mib < MIB, (result.seconds, result.mib)
