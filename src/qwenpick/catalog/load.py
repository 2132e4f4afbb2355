"""Reading the shipped catalogue and the files people lay over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Any

from qwenpick.catalog.entries import Entries
from qwenpick.catalog.read import KINDS, merge, read_file, read_yaml, shipped_records, shipped_state, user_file
from qwenpick.catalog.schema import Architecture, CloudOffer, Derivative, Gpu, Model, ModelFiles
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass


@dataclass(frozen=True, eq=False)
class Catalog:
    """All facts, by id. The mappings are lazy: an entry is validated when first used."""

    architectures: Mapping[str, Architecture]
    models: Mapping[str, Model]
    gpus: Mapping[str, Gpu]
    cloud: Mapping[str, CloudOffer] = field(default_factory=dict)
    derivatives: Mapping[str, Derivative] = field(default_factory=dict)

    def architecture(self, model: Model) -> Architecture:
        """The architecture of a model with open weights. KeyError for a name that has none."""
        return self.architectures[model.architecture or ""]


def load(overlays: Iterable[Path] = (), *, own: bool = True) -> Catalog:
    """The shipped catalogue; over it, in order, the person's own (`own`) and `overlays`: an entry of the same id replaces the one below.

    Raises QwenpickError for an overlay that cannot be read or is not valid.
    """
    mine = [path] if own and (path := user_file()) and _is_file(path) else []
    paths = [*mine, *overlays]
    if not paths:
        return _shipped(shipped_state())
    read = shipped_records()
    laid = {kind: read(kind) for kind in KINDS}
    for path in paths:
        content = read_file(path)
        _refuse_faults(path, content, laid)
        laid = merge([{kind: laid[kind].values() for kind in KINDS}, read_yaml(content)])
    return _of(laid.__getitem__)


@lru_cache(maxsize=1)
def _shipped(_state: tuple[tuple[Path, int, int], ...]) -> Catalog:
    """The shipped catalogue, once as long as its files are the same: what is worked out of an entry is remembered by the entry."""
    return _of(shipped_records())


def _of(read: Callable[[str], Any]) -> Catalog:
    files = Entries(ModelFiles, lambda: read("files"))

    def published(model_id: str) -> dict[str, Any]:
        """What is known to be published of a model, beside its own record."""
        return {"published": files.records[model_id]["published"]} if model_id in files.records else {}

    return Catalog(
        architectures=Entries(Architecture, lambda: read("architectures")),
        models=Entries(Model, lambda: read("models"), published),
        gpus=Entries(Gpu, lambda: read("gpus")),
        cloud=Entries(CloudOffer, lambda: read("cloud")),
        derivatives=Entries(Derivative, lambda: read("derivatives"), published),
    )


def _is_file(path: Path) -> bool:
    """Whether there is a file; a directory that may not be looked into holds none for us."""
    try:
        return path.is_file()
    except OSError:
        return False


def _refuse_faults(path: Path, content: bytes, below: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises QwenpickError for the first fault of an overlay."""
    from qwenpick.catalog.check import faults

    if found := faults(content, below):
        more = (
            _(" (and {count} more: qwenpick catalog check {path})", count=len(found) - 1, path=path)
            if len(found) > 1
            else ""
        )
        raise QwenpickError(f"{path}: {found[0]}{more}")
