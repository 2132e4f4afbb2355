"""What a command says, as values: lines, tables and memory bars. Every renderer prints the same ones.

Names in them come from files and from other people: here they become visible text of one line (cleaning.py), whatever prints them.
"""

from __future__ import annotations

from typing import Literal

from qwenpick.cleaning import clean
from qwenpick.values import dataclass

Tone = Literal["plain", "good", "warn", "bad", "dim", "title"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text."""

    text: str
    tone: Tone = "plain"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean(self.text))


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(tuple(map(clean, row)) for row in self.rows))
        object.__setattr__(self, "title", clean(self.title))


@dataclass(frozen=True, slots=True)
class Bar:
    """How a device's memory is used: (label, bytes) of each slice, of `capacity` bytes, of which `budget` may be taken."""

    label: str
    slices: tuple[tuple[str, int], ...]
    capacity: int | None
    budget: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", clean(self.label))
        object.__setattr__(self, "slices", tuple((clean(name), size) for name, size in self.slices))


Block = Line | Table | Bar
Report = tuple[Block, ...]
