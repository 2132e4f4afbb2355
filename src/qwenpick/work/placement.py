"""Where a model's parts go: which devices, how layers are split, what stays in RAM."""

from __future__ import annotations

from qwenpick.machine.hardware import Device
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Cut:
    """How a serving engine cuts a model: `tensor` ranks share every layer, `pipeline` stages have layers of their own, `data` copies share the load.

    With `whole_experts` (expert parallel) a rank holds whole experts instead of a part of each. `stage_layers` is how many layers each stage has;
    None is as even as can be.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    whole_experts: bool = False
    stage_layers: tuple[int, ...] | None = None

    @property
    def gpus(self) -> int:
        """How many GPUs that takes."""
        return self.tensor * self.pipeline * self.data


@dataclass(frozen=True, slots=True)
class Placement:
    """The devices a run uses, in order, and how it is cut.

    No devices is CPU only. `split` is how many layers each device holds (llama.cpp counts the output as one more layer); None is all of them, on one
    device or evenly. `cpu_moe_layers` is llama.cpp's --n-cpu-moe: that many first layers keep their experts in RAM. The last but one are `Cut`'s;
    `nodes` is how many boxes the devices are in; `host_table` says that an n-gram table lies in RAM.
    """

    devices: tuple[Device, ...] = ()
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    split: tuple[int, ...] | None = None
    cpu_moe_layers: int = 0
    data_parallel: int = 1
    expert_parallel: bool = False
    stage_layers: tuple[int, ...] | None = None
    nodes: int = 1
    host_table: bool = False

    def stage(self, index: int) -> int:
        """The pipeline stage of the device at `index`: copies one after the other, stages within a copy, ranks within a stage."""
        return index % (self.tensor_parallel * self.pipeline_parallel) // self.tensor_parallel


def placed(devices: tuple[Device, ...], cut: Cut) -> Placement:
    """The placement of a cut on these devices."""
    return Placement(devices, cut.tensor, cut.pipeline, None, 0, cut.data, cut.whole_experts, cut.stage_layers)
