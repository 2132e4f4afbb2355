"""What a request shows and plays to a model: pictures and sound that are planned though nobody said so, and the note where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.recommending.tasks import AUDIO_SECONDS, IMAGE_TOKENS

if TYPE_CHECKING:
    from qwenpick.catalog import Model


def modalities(model: Model, image_tokens: int | None = None, audio_seconds: float | None = None) -> tuple[int, float]:
    """(image tokens, seconds of sound) of one request: as asked, else a picture and a sound for models that are there to see and hear.

    A chat model that can see is planned for text. Raises QwenpickError where the model does not read what was asked for.
    """
    for asked, kind in ((image_tokens, "image"), (audio_seconds, "audio")):
        if asked and kind not in model.inputs:
            raise QwenpickError(_("{name} does not read {missing}", name=model.name, missing=kind))
    pictures = IMAGE_TOKENS if model.kind in {"vision", "omni"} and "image" in model.inputs else 0
    sound = AUDIO_SECONDS if model.kind in {"audio", "omni"} and "audio" in model.inputs else 0.0
    return (
        pictures if image_tokens is None else image_tokens,
        sound if audio_seconds is None else audio_seconds,
    )


def unplanned_modalities(model: Model, image_tokens: int | None = None) -> str | None:
    """What to say where a model that sees is planned for text since nobody said more; None elsewhere."""
    if image_tokens is not None or "image" not in model.inputs or modalities(model)[0]:
        return None
    return _("planned for text; it reads pictures too: --image-tokens {tokens} plans them", tokens=IMAGE_TOKENS)
