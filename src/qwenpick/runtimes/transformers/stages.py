"""Which layers lie on which device."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture
from qwenpick.machine.hardware import Device
from qwenpick.memory.account import RAM, gpu
from qwenpick.values import dataclass
from qwenpick.work.placement import Placement


@dataclass(frozen=True, slots=True)
class Stage:
    """The layers [first, end) that one device holds."""

    where: str
    device: Device | None
    first: int
    end: int
    layers: int

    @property
    def has_embeddings(self) -> bool:
        """Whether the embeddings lie here."""
        return self.first == 0

    @property
    def has_head(self) -> bool:
        """Whether the last norm and lm_head lie here."""
        return self.end == self.layers


def stages(architecture: Architecture, placement: Placement, sizes: list[int], before: int, after: int) -> list[Stage]:
    """Which layers lie where: as `placement.split` says, else evenly by bytes, as accelerate's device_map="auto" does."""
    count = len(placement.devices)
    layers = architecture.num_layers
    if count == 0:
        return [Stage(RAM, None, 0, layers, layers)]
    split = placement.split or _even(sizes, before, after, count)
    ends = [sum(split[: i + 1]) for i in range(count)]
    return [Stage(gpu(i), placement.devices[i], end - split[i], end, layers) for i, end in enumerate(ends)]


def _even(sizes: list[int], before: int, after: int, count: int) -> tuple[int, ...]:
    """Layers per device so that each holds about the same bytes; every device gets one at least."""
    share = (before + sum(sizes) + after) / count
    split: list[int] = []
    index, filled = 0, before
    for device in range(count - 1):
        start, must_stay = index, count - 1 - device
        while index < len(sizes) - must_stay and (index == start or filled + sizes[index] / 2 <= share * (device + 1)):
            filled += sizes[index]
            index += 1
        split.append(index - start)
    return (*split, len(sizes) - index)
