"""A GGUF repository on a hub: the header of the file that is meant, from its first bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers import gguf

if TYPE_CHECKING:
    from qwenpick.readers.reading import Fetch

STARTS = (4 * 2**20, 16 * 2**20, 64 * 2**20)  # a vocabulary of 151,936 takes 6 MB of header, one of 248,320 11 MB


def read_files(repo: str, file: str, fetch: Fetch) -> tuple[gguf.GgufFile, ...] | None:
    """The headers of a file and its siblings; None where there is no such file."""
    first = _header(repo, file, fetch)
    if first is None:
        return None
    count = first.metadata.get("split.count", 1)
    if not isinstance(count, int) or count <= 1:
        return (first,)
    series = re.fullmatch(r"(.*-)\d{5}(-of-\d{5}\.gguf)", file)
    if series is None or count > 100:
        raise QwenpickError(
            _(
                "'{repo}/{file}' is part of a model of {count} files, but is not numbered like one",
                repo=repo,
                file=file,
                count=count,
            )
        )
    rest = [_header(repo, f"{series[1]}{number:05d}{series[2]}", fetch) for number in range(2, count + 1)]
    return (first, *(part for part in rest if part is not None))


def _header(repo: str, file: str, fetch: Fetch) -> gguf.GgufFile | None:
    for size in STARTS:
        start = fetch(repo, file, 0, size - 1)
        if start is None:
            return None
        found = gguf.parse_start(start, f"{repo}/{file}")
        if found is not None:
            return found
        if len(start) < size:
            break
    raise QwenpickError(
        _("'{repo}/{file}' is cut off inside its header, or the header is longer than 64 MiB", repo=repo, file=file)
    )


def candidates(repo: str, quant: str) -> Iterator[str]:
    """What publishers call the file of a format: Qwen3-8B-Q4_K_M.gguf, qwen2.5-7b-instruct-q4_k_m.gguf, in a folder, in two parts.

    >>> list(candidates("Qwen/Qwen3-8B-GGUF", "Q4_K_M"))[:2]
    ['Qwen3-8B-Q4_K_M.gguf', 'qwen3-8b-q4_k_m.gguf']
    """
    base = re.sub(r"[-_.](i1-)?gguf$", "", repo.rsplit("/", 1)[-1], flags=re.IGNORECASE)
    for name in (f"{base}-{quant}", f"{base.lower()}-{quant.lower()}", f"{base}.{quant}", f"{base}-{quant.upper()}"):
        yield f"{name}.gguf"
    for parts in range(2, 6):
        yield f"{base}-{quant}-00001-of-{parts:05d}.gguf"
        yield f"{quant}/{base}-{quant}-00001-of-{parts:05d}.gguf"
