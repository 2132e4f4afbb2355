"""Where a model's parts go: which devices, how layers are split, what stays in RAM."""

from __future__ import annotations

from dataclasses import dataclass

from qwenpick.machine.hardware import Device


@dataclass(frozen=True, slots=True)
class Placement:
    """The devices a run uses, in order, and how it is cut.

    No devices is CPU only. `split` is how many layers each device holds (llama.cpp counts the output as one more layer); None is all of them, on one
    device or evenly. `cpu_moe_layers` is llama.cpp's --n-cpu-moe: that many first layers keep their experts in RAM.
    """

    devices: tuple[Device, ...] = ()
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    split: tuple[int, ...] | None = None
    cpu_moe_layers: int = 0
