"""From a device as its driver names it to its entry in the catalogue. No match is fine, and is said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.hardware import Device

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu

GENERIC = ("unknown (", "NVIDIA Graphics Device", "NVIDIA Corporation Device", "AMD GPU", "Intel GPU")


def identify(
    devices: tuple[Device, ...], hidden: tuple[Device, ...], catalog: Catalog | None
) -> tuple[tuple[Device, ...], tuple[Device, ...], tuple[str, ...]]:
    """(devices, hidden, notes) with what the catalogue knows of each. The catalogue is loaded if it was not given and there is something to match."""
    if not devices and not hidden:
        return (), (), ()
    try:
        if catalog is None:
            from qwenpick.catalog import load

            catalog = load()
        return tuple(matched(d, catalog) for d in devices), tuple(matched(d, catalog) for d in hidden), ()
    except Exception as error:
        return (
            devices,
            hidden,
            (f"the catalogue could not be read, so GPUs are not matched to it ({type(error).__name__}: {error})",),
        )


def matched(device: Device, catalog: Catalog) -> Device:
    """The device with its catalogue entry's id, bandwidth, capability and, if the driver gave no usable one, name. Memory stays the driver's."""
    from qwenpick import catalog as catalogue

    match_gpu = getattr(catalogue, "match_gpu", None)
    gpu: Gpu | None = match_gpu(catalog, device.name, device.total, device.pci_id) if match_gpu else None
    if gpu is None:
        return replace(device, notes=(*device.notes, "not in the catalogue: bandwidth and rates are unknown"))
    generic = device.name.startswith(GENERIC)
    capability = device.compute_capability or gpu.compute_capability
    notes = tuple(note for note in device.notes if not (capability and note.startswith("compute capability:")))
    return replace(
        device,
        name=gpu.name if generic else device.name,
        gpu=gpu.id,
        compute_capability=capability,
        bandwidth=gpu.bandwidth if device.bandwidth is None and device.kind != "mig" else device.bandwidth,
        notes=notes,
    )
