"""How GPUs share a training run: plain data parallelism, DeepSpeed's ZeRO stages, FSDP; and what is moved to RAM.

Read from DeepSpeed 0.18 runtime/zero (stage_1_and_2.py, stage3.py) and torch 2.11 nn/parallel/distributed.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from qwenpick.catalog.schema import Architecture
from qwenpick.i18n import N_
from qwenpick.memory.tensors import tensors
from qwenpick.work.serving import Training

BUCKET = 500_000_000  # weights of a reduce or gather bucket: DeepSpeed's default reduce_bucket_size and allgather_bucket_size


@dataclass(frozen=True, slots=True)
class Shares:
    """Over how many GPUs weights, gradients and states are divided."""

    weights: int
    gradients: int
    states: int


def shares(training: Training) -> Shares:
    """ZeRO 1 divides the states, 2 the gradients too, 3 (and FSDP's full shard) the weights as well."""
    gpus = training.gpus
    stage = 3 if training.fsdp else training.zero
    return Shares(gpus if stage >= 3 else 1, gpus if stage >= 2 else 1, gpus if stage >= 1 else 1)


def part_of(size: int, count: int) -> int:
    """The share of one of `count`, rounded up."""
    return -(-size // count)


def buffers(architecture: Architecture, training: Training, trained: int, gradients: int) -> tuple[int, str]:
    """(bytes, formula) of what communication needs on each GPU beside the shares."""
    if training.fsdp or training.zero == 3:
        per_layer = sum(t.elements // t.count for t in tensors(architecture) if t.part == "text" and t.layers)
        ends = architecture.vocab_size * architecture.hidden_size
        return 2 * (2 * per_layer + ends), N_("two layers and an embedding gathered in bf16")
    if training.zero:
        return 2 * 2 * min(BUCKET, trained), N_("a reduce and a gather bucket of up to 500 million weights in bf16")
    if training.gpus > 1:
        return gradients, N_("gradients once more in the buckets of DistributedDataParallel")
    return 0, ""
