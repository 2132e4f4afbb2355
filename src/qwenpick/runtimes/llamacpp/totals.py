"""What a GPU holds of a model as a function of where it is cut, as sums that need no memory plan: weights, cache and state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.runtimes.llamacpp.batch import batch_of
from qwenpick.runtimes.llamacpp.cache import indexer_totals, kv_totals, state_totals
from qwenpick.runtimes.llamacpp.model import load
from qwenpick.runtimes.llamacpp.options import Options

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.workload import Serving


@dataclass(frozen=True, slots=True)
class Totals:
    """`head` is the output's bytes; the others are running totals over the layers: their tensors, their experts, their cache and state."""

    head: int
    dense: tuple[int, ...]
    experts: tuple[int, ...]
    cached: tuple[int, ...]

    def from_layer(self, first: int) -> int:
        """Bytes on a GPU that holds the layers from `first` to the last, and the output."""
        return (
            self.head
            + (self.dense[-1] - self.dense[first])
            + (self.experts[-1] - self.experts[first])
            + (self.cached[-1] - self.cached[first])
        )

    def without_experts(self, moved: int) -> int:
        """Bytes on a GPU that holds all but the experts of the first `moved` layers."""
        return self.head + self.dense[-1] + (self.experts[-1] - self.experts[moved]) + self.cached[-1]


@lru_cache(maxsize=8192)
def totals(architecture: Architecture, format_name: str, work: Serving) -> Totals:
    """The sums for a workload without options."""
    pieces, cells = load(architecture, format_name).gpu, batch_of(work, Options(), pooled=False).context
    layers = zip(
        kv_totals(architecture, cells, work.kv_cache, on_gpu=True),
        indexer_totals(architecture, cells),
        state_totals(architecture, work.sequences),
        strict=True,
    )
    return Totals(pieces.head + pieces.output_norm, pieces.dense, pieces.experts, tuple(map(sum, layers)))
