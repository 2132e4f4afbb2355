"""The measured constants: data/speed.json, which `python tools/fit_speed.py --truth DIR --write` fits to public runs. docs/speed.md says how well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TypeVar, cast

from qwenpick.catalog.read import data_directory
from qwenpick.speed.constants import Common, Decode, LeftOut, Prefill, Spread
from qwenpick.speed.devices import Class
from qwenpick.values import dataclass

FILE, SCHEMA = "speed.json", "speed.schema.json"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Default:
    """What stands for a class that nothing was measured on."""

    decode: Decode
    prefill: Prefill
    decode_spread: Spread
    prefill_spread: Spread


@dataclass(frozen=True, slots=True)
class SpeedFile:
    """data/speed.json; its schema is data/speed.schema.json. Tables are engine -> device class -> constants."""

    note: str
    common: Common
    unpack: dict[str, float]
    format_share: dict[str, float]
    host: dict[str, float]
    default: Default
    mtp_spread: Spread
    decode: dict[str, dict[Class, Decode]]
    prefill: dict[str, dict[Class, Prefill]]
    decode_spread: dict[str, dict[Class, Spread]]
    prefill_spread: dict[str, dict[Class, Spread]]
    left_out: dict[str, LeftOut]


@dataclass(slots=True)
class Measured:
    """All of it. Tables are by (engine, device class); `default` ones stand for classes that nothing was measured on.

    `unpack` is by the start of a GGUF type's name, `format_share` by safetensors format. `host` is how many times as long transformers' host takes
    per layer of a quantized model as of a BF16 one: medians over the vendor's tables (Qwen2 and Qwen2.5 on A100; FP8 Qwen3 on H20).
    """

    common: Common
    unpack: dict[str, float]
    format_share: dict[str, float]
    host: dict[str, float]
    decode: dict[tuple[str, Class], Decode]
    prefill: dict[tuple[str, Class], Prefill]
    decode_spread: dict[tuple[str, Class], Spread]
    prefill_spread: dict[tuple[str, Class], Spread]
    mtp_spread: Spread
    default_decode: Decode
    default_prefill: Prefill
    default_decode_spread: Spread
    default_prefill_spread: Spread
    left_out: dict[str, LeftOut]


@cache
def measured() -> Measured:
    """What the file holds. The fit replaces entries of it in place while it looks for better ones."""
    content = json.loads((data_directory() / FILE).read_text(encoding="utf-8"))
    default = content["default"]
    return Measured(
        common=Common(**content["common"]),
        unpack=content["unpack"],
        format_share=content["format_share"],
        host=content["host"],
        decode=_table(Decode, content["decode"]),
        prefill=_table(Prefill, content["prefill"]),
        decode_spread=_table(Spread, content["decode_spread"]),
        prefill_spread=_table(Spread, content["prefill_spread"]),
        mtp_spread=Spread(**content["mtp_spread"]),
        default_decode=Decode(**default["decode"]),
        default_prefill=Prefill(**default["prefill"]),
        default_decode_spread=Spread(**default["decode_spread"]),
        default_prefill_spread=Spread(**default["prefill_spread"]),
        left_out={quantity: LeftOut(**figures) for quantity, figures in content["left_out"].items()},
    )


def _table(kind: type[T], engines: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[tuple[str, Class], T]:
    return {
        (engine, cast("Class", device)): kind(**values)
        for engine, devices in engines.items()
        for device, values in devices.items()
    }


def schema_text() -> str:
    """The JSON Schema of the file, as it lies beside it."""
    from pydantic import TypeAdapter

    found = TypeAdapter(SpeedFile).json_schema()
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **found}, indent=1) + "\n"
