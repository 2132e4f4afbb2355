"""The multimodal projector (mmproj file): vision and audio towers, loaded where the workload has images or sound."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.catalog.schema import Architecture, VisionTower
from qwenpick.i18n import N_
from qwenpick.memory.account import RAM, Part, gpu
from qwenpick.runtimes.llamacpp.options import Options

if TYPE_CHECKING:
    from qwenpick.work.serving import Serving

PROJECTOR = "projector"
WARMUP_PATCHES = 92 * 92  # an image of 1472 x 1472 in patches of 16, which the server encodes once at its start


def projector_parts(architecture: Architecture, work: Serving, options: Options, has_gpu: bool) -> Iterator[Part]:
    """The towers and their compute buffer, on the first GPU or in RAM; nothing for text."""
    wanted = options.mmproj if options.mmproj is not None else bool(work.image_tokens or work.audio_seconds)
    if not wanted:
        return
    where = gpu(0) if has_gpu and options.mmproj_offload else RAM
    yield Part(
        PROJECTOR,
        projector_bytes(architecture),
        where,
        N_("parameters of the towers x 2, small tensors x 4 (mmproj file)"),
        "weights",
    )
    if architecture.vision:
        buffer = encode_bytes(architecture.vision, work.image_tokens)
        yield Part("projector compute", buffer, where, N_("patches x 4 x (3 hidden + inner)"), "compute")


@lru_cache(maxsize=512)
def projector_bytes(architecture: Architecture) -> int:
    """Bytes of the towers in a 16-bit projector file; vectors, patch and position embeddings are 32 bits wide.

    Qwen3.6-27B: 460,730,096 x 2 + 4.8 million more = 888 MiB, as its server prints.
    """
    vision, audio = architecture.vision, architecture.audio
    return (2 * vision.parameters + 2 * _wide_elements(vision) if vision else 0) + (
        2 * audio.parameters if audio else 0
    )


def _wide_elements(vision: VisionTower) -> int:
    """Elements that are not written in 16 bits: positions, the patch convolution, biases and norms."""
    hidden = vision.hidden_size
    patches = (vision.temporal_patch_size or 1) * 3 * vision.patch_size**2 * hidden
    return (vision.positions or 0) * hidden + patches + vision.depth * (9 * hidden + vision.intermediate_size)


def encode_bytes(vision: VisionTower, image_tokens: int) -> int:
    """Compute buffer of the encoder: at least that of the warm-up image, for which a server printed 248 MiB (this says 250)."""
    patches = max(WARMUP_PATCHES, image_tokens * (vision.merge_size or 1) ** 2)
    return patches * 4 * (3 * vision.hidden_size + vision.intermediate_size)
