"""How GPUs share a training run: plain data parallelism, DeepSpeed's ZeRO stages, FSDP; what each GPU holds of it, and what is moved to RAM.

Read from DeepSpeed 0.19.8 runtime/zero (stage_1_and_2.py, stage3.py, config.py), accelerate 1.15.0 utils/fsdp_utils.py and torch 2.11
distributed/fsdp; measured in benchmarks/measured/training_h200_2026_11_29.csv.
"""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.tensors import parameters, tensors
from qwenpick.training.methods import METHODS
from qwenpick.training.trainers import habits
from qwenpick.values import dataclass
from qwenpick.work.serving import Training

LIVE = 1_000_000_000  # gathered weights that ZeRO-3 lets lie for their next use: stage3_max_live_parameters, stage3_max_reuse_distance
SUB_GROUP = 1_000_000_000  # weights that ZeRO-3's step takes at a time: sub_group_size
OFFLOADED = 27  # bytes of RAM a weight: 18 x 1.5, DeepSpeed's own estimate (stage3.py, additional_buffer_factor); 27.2-28.6 measured
# the same by stage with pin_memory false, its tensors alone: masters, two states and gradients in FP32, and under stage 3 weights and gradients in
# 16 bits (stage3.py, stage_1_and_2.py). torch rounds a pinned buffer up to a power of two, and keeps freed ones. Read, not measured
UNPINNED = {1: 16, 2: 16, 3: 20}
LEAVES = frozenset({"llama-factory", "ms-swift"})  # trainers that call set_z3_leaf_modules for Qwen's mixtures
OFFLOADED_FSDP = 20  # FP32 weights, gradients, two states and what is pinned beside them: 19.8 measured


@dataclass(frozen=True, slots=True)
class Shares:
    """Over how many GPUs weights, gradients and states are divided."""

    weights: int
    gradients: int
    states: int


def shares(training: Training) -> Shares:
    """ZeRO 1 divides the states, 2 the gradients too, 3 (and FSDP's full shard) the weights as well.

    ZeRO 1 keeps whole gradients only over several micro-steps: with one, its bucket goes straight into the partition.
    """
    gpus = training.gpus
    stage = 3 if training.fsdp else training.zero
    whole = stage == 1 and training.grad_accum > 1
    return Shares(gpus if stage >= 3 else 1, gpus if stage >= 1 and not whole else 1, gpus if stage >= 1 else 1)


def part_of(size: int, count: int) -> int:
    """The share of one of `count`, rounded up."""
    return -(-size // count)


def buckets(training: Training, trained: int) -> int:
    """Bytes of ZeRO 1's and 2's buckets of gradients: one in 16 bits, and a second where sending overlaps with the way back."""
    trainer = habits(training)
    return (2 if trainer.overlaps else 1) * 2 * min(trainer.bucket, trained)


def on_disk(training: Training, trained: int, whole: int) -> int:
    """Bytes of all GPUs' files where ZeRO-Infinity offloads to a disk: masters, two states and gradients in FP32, weights in 16 bits."""
    return 16 * trained + 2 * whole if training.offload == "nvme" else 0


def masters(training: Training) -> bool:
    """Whether FSDP keeps trained weights in FP32: accelerate raises them before it divides them, wherever mixed precision is on.

    The Trainer's bf16 switches it on; a loop of one's own does as its `precision` says. accelerate 1.15.0 utils/fsdp_utils.py
    fsdp2_prepare_model; accelerator.py for FSDP 1; since 0.30.
    """
    return training.fsdp and training.method == "full" and (training.trainer != "torch" or training.precision != "bf16")


def in_layers(architecture: Architecture, *, experts: bool = True) -> int:
    """Weights of all decoder layers, with or without a mixture's experts."""
    inside = (tensor for tensor in tensors(architecture) if tensor.part == "text" and tensor.layers)
    return sum(tensor.elements for tensor in inside if experts or not tensor.role.endswith("_exps"))


def frozen_bytes(architecture: Architecture, training: Training) -> int:
    """Bytes that lie gathered at the end of ZeRO 3's way back where frozen layers stay until the step: a billion weights, or all layers.

    A mixture's block is one leaf where the trainer names it so (set_z3_leaf_modules), and released as a whole.
    """
    live = min(LIVE, parameters(architecture))
    if not METHODS[training.method].adapts or not training.checkpointing:
        return 2 * live
    return 2 * max(live, in_layers(architecture, experts=training.trainer not in LEAVES))


def largest_layer(architecture: Architecture) -> int:
    """Weights of one decoder layer, the unit that FSDP gathers."""
    return sum(t.elements // t.count for t in tensors(architecture) if t.part == "text" and t.layers)


# ZeRO-Infinity, DeepSpeed 0.19.8 zero/offload_config.py: weights kept in RAM (max_in_cpu), buffers of weights and of the optimizer's tensors
IN_RAM, WEIGHT_BUFFERS, STATE_BUFFERS = 1_000_000_000, 5 * 100_000_000, 4


def offloaded(training: Training, trained: int, whole: int = 0) -> int:
    """Bytes of RAM of one GPU's share where the optimizer, or all, is offloaded.

    To a disk (zero/stage3.py): gradients in 16 bits, one sub-group's in FP32, the buffers that its tensors pass through, and of the weights what
    max_in_cpu lets lie, with five buffers.
    """
    if training.offload == "none":
        return 0
    if training.offload == "nvme":
        mine = part_of(trained, shares(training).states)
        weights = 2 * min(part_of(whole, shares(training).weights), IN_RAM) if training.method == "full" else 0
        return 2 * mine + 4 * (1 + STATE_BUFFERS) * min(mine, SUB_GROUP) + weights + 2 * WEIGHT_BUFFERS
    each = OFFLOADED_FSDP if training.fsdp else OFFLOADED if training.pin_memory else UNPINNED[training.zero]
    return each * part_of(trained, shares(training).states)
