"""What every planning command is asked: recommend, fit, launch, compare, plan, replace and check share one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from qwenpick.memory.cache import KvCache
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.recommending.rank import Prefer

HIGHEST = "max"  # --quant max: the most bits per weight that lie wholly on the GPU, instead of the best plan


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, before defaults; None is what was not said.

    Without a task each model is planned for what it was made for (tasks.task_of). `context` are tokens of one sequence, and `users` how many
    sequences run at once. `engines` are the only ones that are compared (those that are installed); None is all.
    `image_tokens` and `audio_seconds` are of one request, 0 is text only. `min_speed` is tokens/s of one user and `max_disk`
    bytes of a download. `least_bits` leaves out formats named for fewer bits, where no format was asked for.
    """

    task: str | None = None
    context: int | None = None
    users: int = 1
    runtime: str | None = None
    engines: tuple[str, ...] | None = None
    quant: str | None = None
    kv_cache: KvCache | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    series: str | None = None
    languages: tuple[str, ...] = ()
    thinking: Literal["yes", "no", "either"] = "either"
    commercial: bool = False
    official_only: bool = True
    min_speed: float | None = None
    min_context: int | None = None
    max_disk: int | None = None
    prefer: Prefer = "balanced"
    gpu_only: bool = False
    strict: bool = False
    image_tokens: int | None = None
    audio_seconds: float | None = None
    least_bits: int = 0
