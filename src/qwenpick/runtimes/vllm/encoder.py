"""vLLM's vision tower while it is profiled: the largest images, and what stays of them while the language model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture

ELEMENT = 2  # bytes of a 16-bit activation
PROFILE_IMAGE_TOKENS = 16384  # of the largest image that the processors of Qwen's models take
USUAL_LIMIT = 999  # items of a prompt: config/multimodal.py limit_per_prompt
# Hidden states alive in a layer's attention: 1.885 GiB (1152 wide) and 1.697 GiB (1024 wide) over 65,536 patches are 12 of them beside
# the patch's pixels, its rotary angles and 8 elements, to the byte. Queries, keys, values and what rotates them are cut over ranks.
WHOLE, DIVIDED = 6, 6
POSITIONS = 8
# From here on pictures reach the tower as bytes, and it norms them: layers/fusion/mm_input_norm.py. That deepstack's outputs stay was seen in 0.33;
# before, a start on an L4 had no room for them (field_serving_more.csv r24)
NORMED_BY_TOWER = (0, 31)
# 0.11 and 0.12 profile Qwen3-VL with the largest video, 12,288 tokens, and make room in the encoder's cache for 12.5 times as many, its
# timestamps: models/qwen3_vl.py get_max_video_tokens, v1/worker/gpu_model_runner.py profile_run. 0.16 has neither.
VIDEO_TOKENS, VIDEO_ROOM = 12288, 12.5
WITH_TIMESTAMPS = COPIED = ((0, 11), (0, 13))


@dataclass(frozen=True, slots=True)
class Prompts:
    """What prompts may hold: how many pictures and videos, None for as many as the engine takes by itself; 0 for none.

    `most` are pixels of the largest picture that the processor takes, `picture` (width, height) of the one to profile with; None where nobody said.
    """

    pictures: int | None = None
    videos: int | None = None
    most: int | None = None
    picture: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Profiled:
    """What the tower is profiled with: `tokens` merged ones in all, and those of its output that are `kept` while the language model is."""

    tokens: int
    kept: int


def profiled(
    architecture: Architecture, version: tuple[int, ...], tokens: int, sequences: int, context: int, asked: Prompts
) -> Profiled:
    """The largest pictures, or the largest videos where prompts have no pictures: as many as the encoder's budget takes.

    The budget is the batched `tokens`, at least those of one item; a prompt has as many items as it may and as its `context` holds.
    multimodal/encoder_budget.py _get_max_items of 0.27, v1/worker/utils.py get_max_items of 0.11.
    """
    side = _side(architecture)
    largest = max(1, asked.most // side**2) if asked.most else PROFILE_IMAGE_TOKENS
    first = _with_timestamps(architecture, version)
    video = architecture.model_type.startswith("qwen3") and asked.videos != 0 and (asked.pictures == 0 or first)
    shown = VIDEO_TOKENS if video else largest
    item = int(VIDEO_TOKENS * VIDEO_ROOM) if video and first else shown
    most = asked.videos if video else asked.pictures
    budget = max(tokens, item)
    in_prompt = max(1, min(USUAL_LIMIT if most is None else most, context // item))
    count = max(1, min(budget // item, sequences * in_prompt))
    if asked.picture and not video:
        shown = min(shown, max(1, asked.picture[0] // side) * max(1, asked.picture[1] // side))
    kept = count * shown
    # into room for the whole budget, the tower's own output beside the copies
    if COPIED[0] <= version < COPIED[1] and shown < budget:
        return Profiled(kept, kept + count * budget)
    return Profiled(kept, kept)


def _side(architecture: Architecture) -> int:
    """Pixels of the side of a merged token: patch x merge."""
    tower = architecture.vision
    return tower.patch_size * (tower.merge_size or 2) if tower else 1


def _with_timestamps(architecture: Architecture, version: tuple[int, ...]) -> bool:
    first, after = WITH_TIMESTAMPS
    return architecture.model_type.startswith("qwen3_vl") and first <= version < after


def output_bytes(architecture: Architecture, tokens: int) -> int:
    """Bytes of one image after the tower; each deepstack layer adds one such output."""
    tower = architecture.vision
    if tower is None:
        return 0
    return tokens * architecture.hidden_size * ELEMENT * (1 + len(tower.deepstack_layers))


def peak_bytes(architecture: Architecture, tokens: int, ranks: int, version: tuple[int, ...]) -> int:
    """Bytes of the tower at its widest over one image of `tokens` merged tokens: in its last layers, with what deepstack took of earlier ones.

    Qwen3-VL-8B in 0.33: 2.21 GiB, 0.375 of them deepstack's; Qwen3.5's tower of the same width 1.79.
    """
    tower = architecture.vision
    if tower is None:
        return 0
    patches = tokens * (tower.merge_size or 2) ** 2
    pixels = 3 * (tower.temporal_patch_size or 1) * tower.patch_size**2 // (2 if version >= NORMED_BY_TOWER else 1)
    deepstack = tokens * architecture.hidden_size * len(tower.deepstack_layers) if version >= NORMED_BY_TOWER else 0
    states = WHOLE * tower.hidden_size + DIVIDED * tower.hidden_size // ranks
    return ELEMENT * (patches * (states + pixels + tower.hidden_size // tower.heads + POSITIONS) + deepstack)
