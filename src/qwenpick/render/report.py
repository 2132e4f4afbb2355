"""What a command says, as values: lines, tables and memory bars. Every renderer prints the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "warn", "bad", "dim", "title"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `number` columns are right-aligned; a narrow terminal drops the most `optional` ones first, equal ones from the right.

    0 is never dropped; True is 1.
    """

    name: str
    number: bool = False
    optional: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. `tones` colours whole rows, where given."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    tones: tuple[Tone, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """How a device's memory is used: (label, bytes) of each slice, of `capacity` bytes, of which `budget` may be taken."""

    label: str
    slices: tuple[tuple[str, int], ...]
    capacity: int | None
    budget: int | None


Block = Line | Table | Bar
Report = tuple[Block, ...]
