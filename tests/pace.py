"""How slow this machine is beside a current desktop, so that bounds in seconds are tested alike on both."""

from __future__ import annotations

import time
from functools import cache

REFERENCE = 0.008  # seconds of processor that the loop takes on a desktop of 2025, 40 ns a number


@cache
def slowness() -> float:
    """How many times as long a plain loop takes here, the least of five; 1 on a machine as fast as that."""
    return max(1.0, min(_loop() for _unused in range(5)) / REFERENCE)


def _loop() -> float:
    begin = time.process_time()
    sum(number * number for number in range(200_000))
    return time.process_time() - begin
