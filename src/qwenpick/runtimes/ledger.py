"""The account that a serving engine logs when it starts, as values: vLLM's and SGLang's own words for their own figures."""

from __future__ import annotations

from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Rank:
    """Bytes of one rank: what it loaded, the profiled peak, what lies outside torch, its graphs, and what is left for the cache."""

    where: str
    weights_bytes: int
    peak_activation_bytes: int
    outside_torch_bytes: int
    cuda_graph_bytes: int
    available_kv_cache_bytes: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """One start with the engine's own settings. `measured` says whether starts of that version were measured.

    `blocks` of `block_tokens` tokens are what every rank has; `kv_cache_tokens` is as the engine logs it, `max_concurrency` how many requests of the
    full context it holds. `mem_fraction_static` and `state_slots` are SGLang's.
    `refusal` is why such a start would be given up; None where it serves.
    """

    version: str
    measured: bool
    ranks: tuple[Rank, ...]
    blocks: int
    block_tokens: int
    kv_cache_tokens: int
    max_concurrency: float
    mem_fraction_static: float | None = None
    state_slots: int | None = None
    refusal: str | None = None

    @property
    def fullest(self) -> Rank:
        """The rank with the least left for its cache."""
        return min(self.ranks, key=lambda rank: rank.available_kv_cache_bytes)
