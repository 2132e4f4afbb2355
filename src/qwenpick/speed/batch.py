"""Many users at once: while some are answered the prompts of others are read, in the same steps."""

from __future__ import annotations

from collections.abc import Sequence

from qwenpick.speed.decode import Load, accepted_tokens, step_on, token_seconds
from qwenpick.speed.prefill import prompt_seconds
from qwenpick.speed.stages import Stage
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """What each user sees of several who ask again once answered: tokens/s while an answer is written, and seconds to its first token."""

    each: float
    first_token: float


def served(
    load: Load, drafts: int, chunk: int, parts: Sequence[Stage], users: int, prompt: int, answer: int, cached: int = 0
) -> Served:
    """A steady load: every user's prompt of `prompt` tokens, after `cached` ones that are kept, is answered with `answer` tokens.

    In the time in which each of them is served once, all prompts are read, in batches that they share, and each answer takes its steps. A step that
    reads prompts carries a token of each answer along: their weights are read anyway, their caches and states are not. Where there are more such
    steps than an answer has, prompts alone set the pace (vLLM v1/core/sched/scheduler.py, SGLang's mixed chunks).
    """
    depth = cached + prompt + answer / 2
    step = token_seconds(load, depth, users, drafts, parts)
    reading = prompt_seconds(load, prompt, cached, chunk, parts, users) if prompt else 0.0
    # tokens of an answer that come in steps which read prompts
    shared = min(float(answer), users * prompt / chunk * accepted_tokens(drafts, load.predictable))
    carried = sum(_kept_seconds(load, depth, users, 1 + drafts, stage) for stage in parts) / accepted_tokens(
        drafts, load.predictable
    )
    whole = reading + (answer - shared) * step + shared * carried
    alone = prompt_seconds(load, prompt, cached, chunk, parts) if prompt else 0.0
    return Served(answer / whole, alone + step)


def _kept_seconds(load: Load, depth: float, users: int, tokens: int, stage: Stage) -> float:
    """Seconds that the caches and states of all users take in one step of a stage."""
    step = step_on(load, depth, users, tokens, stage.place.kind)
    bandwidth = stage.place.bandwidth
    return stage.layers * (
        step.cached / (bandwidth * min(stage.ways, step.pieces)) + step.state / (bandwidth * stage.ways)
    )
