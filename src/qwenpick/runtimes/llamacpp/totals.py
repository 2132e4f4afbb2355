"""What a GPU holds of a model as a function of where it is cut, as sums that need no memory plan: weights, cache and state."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.runtimes.llamacpp.batch import batch_of
from qwenpick.runtimes.llamacpp.cache import indexer_totals, kv_totals, state_totals
from qwenpick.runtimes.llamacpp.model import load
from qwenpick.runtimes.llamacpp.options import Options
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.work.serving import Serving


ROUNDED = 8  # parts of a measured file, each of which is rounded to a byte


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Bytes on a GPU without the first 1, 2, … all layers (`from_layer`), or without their experts; below zero, so that they rise.

    `in_ram` are bytes in RAM then, at least: those layers, their cache and states, and the embedding.
    """

    from_layer: tuple[int, ...]
    without_experts: tuple[int, ...]
    in_ram: tuple[int, ...]

    def fewest_layers(self, room: float) -> int:
        """How many layers, from 1 to all, must be left out at least for the rest to be no more than `room` bytes."""
        return bisect_left(self.from_layer, -room, 0, len(self.from_layer) - 1) + 1

    def spilled(self, room: float) -> int:
        """Bytes that lie in RAM at least where layers do for the rest to be no more than `room` bytes."""
        return self.in_ram[self.fewest_layers(room) - 1]

    def fewest_experts(self, room: float) -> int | None:
        """Of how many layers the experts must be left out at least; None where those of all layers are not enough."""
        falling = self.without_experts
        return bisect_left(falling, -room) + 1 if -falling[-1] <= room else None


def cached_totals(architecture: Architecture, cells: int, work: Serving, *, on_gpu: bool = True) -> list[int]:
    """Bytes of cache, index keys and states of the first 0, 1, 2, … layers."""
    return [
        sum(layer)
        for layer in zip(
            kv_totals(architecture, cells, work.kv_cache, on_gpu=on_gpu),
            indexer_totals(architecture, cells),
            state_totals(architecture, work.sequences),
            strict=True,
        )
    ]


@lru_cache(maxsize=8192)
def totals(architecture: Architecture, format_name: str, work: Serving, share: float = 1.0) -> Totals:
    """The sums for a workload without options. `share` is how large the file is by its format's rule: then they are no more than what is held."""
    loaded, cells = load(architecture, format_name), batch_of(work, Options(), pooled=False).context
    pieces, ram = loaded.gpu, loaded.ram
    cached, apart = cached_totals(architecture, cells, work), cached_totals(architecture, cells, work, on_gpu=False)
    dense, experts = pieces.dense, pieces.experts
    left_out = range(1, architecture.num_layers + 1)
    weights = pieces.head + pieces.output_norm + dense[-1] + experts[-1]

    def held(in_ram: int) -> int:
        return weights - in_ram if share == 1.0 else int((weights - in_ram) * share) - ROUNDED

    return Totals(
        tuple(cached[n] - cached[-1] - held(dense[n] + experts[n]) for n in left_out),
        tuple(-cached[-1] - held(experts[n]) for n in left_out),
        tuple(int((ram.embedding + ram.layers(0, n)) * share) - ROUNDED + apart[n] for n in left_out),
    )
