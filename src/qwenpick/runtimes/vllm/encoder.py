"""vLLM's vision tower while it is profiled: one largest image, and what stays of it while the language model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture

ELEMENT = 2  # bytes of a 16-bit activation
PROFILE_IMAGE_TOKENS = 16384  # the largest image or video that the encoder is profiled with (encoder cache budget)
# Hidden states alive in a layer's attention: 1.885 GiB (1152 wide) and 1.697 GiB (1024 wide) over 65,536 patches are 12 of them beside
# the patch's pixels, its rotary angles and 8 elements, to the byte. Queries, keys, values and what rotates them are cut over ranks.
WHOLE, DIVIDED = 6, 6
POSITIONS = 8
# 0.11 and 0.12 profile Qwen3-VL with the largest video, 12,288 tokens, and make room in the encoder's cache for 12.5 times as many, its
# timestamps: models/qwen3_vl.py get_max_video_tokens, v1/worker/gpu_model_runner.py profile_run. 0.16 has neither.
VIDEO_TOKENS, VIDEO_ROOM = 12288, 12.5
WITH_TIMESTAMPS = ((0, 11), (0, 13))


def profile_tokens(
    architecture: Architecture, version: tuple[int, ...], pictures: bool = True, videos: bool = True
) -> int:
    """Merged tokens of what the tower is profiled with: the largest picture, or the largest video where prompts have no pictures."""
    timestamps = architecture.model_type.startswith("qwen3") and videos
    if timestamps and (not pictures or _with_timestamps(architecture, version)):
        return VIDEO_TOKENS
    return PROFILE_IMAGE_TOKENS


def kept_tokens(architecture: Architecture, version: tuple[int, ...], profiled: int) -> int:
    """Tokens of the tower's output that are held while the language model is profiled."""
    if profiled == VIDEO_TOKENS and _with_timestamps(architecture, version):
        return int(VIDEO_TOKENS * VIDEO_ROOM) + VIDEO_TOKENS
    return profiled


def _with_timestamps(architecture: Architecture, version: tuple[int, ...]) -> bool:
    first, after = WITH_TIMESTAMPS
    return architecture.model_type.startswith("qwen3_vl") and first <= version < after


def output_bytes(architecture: Architecture, tokens: int = PROFILE_IMAGE_TOKENS) -> int:
    """Bytes of one image after the tower; each deepstack layer adds one such output."""
    tower = architecture.vision
    if tower is None:
        return 0
    return tokens * architecture.hidden_size * ELEMENT * (1 + len(tower.deepstack_layers))


def peak_bytes(architecture: Architecture, tokens: int, ranks: int = 1) -> int:
    """Bytes of the tower at its widest over one image of `tokens` merged tokens."""
    tower = architecture.vision
    if tower is None:
        return 0
    patches = tokens * (tower.merge_size or 2) ** 2
    pixels = 3 * (tower.temporal_patch_size or 1) * tower.patch_size**2
    states = WHOLE * tower.hidden_size + DIVIDED * tower.hidden_size // ranks
    return patches * ELEMENT * (states + pixels + tower.hidden_size // tower.heads + POSITIONS)
