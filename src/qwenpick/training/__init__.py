"""Fine-tuning: what a run needs, what cannot be combined, how far it stretches, how long it takes. One module per recipe."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, cast

from qwenpick.catalog.schema import Architecture, Checkpoint, Model
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.machine.hardware import Device
from qwenpick.memory.account import Memory, Part
from qwenpick.memory.bands import Band
from qwenpick.training.checks import check, refusal
from qwenpick.training.estimate import estimate
from qwenpick.training.methods import METHODS
from qwenpick.training.prepared import Prepared
from qwenpick.values import dataclass
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Training

# the parts that torch.cuda.max_memory_allocated does not count
NOT_TORCH = ("CUDA context", "fragmentation", "allocator cache")
DEFAULT_FORMAT = {name: method.base for name, method in METHODS.items()}
# the largest workspace, where no device is named
HOPPER = Device("a Hopper GPU", "nvidia", None, None, compute_capability="9.0")


class Recipe(Protocol):
    """What a recipe's module must know."""

    READ_FROM: str
    FORMATS: tuple[str, ...]

    def prepare(self, architecture: Architecture, training: Training, checkpoint: Checkpoint) -> Prepared:
        """Which weights lie there, and which are trained."""


def recipe(method: str) -> Recipe:
    """The recipe of that name. QwenpickError with the nearest one."""
    if method not in METHODS:
        raise QwenpickError(
            _("there is no method '{method}' (known: {known})", method=method, known=", ".join(METHODS))
        )
    return cast(Recipe, import_module(f"qwenpick.training.{method}"))


def memory(
    model: Model,
    architecture: Architecture,
    training: Training,
    placement: Placement | None = None,
    checkpoint: Checkpoint | None = None,
) -> Memory:
    """What each GPU of the run (and RAM) must hold, part by part. QwenpickError for a setting that does not exist or cannot be combined.

    `checkpoint` is bf16, and NF4 made on load for QLoRA, if none is given. Without a placement the GPUs are taken for Hopper's.
    """
    check(training)
    source = checkpoint or Checkpoint(format=DEFAULT_FORMAT[training.method])
    if reason := refusal(architecture, training, source):
        raise QwenpickError(f"{model.id}: {reason}")
    devices = placement.devices if placement and placement.devices else (HOPPER,) * training.gpus
    if len(devices) < training.gpus:
        raise QwenpickError(
            _("the placement has {count} GPUs, the training run {gpus}", count=len(devices), gpus=training.gpus)
        )
    return estimate(
        architecture, training, recipe(training.method).prepare(architecture, training, source), source, devices
    )


@dataclass(frozen=True, slots=True)
class Peak:
    """Bytes of one GPU: what torch has `allocated` at the highest moment, what its allocator then holds, and what the driver shows of the process."""

    where: str
    allocated: int
    reserved: int
    process: int
    fragmented: int = 0

    @property
    def need(self) -> int:
        """What must be there: allocated bytes, blocks that cannot be given back, and what lies outside of torch."""
        return self.allocated + self.fragmented + self.process - self.reserved

    def within(self, budget: int | None) -> Peak:
        """As the card shows it: near its end torch gives its cache back, as far as it can be."""
        outside = self.process - self.reserved
        if budget is None or self.process <= budget:
            return self
        reserved = max(self.allocated + self.fragmented, budget - outside)
        return Peak(self.where, self.allocated, reserved, reserved + outside, self.fragmented)

    def low(self, edge: Band) -> int:
        """The least that the driver shows: the allocator gave its cache back, or kept less."""
        return min(round(self.reserved * edge.low), self.allocated) + self.process - self.reserved

    def high(self, edge: Band) -> int:
        """The most: cache, fragmentation and this recipe's error."""
        return round(self.reserved * edge.high) + self.process - self.reserved


def peaks(memory: Memory) -> tuple[Peak, ...]:
    """One per GPU. torch gives its cache back before it fails, but for blocks that are partly in use."""
    found = []
    for where in memory.places:
        if where == "ram":
            continue
        own = {name: sum(p.bytes for p in memory.parts if p.where == where and p.name == name) for name in NOT_TORCH}
        process = memory.on(where)
        reserved = process - own["CUDA context"]
        kept = own["allocator cache"] + own["fragmentation"]
        found.append(Peak(where, reserved - kept, reserved, process, own["fragmentation"]))
    return tuple(found)


def allocated(parts: Iterable[Part]) -> int:
    """What torch.cuda.max_memory_allocated would say of these parts, summed over GPUs."""
    return sum(part.bytes for part in parts if part.where != "ram" and part.name not in NOT_TORCH)
