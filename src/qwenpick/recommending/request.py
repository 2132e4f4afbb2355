"""What every planning command is asked: recommend, fit, launch, compare, plan, replace and check share one request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes.option import spelled
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

    def __post_init__(self) -> None:
        if self.options:
            object.__setattr__(self, "options", {spelled(name): value for name, value in self.options.items()})
            object.__setattr__(self, "context", said_by_options(self))


# an engine's own words for what a request says: the longest sequence, the most at once, and over how many copies those are divided
CONTEXT, AT_ONCE = "max_model_len", ("max_num_seqs", "max_running_requests")
COPIES = ("data_parallel_size", "dp_size", "dp")


def said_by_options(request: Request) -> int | None:
    """The context with what an engine's option says of it: vLLM's max_model_len=8192 is the context, and -1 leaves the planned one.

    Raises QwenpickError where the two differ, and where an option lets fewer run at once than there are users.
    """
    most, longest = at_once(request), _whole(request.options.get(CONTEXT)) or 0
    wanted = request.context or request.min_context or 0
    if longest > 0 and ((request.context and request.context != longest) or (request.min_context or 0) > longest):
        raise QwenpickError(
            _(
                "{option}={said} is not the {context} tokens that are planned: give one of them",
                option=CONTEXT,
                said=longest,
                context=wanted,
            )
        )
    if most is not None and most < request.users:
        raise QwenpickError(
            _(
                "the engine's options let {most} run at once, fewer than the {users} users that are planned: leave {option} out, or plan fewer",
                most=most,
                users=request.users,
                option=next(name for name in AT_ONCE if name in request.options),
            )
        )
    return longest if longest > 0 else request.context


def planned_options(request: Request) -> Mapping[str, object]:
    """The options without what the request itself says, so that a plan of another length is not held to it."""
    return {name: value for name, value in request.options.items() if name != CONTEXT}


def at_once(request: Request) -> int | None:
    """The most that an option lets run at once, of all copies together; None where none says."""
    said = request.options
    most = next((_whole(said[name]) for name in AT_ONCE if name in said), None)
    copies = next((_whole(said[name]) or 1 for name in COPIES if name in said), 1)
    return most * copies if most and most > 0 else None


def _whole(value: object) -> int | None:
    """A number, as it is or as text; None for anything else, which the engine's table refuses."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else None
