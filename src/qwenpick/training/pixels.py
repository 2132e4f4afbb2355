"""Pictures and video frames as tokens: how a trainer and the model's processor resize them before they are cut into patches."""

from __future__ import annotations

import math
from dataclasses import replace

from qwenpick.catalog.schema import Architecture
from qwenpick.catalog.schema import VisionTower as Tower
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.work.serving import Training

# what a picture and a video are scaled into first: llamafactory 0.9.5 hparams/model_args.py (image_max_pixels and the three beside it)
OF_LLAMA_FACTORY = {False: (32 * 32, 768 * 768), True: (16 * 16, 256 * 256)}
# tokens of a picture, least and most: min_pixels and max_pixels of the released preprocessor_config.json, over a token's pixels
FEWEST, FEWEST_OLD, MOST = 64, 4, 16384
# of a video of Qwen3-VL and newer, over all frames: video_preprocessor_config.json (shortest_edge, longest_edge), in pixels x frames
SHORTEST, LONGEST = 4096, 25_165_824
OLD = ("qwen2_vl", "qwen2_5_vl")
WIDEST = 200  # times as wide as high: transformers 5.17.0 smart_resize refuses more


def pictured(architecture: Architecture, training: Training) -> Training:
    """The run with the tokens of its pictures, where their size is given. QwenpickError where they do not belong into a sequence."""
    if training.image_size is None:
        return training
    tokens = training.images * picture_tokens(architecture, training.trainer, *training.image_size, training.frames)
    if tokens > training.seq:
        raise QwenpickError(
            _("the pictures are {tokens:,} tokens; a sequence has {seq:,} (--seq)", tokens=tokens, seq=training.seq)
        )
    return replace(training, image_tokens=tokens)


def picture_tokens(architecture: Architecture, trainer: str, width: int, height: int, frames: int = 1) -> int:
    """Tokens of one picture, or of a video of so many frames. QwenpickError for a model without a tower and a picture too long."""
    tower = architecture.vision
    if tower is None:
        raise QwenpickError(_("the model has no vision tower"))
    if tower.fixed_tokens_per_image:
        return tower.fixed_tokens_per_image * frames
    if max(width, height) > WIDEST * min(width, height):
        raise QwenpickError(_("a picture may be at most {times} times as wide as high", times=WIDEST))
    if trainer == "llama-factory":
        width, height = _scaled(width, height, *OF_LLAMA_FACTORY[frames > 1])
    factor, depth = tower.patch_size * (tower.merge_size or 1), tower.temporal_patch_size or 1
    pairs = max(1, round(frames / depth)) if frames > 1 else 1
    least, most, times = _bounds(tower, factor, frames, pairs * depth)
    high, wide = (max(factor, round(side / factor) * factor) for side in (height, width))
    if times * high * wide > most:
        beta = math.sqrt((frames if times > 1 else 1) * height * width / most)
        high, wide = (max(factor, math.floor(side / beta / factor) * factor) for side in (height, width))
    elif times * high * wide < least:
        beta = math.sqrt(least / ((frames if times > 1 else 1) * height * width))
        high, wide = (math.ceil(side * beta / factor) * factor for side in (height, width))
    return pairs * high * wide // factor**2


def _bounds(tower: Tower, factor: int, frames: int, whole: int) -> tuple[int, int, int]:
    """Least and most pixels, and over how many frames they are counted."""
    if frames > 1 and tower.kind not in OLD:
        return SHORTEST, LONGEST, whole
    return (FEWEST_OLD if tower.kind in OLD else FEWEST) * factor**2, MOST * factor**2, 1


def _scaled(width: int, height: int, least: int, most: int) -> tuple[int, int]:
    """As LLaMA-Factory scales a picture before the processor sees it."""
    for beyond, bound in ((width * height > most, most), (width * height < least, least)):
        if beyond:
            by = math.sqrt(bound / (width * height))
            width, height = int(width * by), int(height * by)
    return max(1, width), max(1, height)
