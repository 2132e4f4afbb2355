"""What a request shows and plays to a model: pictures and sound that are planned though nobody said so, and the note where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.recommending.tasks import AUDIO_SECONDS, IMAGE_TOKENS, READ, Task

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.recommending.request import Request


def modalities(model: Model, task: Task, request: Request) -> tuple[int, float]:
    """(image tokens, seconds of sound) of one request: as asked, else the task's, and a picture and a sound for models that are there for them.

    A chat model that can see is planned for text in a task of text.
    """
    pictures = IMAGE_TOKENS if model.kind in {"vision", "omni"} and "image" in model.inputs else task.image_tokens
    sound = AUDIO_SECONDS if model.kind in {"audio", "omni"} and "audio" in model.inputs else task.audio_seconds
    return (
        pictures if request.image_tokens is None else request.image_tokens,
        sound if request.audio_seconds is None else request.audio_seconds,
    )


def check_modalities(model: Model, request: Request) -> None:
    """Raises QwenpickError where the model does not read what was asked for."""
    for asked, kind in ((request.image_tokens, "image"), (request.audio_seconds, "audio")):
        if asked and kind not in model.inputs:
            raise QwenpickError(_("{name} does not read {missing}", name=model.name, missing=_(READ[kind])))


def unplanned_modalities(model: Model, task: Task, request: Request) -> str | None:
    """What to say where a model that sees is planned for text since nobody said more; None elsewhere."""
    if request.image_tokens is not None or "image" not in model.inputs or modalities(model, task, request)[0]:
        return None
    return _("planned for text; it reads pictures too: --image-tokens {tokens} plans them", tokens=IMAGE_TOKENS)
