"""A model that the GPUs together do not hold, over all of them: experts of the first layers in RAM, or the first layers themselves.

llama.cpp obeys -ts beside --n-cpu-moe and -ngl (llama-model.cpp, load_tensors: layers from the first that is offloaded, device after device). Which
cut holds is searched over sums per layer; then it is made sure of with the exact account.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.runtimes.llamacpp.batch import batch_of
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.model import load
from qwenpick.runtimes.llamacpp.options import Options
from qwenpick.runtimes.llamacpp.parts import file_share, on_gpus
from qwenpick.runtimes.llamacpp.totals import cached_totals
from qwenpick.work.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.machine.hardware import Device
    from qwenpick.work.serving import Serving

TRIES = 8  # layers more that are left to RAM where the exact account does not hold what the sums do


@lru_cache(maxsize=1024)
def spread(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    devices: tuple[Device, ...],
    edge: float,
    pooled: bool,
) -> tuple[tuple[int, ...], int] | None:
    """(layers of each device, layers whose experts lie in RAM) with the least in RAM; None where no cut holds, or options change the sums.

    `edge` is what the estimate is multiplied by.
    """
    rooms = [budget(device, work) or 0 for device in devices]
    if work.options or not all(rooms):
        return None
    n, moe = architecture.num_layers, architecture.is_moe
    dense, experts = _layers(architecture, checkpoint, work)
    # all that is not a layer: buffers, the driver's part, the output on the last device
    even = tuple((n + 1) * (i + 1) // len(devices) - (n + 1) * i // len(devices) for i in range(len(devices)))
    base = on_gpus(
        architecture, checkpoint, work, Placement(devices, split=even, cpu_moe_layers=n if moe else 0), pooled=pooled
    )
    free, first = list[float](), 0
    for index, count in enumerate(even):
        held = sum(dense[first : first + count]) + (0 if moe else sum(experts[first : first + count]))
        free.append(rooms[index] / edge - (base[index] - held))
        first += count

    def sizes(moved: int) -> list[float]:
        if moe:
            return [own + (0.0 if layer < moved else experts[layer]) for layer, own in enumerate(dense)]
        return [own + more for own, more in zip(dense[moved:], experts[moved:], strict=True)]

    least = bisect_left(range(1, n), True, key=lambda moved: packed(sizes(moved), free) is not None) + 1
    for moved in range(least, min(least + TRIES, n) + 1):
        split = packed(sizes(moved), free)
        if split and _holds(
            architecture,
            checkpoint,
            work,
            Placement(devices, split=split, cpu_moe_layers=moved if moe else 0),
            rooms,
            edge,
            pooled,
        ):
            return split, moved if moe else 0
    return None


def packed(sizes: Sequence[float], rooms: Sequence[float]) -> tuple[int, ...] | None:
    """How many of the layers, in their order, each device takes, the output (one more) on the last; None where they do not all fit.

    Every device takes one at least: a share of none is no share.

    >>> packed([1, 1, 1, 4, 4], [3, 4, 4])
    (3, 1, 2)
    """
    counts, at = list[int](), 0
    for index, room in enumerate(rooms):
        later = len(rooms) - index - 1
        used, count = 0.0, 0
        while at < len(sizes) - later + 1 and at < len(sizes) and used + sizes[at] <= room:
            used, count, at = used + sizes[at], count + 1, at + 1
        counts.append(count)
    if at < len(sizes):
        return None
    counts[-1] += 1
    return tuple(counts) if all(counts) else None


def _layers(architecture: Architecture, checkpoint: Checkpoint, work: Serving) -> tuple[list[float], list[float]]:
    """Bytes of each layer on a GPU: weights without its experts, with cache and state; and its experts."""
    pieces, cells = load(architecture, checkpoint.format).gpu, batch_of(work, Options(), pooled=False).context
    cached = cached_totals(architecture, cells, work)
    share = file_share(architecture, checkpoint)
    steps = range(architecture.num_layers)
    dense = [(pieces.dense[i + 1] - pieces.dense[i]) * share + cached[i + 1] - cached[i] for i in steps]
    return dense, [(pieces.experts[i + 1] - pieces.experts[i]) * share for i in steps]


def _holds(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    rooms: Sequence[int],
    edge: float,
    pooled: bool,
) -> bool:
    need = on_gpus(architecture, checkpoint, work, placement, pooled=pooled)
    return all(round(held * edge) <= room for held, room in zip(need, rooms, strict=True))


__all__ = ["spread"]
