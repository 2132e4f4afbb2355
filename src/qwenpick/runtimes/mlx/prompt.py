"""What reading a prompt holds for moments: activations, logits, and scores where no fused kernel multiplies them. Facts of mlx 0.32.2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwenpick.catalog.schema import DenseMlp, FullAttention, MoeMlp
from qwenpick.runtimes.given import read
from qwenpick.runtimes.mlx.options import Options

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.machine.hardware import Device
    from qwenpick.work.serving import Serving

ELEMENT = 2  # bytes of a 16-bit activation
STREAMS = 5.5  # hidden-sized buffers alive at the end of a chunk: measured, Qwen3-4B at 2,048 tokens, 3 to 16 bits
# head dimensions of a prompt's fused attention: has_fused_kernel, backend/metal/scaled_dot_product_attention.cpp
FUSED = (64, 80, 128)
SPLIT_FROM = (0, 32, 2)  # mlx's split kernel for head_dim 256: on an M5, where the mask is causal and
SPLIT_ROWS = 1024  # a chunk has at least so many rows (use_fallback, the same file)
# Metal's maxBufferLength of its working set: 20.1 GB of 26.8 (M1 Max 32 GB), 373.7 of 498.2 (M3 Ultra 512 GB)
BUFFER_SHARE = 3 / 4


def logits_bytes(architecture: Architecture, chunk: int) -> int:
    """Bytes of the logits of every token of a chunk.

    Peaks of mlx-lm 0.28 to 0.32 hold them: 622 MB for 2,048 tokens of Qwen3-4B (mlx-lm BENCHMARKS.md, mlx-lm#1569), 1,017 of Qwen3.6 (mlx-lm#1480).
    """
    return chunk * architecture.vocab_size * ELEMENT


def activation_bytes(architecture: Architecture, chunk: int) -> int:
    """Bytes alive at the peak of a chunk: hidden-sized streams, and for a MoE each token's experts' inputs and outputs."""
    match architecture.mlp:
        case DenseMlp():
            experts = 0
        case MoeMlp(experts_per_token=chosen):
            experts = 2 * chosen * architecture.hidden_size
    return int(chunk * ELEMENT * (STREAMS * architecture.hidden_size + experts))


def score_bytes(architecture: Architecture, chunk: int, tokens: int, work: Serving, device: Device | None) -> int:
    """Bytes of one layer's scores: heads x rows of the chunk x tokens so far x 2; 0 where a fused kernel serves every layer.

    An M5 with a release that has the split kernel multiplies scores apart only for a prompt's last rows, fewer than SPLIT_ROWS.
    """
    wide = [
        layer for layer in architecture.layer_list if isinstance(layer, FullAttention) and layer.head_dim not in FUSED
    ]
    if not wide:
        return 0
    said = read(Options, work.options).mlx_version
    if (
        said
        and release(said) >= SPLIT_FROM
        and generation(device) >= 5
        and all(layer.head_dim == 256 for layer in wide)
    ):
        chunk = min(chunk, SPLIT_ROWS - 1)
    return max(layer.heads for layer in wide) * chunk * tokens * ELEMENT


def release(version: str) -> tuple[int, ...]:
    """The numbers of a release: 0.32.2 is (0, 32, 2)."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def generation(device: Device | None) -> int:
    """The M of an Apple chip: 5 for Apple M5 Max; 0 where it is not known."""
    found = re.search(r"\bM(\d+)\b", device.name if device else "")
    return int(found[1]) if found else 0


def largest_buffer(device: Device) -> int | None:
    """Bytes of the largest buffer that Metal gives there; None where its working set is not known."""
    return round(device.total * BUFFER_SHARE) if device.total else None
