"""What llama.cpp refuses, and what it may take of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.memory.quantization import FORMATS
from qwenpick.runtimes.llamacpp.cut import experts_asked, layers_asked
from qwenpick.runtimes.llamacpp.options import read_options

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.machine.hardware import Device
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

BACKENDS = ("nvidia", "amd", "intel", "apple", "mthreads", "qualcomm")
NO_RANKS = ("qwen4exp",)  # llm_arch_supports_sm_tensor in llama-arch.cpp, b11434
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
    if placement.tensor_parallel > 1 and (why := _no_ranks(architecture, work, placement)):
        return why
    if unusable := next((d for d in placement.devices if not has_backend(d)), None):
        if unusable.vendor == "ascend":
            return _("what llama.cpp's CANN backend takes on {name} was never measured", name=unusable.name)
        return _("llama.cpp has no backend for {name}", name=unusable.name)
    return None


def _no_ranks(architecture: Architecture, work: Serving, placement: Placement) -> str | None:
    """Why --split-mode tensor would not start, or is not planned (docs/multi-gpu.md of llama.cpp, b11434)."""
    options = read_options(work.options)
    if architecture.gguf_arch in NO_RANKS:
        return _("llama.cpp's split_mode=tensor does not know {model_type}", model_type=architecture.model_type)
    if not options.flash_attn:
        return _("llama.cpp's split_mode=tensor needs flash attention")
    if options.backend.casefold().startswith("vulkan") or any(
        device.vendor not in ("nvidia", "amd") for device in placement.devices
    ):
        return _("llama.cpp's split_mode=tensor runs with CUDA and HIP only")
    layers = layers_asked(architecture, options.n_gpu_layers)
    if (
        experts_asked(options, architecture.num_layers)
        or options.shares
        or not (layers is None or layers > architecture.num_layers)
    ):
        return _("split_mode=tensor is planned with all layers on the GPUs, each of which takes the same share")
    return None


def has_backend(device: Device) -> bool:
    """Whether a backend of llama.cpp that we can plan runs on it: CUDA, HIP, SYCL, Vulkan, Metal, MUSA or OpenCL (docs/build.md, b6500)."""
    return device.vendor in BACKENDS


def budget(device: Device, work: Serving) -> int | None:
    """Bytes it may take: what is free now; it reserves nothing and takes no share."""
    return device.free if device.free is not None else device.total
