"""The JSON Schemas beside the YAML, for editors: `python -m qwenpick.catalog.schema_json` writes them anew from the pydantic models."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, TypeAdapter

from qwenpick.catalog.read import data_directory
from qwenpick.catalog.schema import Architecture, CloudOffer, Derivative, Gpu, Model, ModelFiles

# A file of one's own may hold every section; the shipped files hold the sections they are named after.
SECTIONS: dict[str, dict[str, type[BaseModel]]] = {
    "models": {"architectures": Architecture, "models": Model},
    "files": {"files": ModelFiles},
    "derivatives": {"derivatives": Derivative},
    "gpus": {"gpus": Gpu},
    "cloud": {"cloud": CloudOffer},
    "catalog": {
        "architectures": Architecture,
        "models": Model,
        "files": ModelFiles,
        "derivatives": Derivative,
        "gpus": Gpu,
        "cloud": CloudOffer,
    },
}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of `data/NAME.yaml`, or of a person's own `catalog` file."""
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    for section, kind in SECTIONS[name].items():
        own = TypeAdapter(tuple[kind, ...]).json_schema()  # type: ignore[valid-type]
        definitions |= own.pop("$defs")
        properties[section] = own
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"qwenpick {name}",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def text(name: str) -> str:
    """The file's content."""
    return json.dumps(schema(name), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in SECTIONS:
        (data_directory() / f"{name}.schema.json").write_text(text(name), encoding="utf-8")
