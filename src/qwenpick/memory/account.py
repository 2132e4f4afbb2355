"""Named bytes: what a run needs, where it lies, and by which formula. The parts add up to the total."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from qwenpick.values import dataclass

RAM = "ram"  # the name of host memory among the places a part can lie; GPUs are gpu0, gpu1, …


def gpu(index: int) -> str:
    """The name of the GPU at `index` of the placement: `gpu0`, `gpu1`, …"""
    return f"gpu{index}"


@dataclass(frozen=True, slots=True)
class Part:
    """`bytes` of one kind that lie `where` (`gpu0`, `gpu1`, …, `ram`), with the formula that gave them as text.

    `kind` groups parts for display: weights, kv cache, state, compute, overhead.
    """

    name: str
    bytes: int
    where: str
    formula: str
    kind: str

    def __post_init__(self) -> None:
        if self.bytes < 0:
            raise ValueError(f"part {self.name!r} has {self.bytes} bytes")


@dataclass(frozen=True)
class Memory:
    """What a run needs, part by part; and apart from it what may come on top.

    `later` of the kind "surge" is there for moments only: a plan that holds it fits, one that does not is tight.
    What a local server keeps of requests that are done is in planning/server_caches.py.
    """

    parts: tuple[Part, ...]
    later: tuple[Part, ...] = ()

    @cached_property
    def total(self) -> int:
        """Bytes over all places."""
        return sum(part.bytes for part in self.parts)

    @property
    def places(self) -> tuple[str, ...]:
        """Where parts lie, in the order they first appear."""
        return tuple(self._by_place)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of the parts that are not empty."""
        return frozenset([part.name for part in self.parts if part.bytes])

    def on(self, where: str) -> int:
        """Bytes that `where` (`gpu0`, …, `ram`) must hold."""
        return self._by_place.get(where, 0)

    @cached_property
    def _by_place(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for part in self.parts:
            found[part.where] = found.get(part.where, 0) + part.bytes
        return found

    def of(self, kind: str) -> int:
        """Bytes of one kind (weights, kv cache, state, compute, overhead) over all places."""
        return sum(part.bytes for part in self.parts if part.kind == kind)

    def surge(self, where: str) -> int:
        """Bytes that `where` may hold for moments beyond what it must."""
        return sum(part.bytes for part in self.later if part.where == where and part.kind == "surge")


def memory(parts: Iterable[Part], later: Iterable[Part] = ()) -> Memory:
    """The parts that are not empty, as a Memory."""
    return Memory(tuple(part for part in parts if part.bytes), tuple(part for part in later if part.bytes))
