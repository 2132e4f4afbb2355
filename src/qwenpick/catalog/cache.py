"""The shipped catalogue, parsed and kept as JSON: reading YAML takes 130 ms, reading this 3 ms.

The name of a cache file is a hash of the content it was made from and of qwenpick's version, so it cannot be stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qwenpick.storage import folder, keep, kept

SHIPPED = ("models.yaml", "files.json", "derivatives.yaml", "gpus.yaml", "cloud.yaml")  # the files of a catalogue
NAMES = (*SHIPPED, "date")
KEPT = 2  # catalogues: of this qwenpick and of another that is installed beside it


def cached(
    contents: Sequence[bytes], kinds: Sequence[str], build: Callable[[], dict[str, Any]]
) -> Callable[[str], Any]:
    """A reader of each kind of `build()`, from the cache where it can be."""
    from qwenpick import __version__

    digest = hashlib.sha256(f"1 {__version__} {[len(content) for content in contents]}".encode())
    for content in contents:
        digest.update(content)
    directory = folder("catalog")
    paths = {kind: directory / f"{digest.hexdigest()[:32]}.{kind}.json" for kind in kinds} if directory else {}
    built: dict[str, Any] = {}

    def read(kind: str) -> Any:
        if not built and kind in paths and isinstance(known := kept(paths[kind]), dict):
            return known
        if not built:
            built.update(build())
            if directory:
                _write(directory, {paths[name]: built[name] for name in kinds})
        return built[kind]

    return read


def _write(directory: Path, records: dict[Path, Any]) -> None:
    """Writes the files, each at once or not at all, and removes the oldest of the others."""
    try:
        for path, content in records.items():
            keep(path, content)
        found = sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in found[KEPT * len(records) :]:
            old.unlink(missing_ok=True)
    except (OSError, TypeError, ValueError):
        return
