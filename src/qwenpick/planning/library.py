"""Ollama's library: which tag holds a model in a format, and how large it is."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwenpick.catalog import Architecture, Model

LIBRARY = "https://ollama.com/library/"
DEFAULT, FORMER = "Q4_K_M", "Q4_0"  # what a tag that names no format holds
# of 2024 and before: qwen:7b, qwen2:7b and their sizes are those of Q4_0 (ollama.com/library)
OLDER = ("qwen", "codeqwen", "qwen2", "qwen2-math")
_NAMED = re.compile(r"(?:^|-)(?P<format>i?q\d\w*|mxfp4|b?f(?:p)?16)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag with its bytes (None where no listing states them), projector and MTP block included, which `rounding` may be off."""

    name: str
    bytes: int | None
    source: str
    checked: str
    rounding: int = 0


@lru_cache(maxsize=4096)
def library_tag(model: Model, format_name: str) -> Tag | None:
    """The tag that holds the model in that format: as a listing has it, else its own where that is what it holds; else None."""
    for listing in model.published:
        if tags := listing.tags.get(format_name):
            name = _fixed(tags)
            return Tag(name, tags[name], listing.source, listing.checked, _rounding(tags[name]))
    own = model.ollama
    if own is None or any(own in tags for listing in model.published for tags in listing.tags.values()):
        return None
    return Tag(own, None, LIBRARY + own.partition(":")[0], model.checked) if _holds(own) == format_name else None


def library_bytes(model: Model, architecture: Architecture, format_name: str, tag: Tag) -> int:
    """Bytes that pulling a tag fetches: by the rule of Ollama's own quantizer, which is exact where it holds; else what the listing rounds to."""
    from qwenpick.runtimes.ollama import tag_bytes

    by_rule = tag_bytes(model, architecture, format_name)
    return by_rule if tag.bytes is None or abs(by_rule - tag.bytes) <= tag.rounding else tag.bytes


def _holds(tag: str) -> str:
    """The format of a tag that no listing has: the one that it names, else the default of its days.

    >>> _holds("qwen3:4b-q4_K_M"), _holds("qwen3.6:27b"), _holds("qwen2-math:72b")
    ('Q4_K_M', 'Q4_K_M', 'Q4_0')
    """
    slug, _colon, rest = tag.partition(":")
    if named := _NAMED.search(rest):
        return named["format"].upper().replace("FP16", "F16")
    return FORMER if slug in OLDER else DEFAULT


def _fixed(tags: Mapping[str, int]) -> str:
    """The tag that names its format, else the shortest: of qwen3:8b and qwen3:8b-q4_K_M, which are one file, the one that cannot move."""
    return min(tags, key=lambda name: (_NAMED.search(name.partition(":")[2]) is None, len(name), name))


def _rounding(size: int) -> int:
    """Half of the last figure that Ollama's library prints: MB, tenths of a GB below ten, GB."""
    return (10**6 if size < 10**9 else 10**8 if size < 10**10 else 10**9) // 2
