"""How ggml hands out offsets in a compute buffer: the smallest hole that fits, else the open end; neighbours that are free become one hole.

Behaviour of ggml/src/ggml-alloc.c of llama.cpp b11434. The buffer that llama.cpp reserves is the highest end that was ever handed out.
"""

from __future__ import annotations

_OPEN = 1 << 62


class Arena:
    """One buffer: its holes as [offset, size] in order, the open end last, and the highest end so far."""

    __slots__ = ("alignment", "holes", "peak")

    def __init__(self, alignment: int) -> None:
        self.alignment = alignment
        self.holes = [[0, _OPEN]]
        self.peak = 0

    def take(self, size: int) -> int:
        """The offset of `size` bytes."""
        size = self._aligned(size)
        holes = self.holes
        best = len(holes) - 1
        smallest = _OPEN
        for i in range(len(holes) - 1):
            if size <= holes[i][1] <= smallest:
                best, smallest = i, holes[i][1]
        hole = holes[best]
        offset = hole[0]
        hole[0] += size
        hole[1] -= size
        if not hole[1]:
            del holes[best]
        self.peak = max(self.peak, offset + size)
        return offset

    def give(self, offset: int, size: int) -> None:
        """Take back `size` bytes at `offset`."""
        size = self._aligned(size)
        if not size:
            return
        holes = self.holes
        at = 0
        while at < len(holes) and holes[at][0] < offset:
            at += 1
        before = holes[at - 1] if at and holes[at - 1][0] + holes[at - 1][1] == offset else None
        after = holes[at] if at < len(holes) and offset + size == holes[at][0] else None
        if before and after:
            before[1] += size + after[1]
            del holes[at]
        elif before:
            before[1] += size
        elif after:
            after[0], after[1] = offset, size + after[1]
        else:
            holes.insert(at, [offset, size])

    def _aligned(self, size: int) -> int:
        return -(-size // self.alignment) * self.alignment
