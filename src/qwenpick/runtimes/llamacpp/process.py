"""The process around the buffers: what it holds itself, and what a kernel reports as its resident memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.units import MIB

if TYPE_CHECKING:
    pass

# (vocabulary, bytes of the process besides its buffers), measured on Linux with the CPU backend: 50-53 MiB and 97-100 MiB
_PROCESSES = ((151_936, 52 * MIB), (248_320, 98 * MIB))


def process_bytes(vocab_size: int) -> int:
    """Bytes of the process besides its buffers: those of the measured vocabulary that is nearest."""
    return min(_PROCESSES, key=lambda known: abs(known[0] - vocab_size))[1]
