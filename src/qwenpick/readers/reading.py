"""What reading a model gives: catalogue values, ready for an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model


class Reading(NamedTuple):
    """A model that was read. Its checkpoints are the model's: those of the catalogue, or the one that was found, with its exact bytes."""

    model: Model
    architecture: Architecture
    checkpoints: tuple[Checkpoint, ...]
