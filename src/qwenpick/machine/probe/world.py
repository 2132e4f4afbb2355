"""The one door to the outside: files below a root, commands with a time limit, the environment. Tests open it onto recorded trees."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import IO, Any

from qwenpick.bounded import open_file
from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """What a command said. `problem` is one clause (not installed, no answer in 5 s, …) and None if it ran to its end."""

    out: str = ""
    code: int | None = None
    problem: str | None = None


MOST_OUTPUT = 4 * 2**20  # bytes of what a tool prints; nvidia-smi of sixteen GPUs prints 20 KiB
MOST_FILE = 4 * 2**20  # bytes of a file of /proc or /sys

Runner = Callable[[Sequence[str], float], CommandOutput]


def run_command(command: Sequence[str], timeout: float) -> CommandOutput:
    """What `command` prints on stdout within `timeout` seconds. Never raises; whatever it prints is decoded."""
    import shutil

    executable = shutil.which(command[0])
    if executable is None:
        return CommandOutput(problem=N_("{command} is not installed", command=command[0]))
    late = N_("{command} gave no answer in {timeout:g} s", command=command[0], timeout=timeout)
    try:
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            subprocess.Popen([executable, *command[1:]], stdout=out, stderr=err, stdin=subprocess.DEVNULL) as process,
        ):
            if not _ends(process, out, timeout):
                process.kill()
                return CommandOutput(problem=late)
            out.seek(0)
            err.seek(0)
            said, complained = out.read(MOST_OUTPUT), err.read(MOST_OUTPUT)
    except (OSError, ValueError) as error:
        return CommandOutput(
            problem=N_("{command} could not be started ({kind})", command=command[0], kind=type(error).__name__)
        )
    text = said.decode("utf-8", errors="replace").replace("\r\n", "\n")
    if not text.strip():
        text = complained.decode("utf-8", errors="replace").replace("\r\n", "\n")
    return CommandOutput(text, process.returncode)


def _ends(process: subprocess.Popen[bytes], out: IO[bytes], timeout: float) -> bool:
    """Whether the program ends in time, and before it has printed more than anybody reads."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(0.05, timeout))
            return True
        if os.fstat(out.fileno()).st_size > MOST_OUTPUT:
            return False
    return False


def load_nvml() -> Any:
    """NVIDIA's Python binding. ImportError if it is not installed; importing it needs no driver."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the deprecated PyPI project `pynvml` warns on import
        import pynvml
    return pynvml


def load_psutil() -> Any:
    """psutil; ImportError if it is not installed."""
    import psutil

    return psutil


def current_system() -> str:
    """linux, darwin or windows, as sys.platform says."""
    return {"win32": "windows", "cygwin": "windows", "darwin": "darwin"}.get(sys.platform, "linux")


@dataclass(frozen=True, slots=True)
class World:
    """Where a probe looks, this box unless told otherwise. `system` is linux, darwin or windows; `timeout` are seconds of any command or driver."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    system: str = field(default_factory=current_system)
    architecture: str = field(default_factory=platform.machine)  # x86_64, aarch64, arm64, …
    run: Runner = run_command
    timeout: float = 5.0
    nvml: Callable[[], Any] = load_nvml
    psutil: Callable[[], Any] = load_psutil

    def path(self, absolute: str) -> Path:
        """The place of `absolute` below the root."""
        return self.root / absolute.lstrip("/")

    def read(self, absolute: str) -> str | None:
        """The text of a file, stripped; None if it is not there or may not be read."""
        try:
            with open_file(self.path(absolute)) as file:
                return file.read(MOST_FILE).decode("utf-8", errors="replace").strip().strip("\0")
        except (OSError, ValueError, QwenpickError):
            return None

    def number(self, absolute: str) -> int | None:
        """The integer (decimal or 0x…) that a file holds; None if it holds none."""
        return integer(self.read(absolute))

    def link(self, absolute: str) -> str | None:
        """The last name of what a link leads to (a device's driver); None where there is none."""
        try:
            return self.path(absolute).readlink().name
        except (OSError, ValueError):
            return None

    def exists(self, absolute: str) -> bool:
        """Whether something is there."""
        try:
            return self.path(absolute).exists()
        except OSError:
            return False

    def names(self, absolute: str) -> tuple[str, ...]:
        """The names in a directory, sorted, numbers by value (card2 before card10); () if it cannot be listed."""
        import re

        def by_number(name: str) -> list[tuple[int, str]]:
            return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"(\d+)", name)]

        try:
            return tuple(sorted((entry.name for entry in self.path(absolute).iterdir()), key=by_number))
        except OSError:
            return ()


@dataclass(frozen=True, slots=True)
class Found:
    """What one vendor's probe found. `unreadable` is hardware that is there and would not answer; `carved` are bytes of RAM that the
    firmware keeps for the GPU, which the system does not count as its own.
    """

    devices: tuple[Device, ...] = ()
    hidden: tuple[Device, ...] = ()
    notes: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    driver: str | None = None
    cuda: str | None = None
    carved: int = 0


def integer(text: str | None) -> int | None:
    """The integer of a string, decimal or 0x…; None if it is none.

    >>> integer("0x10de"), integer(" 42 "), integer("max"), integer(None)
    (4318, 42, None, None)
    """
    try:
        return int(text.strip(), 0) if text and text.strip().casefold().startswith("0x") else int(text or "")
    except ValueError:
        return None


def fields(text: str | None, separator: str = ":") -> dict[str, str]:
    """`key: value` lines as a dict; the first of a repeated key wins.

    >>> fields("MemTotal:  16 kB\\nMemFree: 4 kB")
    {'MemTotal': '16 kB', 'MemFree': '4 kB'}
    """
    pairs: dict[str, str] = {}
    for line in (text or "").splitlines():
        key, found, value = line.partition(separator)
        if found:
            pairs.setdefault(key.strip(), value.strip())
    return pairs
