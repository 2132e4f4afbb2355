"""What llama.cpp refuses, and what it may take of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.memory.quantization import FORMATS
from qwenpick.runtimes.llamacpp.options import read_options

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.machine.hardware import Device
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

BACKENDS = ("nvidia", "amd", "intel", "apple", "mthreads", "qualcomm")
CACHE_TYPES = ("f16", "bf16", "f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")  # common/arg.cpp, kv_cache_types


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why llama.cpp would not run this there; None if it would."""
    known = FORMATS.get(checkpoint.format)
    if known is None or known.container != "gguf":
        return _("llama.cpp loads GGUF files, not {format}", format=checkpoint.format)
    if architecture.gguf_arch is None:
        return _("llama.cpp has no architecture for {model_type}", model_type=architecture.model_type)
    for cache in (work.kv_cache.k, work.kv_cache.v):
        if cache not in CACHE_TYPES:
            return _("llama.cpp has no {cache} cache (it has {known})", cache=cache, known=", ".join(CACHE_TYPES))
    if work.kv_cache.v not in ("f16", "bf16", "f32") and not read_options(work.options).flash_attn:
        return _("llama.cpp quantizes cached values ({v}) only with flash attention", v=work.kv_cache.v)
    if unusable := next((d for d in placement.devices if not has_backend(d)), None):
        if unusable.vendor == "ascend":
            return _("what llama.cpp's CANN backend takes on {name} was never measured", name=unusable.name)
        return _("llama.cpp has no backend for {name}", name=unusable.name)
    return None


def has_backend(device: Device) -> bool:
    """Whether a backend of llama.cpp that we can plan runs on it: CUDA, HIP, SYCL, Vulkan, Metal, MUSA or OpenCL (docs/build.md, b6500)."""
    return device.vendor in BACKENDS


def budget(device: Device, work: Serving) -> int | None:
    """Bytes it may take: what is free now; it reserves nothing and takes no share."""
    return device.free if device.free is not None else device.total
