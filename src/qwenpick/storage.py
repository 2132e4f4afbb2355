"""What is kept between runs, in the person's cache directory: files that are data, not code, and only where nobody else can write.

Every failure to read or write means to work it out again.
"""

from __future__ import annotations

import atexit
import errno
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from qwenpick.bounded import read_bytes, reason
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _

KEPT = 2  # files: of this code and of another
FILE_LIMIT = 32 * 2**20  # bytes; the shipped catalogue takes 1 MiB
MOST = 4000  # results in a file, which takes 1.5 ms to read when full (a fleet of 1,000 boxes leaves 2,800); the oldest go first


def user_directory(kind: Literal["cache", "config", "data"]) -> Path | None:
    """qwenpick's own directory of that kind; None where there is none: no HOME and no passwd entry, as in containers, or a relative one."""
    if sys.platform.startswith("linux") and "ANDROID_ROOT" not in os.environ:
        # freedesktop.org's own rule: what knows all platforms takes 5 ms to import
        variable, usual = {"cache": ("XDG_CACHE_HOME", "~/.cache"), "config": ("XDG_CONFIG_HOME", "~/.config"),
                           "data": ("XDG_DATA_HOME", "~/.local/share")}[kind]  # fmt: skip
        said = os.environ.get(variable, "").strip()
        home = Path(said if said.startswith("/") else os.path.expanduser(usual))  # noqa: PTH111 (HOME may be missing)
        return home / "qwenpick" if home.is_absolute() else None
    import platformdirs

    try:
        found = Path(getattr(platformdirs, f"user_{kind}_dir")("qwenpick", appauthor=False))
    except (OSError, RuntimeError, KeyError):
        return None
    return found if found.is_absolute() else None


def folder(name: str) -> Path | None:
    """A directory of the cache, made if need be; None where it cannot be made or others may write to it."""
    cache = user_directory("cache")
    return private(cache / name) if cache else None


def private(directory: Path) -> Path | None:
    """The directory, made if need be, where it and what leads to it are ours: nobody else can put a file into it or another in its place.

    None where it cannot be made, where it belongs to another person, and where others may write to it or, without the sticky bit, above it.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.mkdir(exist_ok=True, mode=0o700)
        if not hasattr(os, "getuid"):
            return directory
        own = directory.lstat()
        above = [place.lstat() for place in (*directory.parents, *directory.resolve().parents)]
    except (OSError, RuntimeError, ValueError):
        return None
    ours = stat.S_ISDIR(own.st_mode) and own.st_uid == os.getuid() and not own.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return directory if ours and all(map(_trusted, above)) else None


def _trusted(place: os.stat_result) -> bool:
    """Whether what lies above a directory keeps it in its place: it is root's or ours, and others cannot rename in it."""
    if place.st_uid not in (0, os.getuid()):
        return False
    return stat.S_ISLNK(place.st_mode) or not place.st_mode & stat.S_IWOTH or bool(place.st_mode & stat.S_ISVTX)


def write_whole(path: Path, content: bytes, mode: int | None = None) -> None:
    """Writes a file, all of it or nothing; what a full disk leaves is removed. Raises OSError."""
    import tempfile

    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".tmp")  # new, ours alone
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        if mode is not None:
            Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_file(path: Path, text: str) -> None:
    """Write a file that a person named: whole, or not at all, so that a full disk leaves what was there. Raises QwenpickError.

    What is no regular file (a pipe, /dev/stdout), and a file in a directory that takes no new ones, is written to directly.
    """
    content = text.encode()
    try:
        there = path.exists()
        if there and (not path.is_file() or not os.access(path.resolve().parent, os.W_OK)):
            path.write_bytes(content)
        elif there and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        else:
            os.umask(mask := os.umask(0o077))
            whole = path.resolve()
            write_whole(whole, content, stat.S_IMODE(whole.stat().st_mode) if there else 0o666 & ~mask)
    except (OSError, RuntimeError) as problem:
        raise QwenpickError(_("cannot write {path}: {problem}", path=path, problem=reason(problem))) from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While the block runs, no other process is in a block of the same path. Raises OSError where the lock's file cannot be made.

    Without file locks (Windows) the last writer wins.
    """
    with path.with_name(f".{path.name}.lock").open("w") as file:
        try:
            import fcntl
        except ImportError:
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def keep(path: Path, content: object) -> None:
    """Writes JSON under a line with its digest, by which `kept` knows it again. Raises OSError."""
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    write_whole(path, hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


def kept(path: Path) -> Any:
    """What `keep` wrote; None where it is not there, not whole, or not what was written."""
    try:
        digest, _unused, data = read_bytes(path, FILE_LIMIT).partition(b"\n")
        return json.loads(data) if hashlib.sha256(data).hexdigest().encode() == digest else None
    except (QwenpickError, ValueError, RecursionError):
        return None


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
            keep(path, dict([*every.items()][-MOST:]))
            for old in sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)[:-KEPT]:
                old.unlink(missing_ok=True)
        except OSError:
            return

    def _read(self) -> dict[str, Any]:
        """What the file says, where it can be read."""
        content = kept(self._path) if self._path else None
        return content if isinstance(content, dict) else {}

    @cached_property
    def _path(self) -> Path | None:
        """The file, where there may be one."""
        from qwenpick import __version__

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
