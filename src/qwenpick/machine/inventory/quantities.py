"""What cluster software writes: Kubernetes quantities (`527433512Ki`, `127900m`), Slurm's megabytes and TRES (`500G`), and JSON of any shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from qwenpick.units import MIB

_SUFFIX = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
    "m": 1e-3, "u": 1e-6, "n": 1e-9,
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:[eE]([+-]?\d{1,2}))?([A-Za-z]{0,2})")
_TRES = re.compile(r"(\d+(?:\.\d+)?)([KMGTP]?)")
_TRES_SUFFIX = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}


def quantity(text: object) -> float | None:
    """The number that a Kubernetes quantity means (k8s.io/apimachinery pkg/api/resource); None where it is none.

    >>> quantity("8"), quantity("127900m"), quantity("2Ki"), quantity("257G"), quantity("1e3"), quantity("x")
    (8.0, 127.9, 2048.0, 257000000000.0, 1000.0, None)
    """
    found = _QUANTITY.fullmatch(str(text).strip()) if isinstance(text, str | int | float) else None
    if not found or found[3] not in _SUFFIX:
        return None
    return float(found[1]) * 10.0 ** int(found[2] or 0) * float(_SUFFIX[found[3]])


def whole(text: object) -> int | None:
    """A quantity as whole units, rounded down: bytes, devices."""
    number = quantity(text)
    return None if number is None or number < 0 else int(number)


def count(text: object) -> int | None:
    """A label's whole number; None where it is none."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else None


def slurm_memory(text: str) -> int | None:
    """Bytes of Slurm's `1031000`, `500G`, `257000M`: binary units, and MiB where none is written.

    >>> slurm_memory("500G") // 2**30, slurm_memory("257000M") // 2**20, slurm_memory("N/A")
    (500, 257000, None)
    """
    found = _TRES.fullmatch(text.strip())
    return int(float(found[1]) * (_TRES_SUFFIX[found[2]] if found[2] else MIB)) if found else None


def table(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings in a list; none where it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
