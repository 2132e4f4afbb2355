"""What `recommend` is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from qwenpick.memory.cache import KvCache

if TYPE_CHECKING:
    from qwenpick.recommending.rank import Prefer


@dataclass(frozen=True, slots=True)
class Wish:
    """What `recommend` was asked: the task and the constraints. None is what was not said."""

    task: str = "chat"
    context: int | None = None
    users: int = 1
    runtime: str | None = None
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
