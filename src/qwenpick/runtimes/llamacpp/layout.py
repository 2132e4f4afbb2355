"""The ways to lay a model out on a machine, preferred first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenpick.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.hardware import Machine
    from qwenpick.workload import Serving


def placements(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterator[Placement]:
    """One GPU with all layers; CPU only."""
    for device in machine.devices:
        yield Placement((device,))
    yield Placement()
