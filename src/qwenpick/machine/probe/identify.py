"""From a device as its driver names it to its entry in the catalogue. No match is fine, and is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.nvml import vgpu_profile

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu

NO_MEMORY = "memory: not supported"
GENERIC = ("unknown (", "NVIDIA Graphics Device", "NVIDIA Corporation Device", "AMD GPU", "Intel GPU")


def identify(devices: tuple[Device, ...], catalog: Catalog, installed: int | None) -> tuple[Device, ...]:
    """The devices with what the catalogue knows of each; `installed` is the box's RAM, by which parts with unified memory are told apart."""
    from qwenpick.catalog.gpus import match_gpu

    found = [
        match_gpu(catalog, device.name, installed if device.unified else device.total, device.pci_id)
        for device in devices
    ]
    return tuple(_ambiguous(matched(device, gpu), gpu, catalog) for device, gpu in zip(devices, found, strict=True))


def _ambiguous(device: Device, gpu: Gpu | None, catalog: Catalog) -> Device:
    """The device, with a note where its name, memory and PCI id are those of boards with another memory bus too."""
    from qwenpick.catalog.gpus import same_pci, twins
    from qwenpick.machine.gpu_words import shared_name

    others = twins(catalog, gpu) if gpu else ()
    if device.pci_id:
        others = tuple(other for other in others if same_pci(other.pci_ids, device.pci_id))
    if gpu is None or not others:
        return device
    return replace(device, notes=(*device.notes, shared_name(device.name, gpu, others)))


def matched(device: Device, gpu: Gpu | None) -> Device:
    """The device with its entry's id, bandwidth, capability and, where the driver gave no usable one, name. Memory stays the driver's."""
    if gpu is None:
        return replace(device, notes=(*device.notes, N_("not in the catalog: bandwidth and rates are unknown")))
    capability = device.compute_capability or gpu.compute_capability
    notes = tuple(note for note in device.notes if not (capability and note.startswith("compute capability:")))
    known = replace(
        device,
        name=gpu.name if device.name.startswith(GENERIC) else device.name,
        gpu=gpu.id,
        compute_capability=capability,
        bandwidth=device.bandwidth or _bandwidth(device, gpu),
        notes=notes,
    )
    slice_of = vgpu_profile(device.name)
    return _assumed(known, gpu, slice_of) if slice_of and device.total is None and NO_MEMORY in device.notes else known


def set_aside(devices: tuple[Device, ...]) -> tuple[tuple[Device, ...], tuple[Device, ...]]:
    """(devices, those set aside): graphics inside the CPU, where they bring nothing.

    llama.cpp uses them only if there is no other GPU (src/llama.cpp, "add integrated GPUs only if"), the other engines not at all. Those that
    the catalogue does not know are small ones, which read the same RAM as the CPU and no faster.
    """
    others = any(device.kind != "igpu" for device in devices)
    why = (
        N_("graphics inside the CPU: engines leave them out beside another GPU")
        if others
        else N_("graphics inside the CPU: no faster than the CPU")
    )
    aside = [d for d in devices if d.kind == "igpu" and d.vendor in ("amd", "intel") and (others or d.gpu is None)]
    kept = tuple(device for device in devices if device not in aside)
    return kept, tuple(replace(device, notes=(*device.notes, why)) for device in aside)


def _bandwidth(device: Device, gpu: Gpu) -> float | None:
    """The card's; of a MIG instance its share, which goes with its share of the memory."""
    if (
        device.kind != "mig"
        or not device.total
        or not gpu.bandwidth
        or not (whole := gpu.usable_bytes or gpu.memory_bytes)
    ):
        return gpu.bandwidth
    return float(round(gpu.bandwidth * min(1.0, device.total / whole)))


def _assumed(device: Device, gpu: Gpu, total: int) -> Device:
    """A vGPU whose driver counts no memory: its profile's name says how much it was given."""
    notes = tuple(note for note in device.notes if note != NO_MEMORY)
    return replace(
        device,
        total=total,
        notes=(*notes, N_("memory: assumed, the driver does not count it")),
        memory_from=N_("assumed: the catalog's {id}", id=gpu.id),
    )
