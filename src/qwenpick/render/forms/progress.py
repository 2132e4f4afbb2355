"""What a person sees while they wait: a line on the terminal that goes when the answer comes. Without a terminal nothing is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

PATIENCE = 0.5  # seconds before anything is said: what is over by then needs no word


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show `text` with a spinner on stderr from half a second on, until the block ends."""
    if not sys.stderr.isatty():
        yield
        return
    line = _Line(text)
    timer = Timer(PATIENCE, line.show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        line.end()


class _Line:
    """The line: shown at most once, and never after its end."""

    def __init__(self, text: str) -> None:
        self._text, self._lock, self._over = text, Lock(), False
        self._status: Status | None = None

    def show(self) -> None:
        from rich.console import Console

        with self._lock:
            if not self._over:
                self._status = Console(stderr=True).status(self._text)
                self._status.start()

    def end(self) -> None:
        with self._lock:
            self._over = True
            if self._status:
                self._status.stop()
