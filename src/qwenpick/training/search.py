"""How far a training run stretches in a memory budget: the longest sequence and the largest batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qwenpick.catalog.schema import Architecture, Checkpoint, Model
from qwenpick.placement import Placement
from qwenpick.training import memory
from qwenpick.workload import Training

STEP = 256  # tokens; sequences are cut to multiples of it
LONGEST = 2**20
LARGEST = 4096


def fits(
    model: Model,
    architecture: Architecture,
    training: Training,
    budget: int,
    placement: Placement | None = None,
    checkpoint: Checkpoint | None = None,
) -> bool:
    """Whether every GPU of the run holds its parts in `budget` bytes."""
    found = memory(model, architecture, training, placement, checkpoint)
    return all(found.on(where) <= budget for where in found.places if where != "ram")


def longest_sequence(
    model: Model,
    architecture: Architecture,
    training: Training,
    budget: int,
    placement: Placement | None = None,
    checkpoint: Checkpoint | None = None,
) -> int | None:
    """Tokens of the longest sequence, a multiple of 256, that fits `budget` bytes on each GPU with the other settings; None if 256 do not.

    It may exceed what the model can read: its context is the caller's to apply.
    """
    steps = _most(
        lambda n: fits(model, architecture, replace(training, seq=n * STEP), budget, placement, checkpoint),
        LONGEST // STEP,
    )
    return steps * STEP if steps else None


def largest_batch(
    model: Model,
    architecture: Architecture,
    training: Training,
    budget: int,
    placement: Placement | None = None,
    checkpoint: Checkpoint | None = None,
) -> int | None:
    """Sequences per GPU that fit `budget` bytes on each; None if one does not."""
    return _most(
        lambda n: fits(model, architecture, replace(training, batch=n), budget, placement, checkpoint), LARGEST
    )


def _most(holds: Callable[[int], bool], limit: int) -> int | None:
    """The largest n from 1 to `limit` for which `holds`, which must stay false once it is; None if 1 is too many."""
    if not holds(1):
        return None
    low, high = 1, 2
    while high <= limit and holds(high):
        low, high = high, high * 2
    high = min(high, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
