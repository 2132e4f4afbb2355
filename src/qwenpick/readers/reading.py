"""What reading a model gives: catalogue values, ready for an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model


class Reading(NamedTuple):
    """A model that was read. Its checkpoints are the model's: those of the catalogue, or the one that was found, with its exact bytes.

    `note` says of a model that others made whose architecture it was given.
    """

    model: Model
    architecture: Architecture
    checkpoints: tuple[Checkpoint, ...]
    note: str | None = None


# (repository, file, first byte, last byte) -> those bytes; None for a file that is not there. A negative last byte asks for the whole file.
Fetch = Callable[[str, str, int, int], bytes | None]
