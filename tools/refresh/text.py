"""Entries as the catalogue files write them: a field a line, what is inside it on that line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

GIGA, TERA = 9, 12
BANDWIDTHS = {"bandwidth", "nvlink_bandwidth"}  # written in e+9; rates in e+12


class _Dumper(yaml.SafeDumper):
    exponent = TERA

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (what is used twice is written twice)
        return True


class _Giga(_Dumper):
    exponent = GIGA


def _float(dumper: _Dumper, value: float) -> yaml.ScalarNode:
    """YAML 1.1 reads `1e9` as text, so a large float has a point and a signed exponent."""
    text = repr(value)
    if abs(value) >= 1e6:
        digits = f"{value / 10**dumper.exponent:.12g}"
        text = f"{digits if '.' in digits else digits + '.0'}e+{dumper.exponent}"
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(float, _float)


def flow(value: Any, field: str = "") -> str:
    """A value on one line.

    >>> flow({"a": 1, "b": ["x", "8.6", "y: z"]}), flow(600e9, "bandwidth"), flow(1.5e12)
    ("{a: 1, b: [x, '8.6', 'y: z']}", '600.0e+9', '1.5e+12')
    """
    dumper = _Giga if field in BANDWIDTHS else _Dumper
    text = yaml.dump(
        value, Dumper=dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    return text.removesuffix("\n").removesuffix("\n...")


def entry(record: Mapping[str, Any]) -> str:
    """An entry: its id first, then a line a field; a list of records (`checkpoints`, `layers`) has a line each.

    >>> print(entry({"id": "a10g", "memory_bytes": 24 << 30, "aliases": ["NVIDIA A10G"]}), end="")
    - id: a10g
      memory_bytes: 25769803776
      aliases: [NVIDIA A10G]
    """
    lines: list[str] = []
    for field, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines += [f"{field}:", *(f"  - {flow(item, field)}" for item in value)]
        else:
            lines.append(f"{field}: {flow(value, field)}")
    return "- " + "\n  ".join(lines) + "\n"


def entries(records: Iterable[Mapping[str, Any]]) -> str:
    """Entries in the order of their ids, an empty line between them."""
    return "\n".join(entry(record) for record in sorted(records, key=lambda record: record["id"]))
