"""The shipped catalogue, parsed and kept as JSON: reading YAML takes 130 ms, reading this 3 ms.

The name of a cache file is a hash of the content it was made from and of qwenpick's version, so it cannot be stale. It is data, not
code, and is used only in a directory that nobody else can write to. Every failure means: read the YAML again.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

KEPT = 2  # catalogues: of this qwenpick and of another that is installed beside it


def cached(
    contents: Sequence[bytes], kinds: Sequence[str], build: Callable[[], dict[str, Any]]
) -> Callable[[str], Any]:
    """A reader of each kind of `build()`, from the cache where it can be."""
    from qwenpick import __version__

    digest = hashlib.sha256(f"1 {__version__} {[len(content) for content in contents]}".encode())
    for content in contents:
        digest.update(content)
    folder = _folder()
    paths = {kind: folder / f"{digest.hexdigest()[:32]}.{kind}.json" for kind in kinds} if folder else {}
    built: dict[str, Any] = {}

    def read(kind: str) -> Any:
        if not built and kind in paths:
            try:
                return json.loads(paths[kind].read_bytes())
            except (OSError, ValueError):
                pass
        if not built:
            built.update(build())
            if folder:
                _write(folder, {paths[name]: built[name] for name in kinds})
        return built[kind]

    return read


def _folder() -> Path | None:
    """The cache directory, made if need be; None where it cannot be made or others may write to it."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("qwenpick", appauthor=False)) / "catalog"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except OSError:
        return None
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        return None
    return folder


def _write(folder: Path, records: dict[Path, Any]) -> None:
    """Writes the files, each at once or not at all, and removes the oldest of the others."""
    try:
        for path, content in records.items():
            partial = path.with_suffix(f".{os.getpid()}.tmp")
            partial.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
            partial.replace(path)
        kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in kept[KEPT * len(records) :]:
            old.unlink(missing_ok=True)
    except (OSError, TypeError, ValueError):
        return
