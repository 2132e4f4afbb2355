"""What of a model lies on one GPU, and what lies somewhere however it is cut: both are known without a search of the cut."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.memory.account import RAM
from qwenpick.runtimes.llamacpp.limits import budget
from qwenpick.runtimes.llamacpp.model import load
from qwenpick.runtimes.llamacpp.parts import FirstGpu, Shape, file_share, first_gpu, on_any_device
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.machine.hardware import Device
    from qwenpick.runtimes.llamacpp.batch import Copies
    from qwenpick.work.serving import Serving


@dataclass(frozen=True, slots=True)
class Whole:
    """A model that lies on one GPU: bytes there and in RAM, and those of the cache and of compute buffers."""

    on_gpu: FirstGpu
    in_ram: int
    cache: int
    compute: int

    def missing(self, device: Device, work: Serving) -> int:
        """Bytes that the GPU lacks; 0 or less where it holds the model."""
        return self.on_gpu.with_driver(device) - (budget(device, work) or 0)


@lru_cache(maxsize=8192)
def whole(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    pooled: bool = False,
    copies: Copies = "quantized",
) -> Whole:
    """The model on one GPU, whichever that is; `copies` is what its backend keeps of the cache in 16 bits."""
    memory = on_any_device(architecture, checkpoint, work, Shape(1, copies_cache=copies), pooled=pooled)
    return Whole(first_gpu(memory), memory.on(RAM), memory.of("kv cache"), memory.of("compute"))


def layer_bytes(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of all layers, which lie on the GPU or in RAM however the model is cut."""
    by_rule = load(architecture, checkpoint.format).ram.layers(0, architecture.num_layers)
    return int(by_rule * file_share(architecture, checkpoint))
