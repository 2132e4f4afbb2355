"""The multimodal projector (mmproj file): vision and audio towers, loaded where the workload has images or sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwenpick.memory import RAM, Part, gpu
from qwenpick.runtimes.llamacpp.options import Options

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.placement import Placement
    from qwenpick.workload import Serving


def projector_bytes(architecture: Architecture) -> int:
    """Bytes of the towers in an F16 projector file."""
    towers = (architecture.vision, architecture.audio)
    return sum(2 * tower.parameters for tower in towers if tower)


def projector_parts(
    architecture: Architecture, work: Serving, options: Options, placement: Placement
) -> Iterator[Part]:
    """The towers, on the first GPU or in RAM; nothing for text."""
    wanted = options.mmproj if options.mmproj is not None else bool(work.image_tokens or work.audio_seconds)
    if wanted:
        where = gpu(0) if placement.devices else RAM
        yield Part(
            "projector",
            projector_bytes(architecture),
            where,
            "parameters of the towers x 2 (F16 mmproj file)",
            "weights",
        )
