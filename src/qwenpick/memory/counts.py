"""Whether a catalogue contradicts itself: every stated parameter count against the one that the architecture's tensors sum to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenpick.memory.tensors import active_parameters, parameters

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog


def contradictions(catalog: Catalog) -> Iterator[str]:
    """A line for each model whose stated counts its architecture does not give, and for each that names an architecture there is not."""
    for model in catalog.models.values():
        if not model.open_weights or not model.parameters:
            continue
        if (model.architecture or "") not in catalog.architectures:
            yield f"{model.id}: architecture {model.architecture} is not in the catalogue"
            continue
        architecture = catalog.architecture(model)
        for word, stated, derived in (
            ("total", model.parameters.total, parameters(architecture)),
            ("active", model.parameters.active, active_parameters(architecture)),
        ):
            if stated != derived:
                yield f"{model.id}: parameters.{word} is {stated:,}, its tensors are {derived:,}"
