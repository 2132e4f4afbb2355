"""The shipped files as YAML says them, parsed once and only where a test asks: they take half a second."""

from __future__ import annotations

from functools import cache
from typing import Any

from qwenpick.catalog.read import SHIPPED, data_directory, merge, read_yaml


@cache
def content(name: str) -> bytes:
    return (data_directory() / name).read_bytes()


@cache
def document(name: str) -> Any:
    return read_yaml(content(name))


@cache
def merged() -> dict[str, dict[str, Any]]:
    return merge(map(document, SHIPPED))
