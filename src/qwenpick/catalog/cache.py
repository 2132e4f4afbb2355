"""The shipped catalogue, parsed and kept as a line of JSON an entry: reading YAML takes 130 ms, finding these lines 1 ms, and few are then read.

The name of a cache file follows from the content it was made from (its lengths and CRC-32 sums) and from qwenpick's version, so it is not stale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from pathlib import Path
from typing import Any
from zlib import crc32

from pydantic_core import from_json

from qwenpick.bounded import read_bytes
from qwenpick.errors import QwenpickError
from qwenpick.storage import FILE_LIMIT, folder, write_whole

SHIPPED = ("models.yaml", "files.json", "derivatives.yaml", "gpus.yaml", "cloud.yaml")  # the files of a catalogue
NAMES = (*SHIPPED, "date")
KEPT = 2  # catalogues: of this qwenpick and of another that is installed beside it


def cached(
    contents: Sequence[bytes], kinds: Sequence[str], build: Callable[[], dict[str, Any]]
) -> Callable[[str], Any]:
    """A reader of each kind of `build()`, from the cache where it can be."""
    from qwenpick import __version__

    sums = [(len(content), crc32(content)) for content in contents]  # a sum takes a tenth of a digest's time
    digest = hashlib.sha256(f"3 {__version__} {sums}".encode())
    directory = folder("catalog")
    paths = {kind: directory / f"{digest.hexdigest()[:32]}.{kind}.jsonl" for kind in kinds} if directory else {}
    built: dict[str, Any] = {}

    def read(kind: str) -> Any:
        if not built and kind in paths and (known := _read(paths[kind])) is not None:
            return known
        if not built:
            built.update(build())
            if directory:
                _write(directory, {paths[name]: built[name] for name in kinds})
        return built[kind]

    return read


class _Lines(Mapping[str, Any]):
    """Entries by id, each read from its line when it is first asked for."""

    def __init__(self, data: bytes, lines: dict[str, slice]) -> None:
        self._data = data
        self._lines = lines  # where each stands in the data
        self._read: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._read:
            self._read[key] = from_json(self._data[self._lines[key]])
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, key: object) -> bool:
        return key in self._lines

    def items(self) -> ItemsView[str, Any]:
        return self._whole().items()

    def values(self) -> ValuesView[Any]:
        return self._whole().values()

    def mentioning(self, text: str) -> Iterator[tuple[str, Any]]:
        """The entries, with their ids, in whose line this text stands, of ASCII in any case."""
        said = text.encode().lower()
        return ((key, self[key]) for key, line in self._lines.items() if said in self._data[line].lower())

    def _whole(self) -> dict[str, Any]:
        """All entries; the lines of those that nobody asked for at once, in half the time of one by one."""
        if len(self._read) < len(self._lines):
            unread = [key for key in self._lines if key not in self._read]
            found = from_json(b"[" + b",".join([self._data[self._lines[key]] for key in unread]) + b"]")
            known = self._read | dict(zip(unread, found, strict=True))
            self._read = {key: known[key] for key in self._lines}
        return self._read


def _read(path: Path) -> _Lines | None:
    """The entries of a file that `_write` wrote; None where it is not there, not whole, or not what was written."""
    try:
        data = read_bytes(path, FILE_LIMIT)
        if data[:9] != b"%08x\n" % crc32(memoryview(data)[9:]):
            return None
        start = data.index(b"\n", 9) + 1
        lines = {}
        for key, length in json.loads(data[9:start]).items():
            lines[key] = slice(start, start + length)
            start += length + 1
        return _Lines(data, lines)
    except (QwenpickError, ValueError):
        return None


def _text(entries: Mapping[str, Any]) -> bytes:
    """The content of a file: the CRC-32 sum of what follows, the length of each entry's line by its id, then these lines."""
    lines = {
        key: json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode() for key, entry in entries.items()
    }
    lengths = {key: len(line) for key, line in lines.items()}
    data = b"\n".join([json.dumps(lengths).encode(), *lines.values()])
    return b"%08x\n%b" % (crc32(data), data)


def _write(directory: Path, records: dict[Path, Any]) -> None:
    """Writes the files, each at once or not at all, and removes the oldest of the others."""
    try:
        for path, content in records.items():
            write_whole(path, _text(content))
        found = sorted(directory.glob("*.json*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in found[KEPT * len(records) :]:
            old.unlink(missing_ok=True)
    except (OSError, TypeError, ValueError):
        return
