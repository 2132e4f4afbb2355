"""How many prompt tokens Ollama computes at once where nobody says: by the context, and by what the model should take of the GPUs' free memory.

server/sched.go (automaticGenerationBatch) and llm/llama_server.go (PredictServerVRAM, DefaultEmbeddingNumBatch) at fb30760, August 2026. Logs of
0.31.1 to 0.34.2 start llama-server with it: on 24 GB and of 200,704 tokens 512 for Qwen3.8-27B and 2,048 for qwen3.5:9b, whose header lists
key-value heads by layer; 1,024 for 8,194 tokens of a small model on an H100.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qwenpick.runtimes.llamacpp import budget
from qwenpick.units import GIB, MIB

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.machine.hardware import Device
    from qwenpick.work.serving import Serving

LEAST, MEDIUM, LARGE = 512, 1024, 2048
CONSTRAINED = 256  # without flash attention on a CUDA GPU with no more than 8 GiB free
EMBEDDING = 2048
_SHARE = 80  # percent of the free memory that a prediction may take
# Percent that the model may take, and what the batch itself counts
_STEPS = {MEDIUM: (75, 768 * MIB), LARGE: (60, 2 * GIB)}


def automatic(expected: int, work: Serving, devices: Sequence[Device], flash: bool) -> int:
    """Tokens of a micro-batch of a model that generates. `expected` is in bytes (`prediction`); no devices is CPU only: the context alone decides."""
    cells = work.context * work.sequences
    cuda = [device for device in devices if device.vendor == "nvidia"]
    if cuda and not (flash and all(_has_kernels(device) for device in cuda)):
        small = any(0 < (budget(device, work) or 0) <= 8 * GIB for device in cuda)
        return CONSTRAINED if small and cells > 4096 else LEAST
    free = _free(expected, [budget(device, work) or 0 for device in devices])
    batch = LARGE if cells > 32768 else MEDIUM if cells > 4096 else LEAST
    while batch > LEAST and free and not _holds(batch, expected, free):
        batch //= 2
    return batch


def prediction(architecture: Architecture, file: int, cells: int, listed: bool) -> int:
    """Bytes that the scheduler expects: the file, and a cache in 16 bits of every layer, heads as wide as the hidden size over their number.

    `listed`: the file lists key-value heads by layer, 0 where a layer has no cache, of which the least counts, as one; its MTP block is no layer.
    """
    attention = architecture.attention
    layers = architecture.num_layers + (architecture.mtp_layers if architecture.is_hybrid and not listed else 0)
    heads = 1 if listed else attention.kv_heads
    return file + 2 * 2 * layers * heads * (architecture.hidden_size // attention.heads) * cells


def _free(expected: int, each: Sequence[int]) -> int:
    """Bytes of the GPUs that it picks: the roomiest alone where the model takes at most four fifths of it, otherwise all of them."""
    most = max(each, default=0)
    return most if expected <= most * _SHARE // 100 else sum(each)


def _holds(batch: int, expected: int, free: int) -> bool:
    percent, own = _STEPS[batch]
    return expected <= free * percent // 100 and expected + own <= free * _SHARE // 100


def _has_kernels(device: Device) -> bool:
    """Whether Ollama turns flash attention on: from compute capability 6.0, Jetson Xavier's 7.2 apart."""
    capability = device.capability
    return capability is None or (capability >= (6, 0) and capability != (7, 2))
