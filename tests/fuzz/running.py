"""One command line after the other in this process, each with its code, what it printed, and the seconds of processor that it took."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import qwenpick.catalog
from qwenpick.catalog import Catalog
from qwenpick.cli.main import run
from tests.pace import slowness

SECONDS = 5.0 * slowness()  # of processor: more is a hang
CODES = (0, 1, 2, 3)
SITES = ("Traceback", "this is a bug in qwenpick")


class Hang(BaseException):
    """A command took longer than SECONDS."""


@dataclass
class Tally:
    """What became of one kind of input."""

    kind: str
    seed: int
    inputs: int = 0
    internal: int = 0
    hangs: int = 0
    steering: int = 0
    not_json: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """How many inputs were answered wrongly in any way."""
        return self.internal + self.hangs + self.steering + self.not_json


@dataclass(frozen=True)
class Case:
    """A command line, and variables of the environment for it."""

    arguments: Sequence[str]
    environ: dict[str, str] = field(default_factory=dict)


def tally(kind: str, seed: int, cases: Iterator[Case], count: int) -> Tally:
    """Run `count` cases and count what went wrong; the first of each fault is kept with its command line."""
    found = Tally(kind, seed)
    with _loaded_once():
        for _unused, case in zip(range(count), cases, strict=False):
            _one(found, case)
    return found


def _one(found: Tally, case: Case) -> None:
    out, err = io.StringIO(), io.StringIO()
    begun = time.process_time()
    code: int | None = None
    before = dict(os.environ)
    os.environ.update(case.environ)
    try:
        with _limited(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(list(case.arguments))
    except Hang:
        found.hangs += 1
        found.failures.append(f"hang: {case}")
    except BaseException as fault:
        err.write(f"Traceback: {type(fault).__name__}: {fault}")
    finally:
        os.environ.clear()
        os.environ.update(before)
    found.inputs += 1
    found.slowest = max(found.slowest, time.process_time() - begun)
    printed = out.getvalue() + err.getvalue()
    if any(site in printed for site in SITES) or (code is not None and code not in CODES):
        found.internal += 1
        found.failures.append(f"{code}: {case}\n{err.getvalue()[-800:]}")
    if (
        any(ord(c) < 32 and c != "\n" for c in printed)
        or "\x7f" in printed
        or any(line.startswith("::") for line in printed.splitlines())
    ):
        found.steering += 1
        found.failures.append(f"steering: {case}\n{printed[:300]!r}")
    if "--json" in case.arguments and out.getvalue() and not _is_json(out.getvalue()):
        found.not_json += 1
        found.failures.append(f"not JSON: {case}\n{out.getvalue()[:300]}")


def _is_json(text: str) -> bool:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raises Hang in the block once it has used SECONDS of processor."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def _loaded_once() -> Iterator[None]:
    """While the block runs, the shipped catalogue is loaded once: commands that lay nothing over it share it."""
    real = qwenpick.catalog.load
    shipped: Catalog = real(own=False)

    def load(overlays: Any = (), *, own: bool = True) -> Catalog:
        return real(overlays, own=own) if overlays else shipped

    modules = [module for module in list(sys.modules.values()) if getattr(module, "load", None) is real]
    for module in modules:
        module.load = load  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in modules:
            module.load = real  # type: ignore[attr-defined]
