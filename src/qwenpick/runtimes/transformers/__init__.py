"""transformers: the whole prompt in one pass, a cache that grows by concatenation, layers over GPUs by device_map="auto"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qwenpick.catalog.schema import Architecture, Checkpoint, Model
from qwenpick.i18n import _
from qwenpick.machine.hardware import Device, Machine
from qwenpick.memory.account import Memory, Part
from qwenpick.memory.quantization import find_format
from qwenpick.runtimes.given import read
from qwenpick.runtimes.transformers.estimate import estimate
from qwenpick.runtimes.transformers.options import Options
from qwenpick.runtimes.transformers.versions import QWEN1, version
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

NAME = "transformers"
TITLE = "Transformers"
READ_FROM = "transformers 5.17.0, torch 2.11.0, bitsandbytes 0.50.2, accelerate 1.15.0"
FORMATS = ("bf16", "fp16", "fp32", "fp8", "gptq-int8", "int8", "nf4", "awq-int4", "gptq-int4")
FAMILIES = {
    "4bit": ("nf4", "awq-int4", "gptq-int4"),
    "8bit": ("int8", "fp8", "gptq-int8"),
    "fp16": ("bf16", "fp16"),
}

# TPU (XLA), Trainium and Inferentia (Neuron), Tenstorrent, Hexagon: torch has no device for them
COMPILED = ("other", "qualcomm")
# the parts that torch.cuda.max_memory_allocated does not count
NOT_TORCH = ("CUDA context", "allocator cache")


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why transformers would not run this there, as a sentence; None if it would."""
    form = checkpoint.format
    if form not in FORMATS:
        container = find_format(form).container
        if container == "gguf":
            return _(
                "transformers loads a GGUF only by unpacking it to 16 bits; use llama.cpp, or the 16-bit repository"
            )
        return _("transformers does not load {form}; it loads {known}", form=form, known=", ".join(FORMATS))
    if architecture.model_type == "qwen" and version(architecture, work.options) > QWEN1:
        return _("Qwen 1 brings its own code, which needs a transformers below 4.38")
    if str(work.kv_cache) not in ("f16", "bf16"):
        return _("transformers keeps the cache in 16 bits")
    devices = placement.devices
    if compiled := next((d for d in devices if d.vendor in COMPILED), None):
        return _(
            "torch runs on {name} only through a compiler of its maker: what it takes there was never measured",
            name=compiled.name,
        )
    if form in ("nf4", "int8") and not (devices and all(d.vendor in ("nvidia", "amd", "intel") for d in devices)):
        return _("bitsandbytes' {form} needs an NVIDIA, AMD or Intel GPU", form=form)
    if form in ("awq-int4", "gptq-int4", "gptq-int8") and not (
        devices and all(d.vendor in ("nvidia", "amd") for d in devices)
    ):
        return _("the kernels of {form} need an NVIDIA or AMD GPU", form=form)
    if form == "fp8" and not (devices and all(_has_fp8(d) for d in devices)):
        return _("FP8 needs compute capability 8.9 (Ada, Hopper or newer); transformers would unpack it to 16 bits")
    return None


def _has_fp8(device: Device) -> bool:
    """Whether the GPU multiplies FP8: quantizer_finegrained_fp8.py asks for compute capability 8.9. Unknown counts as yes."""
    if device.vendor == "intel":
        return True
    if device.vendor != "nvidia":
        return False
    return (device.capability or (8, 9)) >= (8, 9)


def placements(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    machine: Machine,
) -> Iterator[Placement]:
    """One GPU (each kind once, the fastest first), then layers over 2, 3, … GPUs, then the CPU."""
    seen: set[tuple[str, int | None]] = set()
    for device in sorted(machine.devices, key=lambda one: -(one.bandwidth or 0.0)):
        if (device.name, device.free) not in seen:
            seen.add((device.name, device.free))
            yield Placement((device,))
    ordered = sorted(machine.devices, key=lambda d: -(d.free or d.total or 0))
    for count in range(2, min(len(ordered), architecture.num_layers) + 1):
        yield Placement(tuple(ordered[:count]), pipeline_parallel=count)
    yield Placement()


def memory(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
) -> Memory:
    """What the process holds at its highest, part by part. Raises QwenpickError for an option it does not know."""
    read(Options, work.options)
    return estimate(architecture, checkpoint, work, placement)


def budget(device: Device, work: Serving) -> int | None:
    """All that is free: torch takes what it needs and nothing ahead."""
    return device.free if device.free is not None else device.total


def allocated(parts: Iterable[Part]) -> int:
    """What torch.cuda.max_memory_allocated would say of these parts, summed over GPUs."""
    return sum(part.bytes for part in parts if part.name not in NOT_TORCH)
