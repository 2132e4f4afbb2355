"""Whether to let a model think before it answers, and what that does to the wait."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from qwenpick.i18n import _
from qwenpick.recommending.effort import THINKING_TOKENS, Effort

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.recommending.tasks import Task

THINKING_LOOPS_BELOW = 3_000_000_000  # parameters: Qwen3.5-0.8B and 2B loop when they think (TyloQuant#12)


def efforts_for(model: Model, task: Task, wanted: Literal["yes", "no", "either"] = "either") -> tuple[Effort, ...]:
    """The efforts that the model can do the task with, advised first; `wanted` says whether the person wants it to think."""
    if model.thinking == "always":
        return ("high",)
    if model.thinking != "hybrid" or wanted == "no":
        return ("off",)
    thinks = tuple(effort for effort in task.efforts if effort != "off")
    if wanted == "yes":
        return thinks or ("low",)
    if model.parameters and model.parameters.total < THINKING_LOOPS_BELOW:
        return ("off",)
    return task.efforts


def thinks_as_asked(model: Model, wanted: Literal["yes", "no", "either"]) -> bool:
    """Whether the model can think, or leave it, as is wanted."""
    if wanted == "yes":
        return model.thinking in ("always", "hybrid")
    return wanted == "either" or model.thinking != "always"


def why_effort(model: Model, task: Task, effort: Effort) -> str:
    """Why the model is advised to think that much in this task."""
    if model.thinking == "always":
        return _("it always thinks")
    if model.thinking != "hybrid":
        return _("it does not think")
    if (
        effort == "off"
        and model.parameters
        and model.parameters.total < THINKING_LOOPS_BELOW
        and task.thinking != "off"
    ):
        return _("models below 4B loop when they think")
    if effort == task.thinking:
        return _(task.why_thinking)
    return _("this machine is fast enough") if task.thinking == "off" else _("thinking more would make the answer late")


def seconds_to_answer(task: Task, effort: Effort, decode: float, prefill: float) -> float:
    """Seconds until a typical answer is complete: the prompt is read, then the thinking and the answer are written."""
    written = task.answer * THINKING_TOKENS[effort] / decode if task.answer else 0.0
    return task.prompt / prefill + written


@lru_cache(maxsize=256)
def seconds_wanted(task: Task) -> tuple[float, float]:
    """(usable, comfortable) seconds to a complete answer, from the task's floors; a model that thinks more must be faster to keep them.

    >>> from qwenpick.recommending.tasks import TASKS
    >>> seconds_wanted(TASKS["chat"])
    (85.0, 21.25)
    """
    return (
        seconds_to_answer(task, task.thinking, task.usable, task.prefill),
        seconds_to_answer(task, task.thinking, task.comfortable, task.comfortable_prefill),
    )
