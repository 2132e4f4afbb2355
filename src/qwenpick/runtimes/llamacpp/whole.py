"""What of a model lies on one GPU, and what lies somewhere however it is cut: both are known without a search of the cut."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.memory import RAM, gpu
from qwenpick.runtimes.llamacpp.driver import driver_bytes
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.model import load
from qwenpick.runtimes.llamacpp.parts import Shape, on_any_device
from qwenpick.runtimes.llamacpp.run import DRIVER

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.hardware import Device
    from qwenpick.workload import Serving


@dataclass(frozen=True, slots=True)
class Whole:
    """A model that lies on one GPU: bytes there and in RAM, and bytes of the cache. `pool` are those that only NVIDIA's driver adds."""

    on_gpu: int
    in_ram: int
    cache: int
    pool: int

    def missing(self, device: Device, work: Serving) -> int:
        """Bytes that the GPU lacks; 0 or less where it holds the model."""
        return self.on_gpu + driver_bytes(device, self.pool) - (budget(device, work) or 0)


@lru_cache(maxsize=8192)
def whole(architecture: Architecture, checkpoint: Checkpoint, work: Serving) -> Whole:
    """The model on one GPU, whichever that is."""
    memory = on_any_device(architecture, checkpoint, work, Shape(1))
    pool = next(part.bytes for part in memory.parts if part.name == DRIVER)
    return Whole(memory.on(gpu(0)) - pool, memory.on(RAM), memory.of("kv cache"), pool)


def layer_bytes(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of all layers, which lie on the GPU or in RAM however the model is cut."""
    return load(architecture, checkpoint.format).ram.layers(0, architecture.num_layers)
