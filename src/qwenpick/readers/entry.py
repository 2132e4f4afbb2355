"""Writing what was read as a catalogue file, to be laid over the shipped one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from qwenpick.catalog import Architecture, Model


def entry(model: Model, architecture: Architecture, shipped: Collection[str] = ()) -> str:
    """The YAML of a model and, unless its id is among `shipped`, of its architecture: `catalog.load(overlays=[file])` reads it back."""
    import yaml

    document: dict[str, object] = {}
    if architecture.id not in shipped:
        document["architectures"] = [_plain(architecture)]
    document["models"] = [_plain(model)]
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _plain(fact: Architecture | Model) -> dict[str, object]:
    """The fields that are set, as YAML's own types."""
    return fact.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
