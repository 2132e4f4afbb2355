"""From catalogue files to raw records by id: where the files lie, how YAML is read, how a file is laid over another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from qwenpick.bounded import parse_yaml, read_bytes
from qwenpick.catalog.cache import SHIPPED as SHIPPED
from qwenpick.catalog.cache import cached
from qwenpick.catalog.updates import installed
from qwenpick.storage import user_directory

KINDS = ("architectures", "models", "files", "derivatives", "gpus", "cloud")
LARGEST_FILE = 16 * 2**20  # bytes; the shipped models.yaml takes 0.4 MiB


@cache
def data_directory() -> Path:
    """Where models.yaml and gpus.yaml lie: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "data"
    return installed if installed.is_dir() else package.parents[1] / "data"


def data_date() -> str:
    """The day that the facts in use were last checked, as 2026-11-29: of the person's newer catalogue where there is one, else of the package's."""
    newer = installed(shipped_date())
    return newer.name[:10] if newer else shipped_date()


@cache
def shipped_date() -> str:
    """The day that the package's own facts were last checked (`data/date`): the newest `checked` of its files."""
    return (data_directory() / "date").read_text(encoding="ascii").strip()


def shipped_files() -> tuple[Path, ...]:
    """The files of the catalogue in use: the package's, or those that `qwenpick catalog update` put in their place."""
    directory = installed(shipped_date()) or data_directory()
    return tuple(directory / name for name in SHIPPED)


def shipped_state() -> tuple[tuple[Path, int, int], ...]:
    """Each of those files with when it was last written (ns) and its bytes; 0 for one that cannot be looked at."""
    return tuple(_state(path) for path in shipped_files())


def _state(path: Path) -> tuple[Path, int, int]:
    try:
        found = path.stat()
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size


def user_file() -> Path | None:
    """The person's own catalogue: `catalog.yaml` in the platform's config directory. It need not exist; None where there is no such directory."""
    directory = user_directory("config")
    return directory / "catalog.yaml" if directory else None


def read_yaml(text: bytes) -> Any:
    """The content of a YAML document, by libyaml's parser where PyYAML has it (5-8 times faster); of a JSON one by json (50 times)."""
    if text.startswith(b"{"):
        import json

        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass  # YAML may begin so too
    return parse_yaml(text)[1]


def read_file(path: Path) -> bytes:
    """The bytes of a catalogue file. Raises QwenpickError where it cannot be read."""
    return read_bytes(path, LARGEST_FILE)


def merge(documents: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Records by kind and id: an entry of the same id replaces the one of an earlier document."""
    merged: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for document in documents:
        for kind in KINDS:
            merged[kind].update({record["id"]: record for record in document.get(kind) or ()})
    return merged


def shipped_records() -> Callable[[str], Any]:
    """A reader of the shipped records of each kind, by id."""
    contents = [read_file(path) for path in shipped_files()]
    return cached(contents, KINDS, lambda: merge(map(read_yaml, contents)))
