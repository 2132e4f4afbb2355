"""The process around the buffers: what it holds itself, and what a kernel reports as its resident memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.runtimes.llamacpp.cache import padded
from qwenpick.runtimes.llamacpp.model import repacked_bytes
from qwenpick.runtimes.llamacpp.options import read_options
from qwenpick.units import MIB
from qwenpick.work.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.work.serving import Serving

# (vocabulary, bytes of the process besides its buffers), measured on Linux with the CPU backend: 50-53 MiB and 97-100 MiB
_PROCESSES = ((151_936, 52 * MIB), (248_320, 98 * MIB))


def process_bytes(vocab_size: int) -> int:
    """Bytes of the process besides its buffers: those of the measured vocabulary that is nearest."""
    return min(_PROCESSES, key=lambda known: abs(known[0] - vocab_size))[1]


def resident(architecture: Architecture, checkpoint: Checkpoint, work: Serving, prompt_tokens: int) -> int:
    """Peak resident bytes of a CPU run with a prompt of that length: what it holds, less what such a prompt never touches of the compute buffer.

    A mapped file also counts the pages whose tensors were interleaved into a copy. They are clean, and the kernel drops them when memory is short, so
    they are no part of what must fit.
    """
    from qwenpick.runtimes.llamacpp.parts import needed

    options = read_options(work.options)
    placement = Placement()
    whole = needed(architecture, checkpoint, work, placement)
    touched = needed(
        architecture, checkpoint, replace(work, context=min(work.context, padded(prompt_tokens))), placement
    )
    held = whole.total - whole.of("compute") + touched.of("compute")
    if not (options.mmap and options.repack):
        return held
    return held + repacked_bytes(architecture, checkpoint.format)
