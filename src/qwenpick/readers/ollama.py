"""Models that Ollama has pulled: its manifests name the blob, and the blob is a GGUF file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from qwenpick.bounded import read_json
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers.local import read_gguf
from qwenpick.readers.reading import Reading

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog

_WEIGHTS = "application/vnd.ollama.image.model"
_TAG = re.compile(
    r"(?:(?P<host>[\w.-]+\.[\w.-]+|localhost:\d+)/)?(?:(?P<owner>[\w.-]+)/)?(?P<name>[\w.-]+):(?P<tag>[\w.-]+)"
)


def read_pulled(tag: str, catalog: Catalog) -> Reading | None:
    """The model of a tag that was pulled into a store of this machine; None if it was not. Raises QwenpickError if that store is damaged."""
    from qwenpick.machine.installed.stores import home_directory, store_places
    from qwenpick.machine.probe.world import current_system

    places = store_places(os.environ, home_directory(), current_system())
    readings = (read_tag(tag, catalog, path) for kind, path in places if kind == "ollama")
    return next(filter(None, readings), None)


def manifest(tag: str, models: Path) -> Path | None:
    """The manifest of a pulled tag (`qwen3:8b`, `owner/name:tag`); None if the text is no tag or was not pulled."""
    match = _TAG.fullmatch(tag)
    if match is None or ".." in tag:
        return None
    path = (
        models
        / "manifests"
        / (match["host"] or "registry.ollama.ai")
        / (match["owner"] or "library")
        / match["name"]
        / match["tag"]
    )
    try:
        return path if path.is_file() else None
    except OSError:  # a store that may not be looked into, or a name that no system allows, holds nothing for us
        return None


def read_tag(tag: str, catalog: Catalog, models: Path) -> Reading | None:
    """The model of a tag pulled into the store `models`, exact; None if it was not. Raises QwenpickError if the store is damaged."""
    path = manifest(tag, models)
    if path is None:
        return None
    layers = read_json(path).get("layers")
    for layer in layers if isinstance(layers, list) else ():
        match layer:
            case {"mediaType": str(kind), "digest": str(digest)} if kind == _WEIGHTS and re.fullmatch(
                r"sha256:[0-9a-f]{64}", digest
            ):
                return read_gguf(models / "blobs" / digest.replace(":", "-"), catalog, (tag.replace(":", "-"),))
    raise QwenpickError(_("Ollama's manifest '{path}' names no weights", path=path))
