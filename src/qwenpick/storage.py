"""What is kept between runs, in the person's cache directory: files that are data, not code, and only where nobody else can write.

Every failure to read or write means to work it out again.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import stat
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

KEPT = 2  # files: of this code and of another
MOST = 2000  # results in a file, which takes 2 ms to read; the oldest go first


def folder(name: str) -> Path | None:
    """A directory of the cache, made if need be; None where it cannot be made or others may write to it."""
    import platformdirs

    found = Path(platformdirs.user_cache_dir("qwenpick", appauthor=False)) / name
    try:
        found.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = found.stat()
    except OSError:
        return None
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        return None
    return found


def write_at_once(path: Path, content: object) -> None:
    """Writes JSON, all of it or nothing."""
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    partial.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    partial.replace(path)


class Results:
    """Pairs of whole numbers that were worked out before, by the digest of everything they follow from.

    They follow from the code in `sources` (directories of the package) too, so a change there, or another qwenpick, begins a new file.
    """

    def __init__(self, name: str, sources: Iterable[Path]) -> None:
        self._name, self._sources = name, tuple(sources)
        self._known: dict[str, Any] | None = None
        self._new: dict[str, tuple[int, int]] = {}

    def get(self, key: str) -> tuple[int, int] | None:
        """The pair of a key; None where it is not known."""
        if self._known is None:
            self._known = self._read()
        if key in self._new:
            return self._new[key]
        match self._known.get(key):
            case [int(first), int(second)]:
                return first, second
            case _:
                return None

    def put(self, key: str, pair: tuple[int, int]) -> None:
        """Keep the pair of a key; it is written when the program ends."""
        if not self._new and self._path:
            atexit.register(self.write)
        self._new[key] = pair

    def write(self) -> None:
        """Add what is new to the file, and remove those of other code but one, which may be installed beside it."""
        path, added = self._path, self._new
        if path is None or not added:
            return
        try:
            every = {**self._read(), **added}
            write_at_once(path, dict([*every.items()][-MOST:]))
            for old in sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)[:-KEPT]:
                old.unlink(missing_ok=True)
        except OSError:
            return

    def _read(self) -> dict[str, Any]:
        """What the file says, where it can be read."""
        try:
            content = json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @cached_property
    def _path(self) -> Path | None:
        """The file, where there may be one."""
        from qwenpick.version import __version__

        digest = hashlib.sha256(__version__.encode())
        try:
            for source in self._sources:
                for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
                    if entry.name.endswith(".py"):
                        status = entry.stat()
                        digest.update(f"{entry.name} {status.st_mtime_ns} {status.st_size}".encode())
        except OSError:
            return None
        here = folder(self._name)
        return here / f"{digest.hexdigest()[:32]}.json" if here else None
