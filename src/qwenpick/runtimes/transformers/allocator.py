"""torch's caching allocator and what CUDA takes beside it: block sizes, workspaces, the reserve, the context."""

from __future__ import annotations

from qwenpick.machine.hardware import Device
from qwenpick.units import KIB, MIB

# torch 2.11 c10/core/AllocatorConfig.h
SMALLEST_BLOCK = 512  # kMinBlockSize: every allocation is a multiple of it
LARGE = 10 * MIB  # kMinLargeAlloc: from here a request gets a segment of its own …
SEGMENT = 2 * MIB  # kRoundLarge: … in multiples of this …
NOT_SPLIT = 1 * MIB  # kSmallSize: … of which a rest up to this is not split off, so it counts as allocated

HOPPER_WORKSPACE = 32 * MIB  # aten/src/ATen/cuda/CUDABlas.cpp: 4096 x 8 KiB on compute capability 9.0 and 10.x
WORKSPACE = 2 * 4096 * KIB + 8 * 16 * KIB  # the same: ":4096:2:16:8" everywhere else

# H200, driver 580, torch 2.11+cu130: 0.68-0.70 GiB in a fresh process, 0.80 once more kernels are loaded
CUDA_CONTEXT = 700 * MIB
BITSANDBYTES_KERNELS = 95 * MIB  # H200: what the context grew by when int8 kernels were loaded
KEPT_OF_ACTIVATIONS = 0.02  # freed blocks that fit no later request, as a share of the prefill's activations
KEPT_OF_SCORES = 0.5  # the same of eager attention: a copy of the scores on two runs of Qwen3-8B
KEPT_OF_CACHE = 0.33  # growing by concatenation leaves holes: 0.29-0.38 of the cache on 20 runs, H200, torch 2.11


def block(size: int) -> int:
    """Bytes that one tensor of `size` bytes counts for in torch.cuda.memory_allocated.

    >>> block(100), block(2560 * 9728 * 2) / 2**20
    (512, 48.0)
    """
    rounded = -(-size // SMALLEST_BLOCK) * SMALLEST_BLOCK
    if rounded < LARGE:
        return rounded
    segment = -(-rounded // SEGMENT) * SEGMENT
    return segment if segment - rounded <= NOT_SPLIT else rounded


def workspace(device: Device | None) -> int:
    """Bytes of cuBLAS's workspace, one per thread that multiplies matrices. It is torch's, so it counts as allocated."""
    if device is None or device.vendor != "nvidia":
        return 0
    return HOPPER_WORKSPACE if device.capability and device.capability[0] in (9, 10) else WORKSPACE


def kept(cache: int, activations: int, *, eager: bool = False) -> int:
    """Bytes the allocator holds beyond the peak of live tensors: blocks freed by the growing cache and by the prefill."""
    return round(KEPT_OF_CACHE * cache + (KEPT_OF_SCORES if eager else KEPT_OF_ACTIVATIONS) * activations)
