"""What an engine said that it allocated, as values; and the small readings that all parsers share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from io import StringIO
from itertools import islice
from typing import Literal

from qwenpick.errors import shown
from qwenpick.i18n import _
from qwenpick.memory.account import RAM, Memory, Part, memory
from qwenpick.units import GIB, KIB, MIB, MOST_BYTES, MOST_SEQUENCES, MOST_TOKENS
from qwenpick.values import dataclass
from qwenpick.work.placement import Cut

# engines that print GB divide by 2^30
_UNITS = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "KB": KIB, "MB": MIB, "GB": GIB}
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SIZE_OF_MEMORY = re.compile(
    r"(?:memory|cache|weights?|graph|buffer|pool)\b.{0,60}?\d+(?:\.\d+)? ?(?:GiB|MiB|GB|MB)\b"
    r"|\d+(?:\.\d+)? ?(?:GiB|GB)\b.{0,40}?(?:memory|cache|weight)",
    re.IGNORECASE,
)
LINES_LIMIT, WIDTH_LIMIT = 100_000, 20_000


@dataclass(frozen=True, slots=True)
class Measured:
    """A speed that the engine states, tokens/s: of reading `tokens`, or of writing so many, after `depth` tokens."""

    kind: Literal["prefill", "decode"]
    rate: float
    tokens: int
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """What a log states. None and () are what it does not say.

    `memory` has one part per thing the engine printed, with the line's own words as its formula. `model` and `format` are as printed; `context`
    is tokens per sequence; `kv_tokens` what the cache holds together; `total` and `free` are the device's memory at the start; `options` the
    engine's flags by name, and `settled` whether the log shows all that buffers depend on. `quantization` is the engine's own word where it is none
    of ours; `cut` is how the model was cut over ranks, where that is stated; `blocks` are those of the cache; `longest` is the longest sequence that
    a refused start said its cache would hold; `cpu_moe_layers` are layers whose experts stayed in RAM; `speeds` are what it measured of itself;
    `unread` are lines that speak of memory and were not understood.
    """

    engine: str
    memory: Memory
    version: str | None = None
    model: str | None = None
    format: str | None = None
    context: int | None = None
    sequences: int | None = None
    kv_cache: str | None = None
    kv_tokens: int | None = None
    layers_on_gpu: int | None = None
    cpu_moe_layers: int = 0
    ranks: int = 1
    device: str | None = None
    total: int | None = None
    free: int | None = None
    settled: bool = True
    options: Mapping[str, object] = field(default_factory=dict)
    quantization: str | None = None
    cut: Cut | None = None
    blocks: int | None = None
    longest: int | None = None
    speeds: tuple[Measured, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def says_something(self) -> bool:
        """Whether there is a number to compare."""
        return bool(self.speeds) or self.says_sizes

    @property
    def says_sizes(self) -> bool:
        """Whether there is one of memory."""
        return bool(self.memory.parts) or any(n is not None for n in (self.kv_tokens, self.blocks, self.longest))


def lines(text: str) -> list[str]:
    """The lines of a log without colours; only the first hundred thousand that hold something, and only the beginning of absurdly long ones."""
    # one line after the other: a list of all would be larger than the text
    found = islice(filter(str.strip, StringIO(text)), LINES_LIMIT)
    return [_ANSI.sub("", line[:WIDTH_LIMIT]).rstrip() for line in found]


def believable(seen: Observation) -> None:
    """Raises ValueError for what no run can have had: a log is text that anybody may have written."""
    bounds = (
        (_("context"), seen.context, MOST_TOKENS),
        (_("sequences"), seen.sequences, MOST_SEQUENCES),
        (_("GPUs"), seen.ranks, 1024),
        (_("tokens of cache"), seen.kv_tokens, 2**40),
        (_("bytes of memory"), seen.total, MOST_BYTES),
        (_("bytes of memory"), seen.free, MOST_BYTES),
    )
    for what, value, most in bounds:
        if value is not None and not 0 <= value <= most:
            raise ValueError(_("{value} {what}", value=shown(value), what=what))
    if seen.sequences == 0 or any(part.bytes > MOST_BYTES for part in seen.memory.parts):
        raise ValueError(_("sizes that no run has"))


def size(number: str, unit: str) -> int:
    """Bytes of a printed size.

    >>> size("2375.91", "MiB"), size("27.57", "GB")
    (2491322204, 29603062087)
    """
    return round(float(number) * _UNITS[unit])


def first(pattern: re.Pattern[str], where: Iterable[str]) -> re.Match[str] | None:
    """The first line that a pattern is found in."""
    return next((match for line in where if (match := pattern.search(line))), None)


def last(pattern: re.Pattern[str], where: Iterable[str]) -> re.Match[str] | None:
    """The last line that a pattern is found in: a server that was started again says everything again."""
    found = None
    for line in where:
        found = pattern.search(line) or found
    return found


def unread_lines(log: Iterable[str], known: Iterable[re.Pattern[str]]) -> tuple[str, ...]:
    """The first lines that state a size of GPU memory and that no known pattern is found in."""
    patterns = tuple(known)
    found = (line for line in log if _SIZE_OF_MEMORY.search(line) and not any(p.search(line) for p in patterns))
    return tuple(line.strip()[:200] for line in islice(found, 3))


def observed(parts: Iterable[Part]) -> Memory:
    """The parts, GPUs first."""
    return memory(sorted(parts, key=lambda part: (part.where == RAM, part.where)))


def whole(text: str) -> int:
    """A printed count: `1,216,234` or `350257`."""
    return int(text.replace(",", ""))
