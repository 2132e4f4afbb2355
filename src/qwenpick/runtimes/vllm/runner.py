"""What vLLM's V2 model runner keeps beside weights and cache, and what of the engine's start lies before its first look at the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.machine.hardware import cuda_context
from qwenpick.units import MIB

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.machine.hardware import Device
    from qwenpick.runtimes.vllm.settings import Settings

# From 0.27 on all that is gone from the driver counts (utils/mem_utils.py memory_profiling): segments that torch's allocator holds beyond its
# tensors and the runner's own buffers too
COUNTED = (0, 27)
HELD_V1 = 200 * MIB  # both of the V1 runner: public starts of 0.27 and 0.28
SEGMENTS = 12 * MIB  # the first of them under the V2 runner: 8.6 and 11.6 MiB in starts of 0.33
# 0.33 multiplies once before its first look, so cuBLAS's kernels and workspace are not its own: v1/worker/gpu_worker.py init_device. On an H200
# 0.70 GiB of 139.80 are gone by then, where 0.26 found 0.51, and 0.0703 of the 0.2246 GiB outside torch are left
MULTIPLIED_BEFORE = (0, 33)
MULTIPLIED = 190 * MIB
LEFT_OUTSIDE = 72 / 230
# Of every sequence, in bytes: counts of the vocabulary's entries that it has had (gpu/sample/penalties.py); two bits an entry, whether the prompt
# has it and whether a grammar allows it, the second for every token of a step (gpu/structured_outputs.py); four tables of 1,024 words and a token
# (gpu/sample/logit_bias.py, bad_words.py, gpu/states.py)
COUNT, TABLES = 4, 4 * 1024 * 4 + 8
FIXED = 2 * MIB


def states_bytes(architecture: Architecture, chosen: Settings) -> int:
    """Bytes that the V2 runner keeps for its sequences. Qwen3-8B in 0.33: 171,599,872 for 256 and 680,108,032 for 1,024, to the byte."""
    vocabulary = architecture.vocab_size
    mask = -(-vocabulary // 32) * 4
    step = 1 + chosen.speculative_tokens
    return chosen.sequences * (vocabulary * COUNT + mask * (1 + step) + TABLES) + FIXED


def held_bytes(architecture: Architecture, chosen: Settings) -> int:
    """What counts as consumed from 0.27 on beside weights and what the driver loads: the runner's buffers and segments not full."""
    if chosen.version < COUNTED:
        return 0
    return states_bytes(architecture, chosen) + SEGMENTS if chosen.v2 else HELD_V1


def context_bytes(device: Device | None, version: tuple[int, ...]) -> int:
    """Bytes that are gone when the engine looks at what is free: the CUDA context, and cuBLAS where it ran before."""
    return cuda_context(device) + (MULTIPLIED if version >= MULTIPLIED_BEFORE else 0)
