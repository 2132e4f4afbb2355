"""From catalogue files to raw records by id: where the files lie, how YAML is read, how a file is laid over another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from qwenpick.catalog.cache import cached
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _

SHIPPED = ("models.yaml", "files.json", "gpus.yaml", "cloud.yaml")
KINDS = ("architectures", "models", "files", "gpus", "cloud")
LARGEST_FILE = 16 * 2**20  # bytes; the shipped models.yaml takes 0.4 MiB
Records = Mapping[str, Mapping[str, Mapping[str, Any]]]


def data_directory() -> Path:
    """Where models.yaml and gpus.yaml lie: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "data"
    return installed if installed.is_dir() else package.parents[1] / "data"


def shipped_files() -> tuple[Path, ...]:
    """The files of the shipped catalogue."""
    return tuple(data_directory() / name for name in SHIPPED)


def user_file() -> Path:
    """The person's own catalogue, which need not exist: `catalog.yaml` in the platform's config directory."""
    import platformdirs

    return Path(platformdirs.user_config_dir("qwenpick", appauthor=False)) / "catalog.yaml"


def read_yaml(text: bytes) -> Any:
    """The content of a YAML document, by libyaml's parser where PyYAML has it (5-8 times faster); of a JSON one by json (50 times)."""
    if text.startswith(b"{"):
        import json

        try:
            return json.loads(text)
        except ValueError:
            pass  # YAML may begin so too
    import yaml

    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (both loaders are the safe ones)


def read_file(path: Path) -> bytes:
    """The bytes of a catalogue file. Raises QwenpickError where it cannot be read."""
    try:
        with path.open("rb") as file:  # a pipe or a device has no size, so no more than the limit is read
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise QwenpickError(
            _("cannot read the catalogue {path}: {problem}", path=path, problem=error.strerror or error)
        ) from None
    if len(content) > LARGEST_FILE:
        raise QwenpickError(_("{path} is larger than 16 MiB: that is no catalogue", path=path))
    return content


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
