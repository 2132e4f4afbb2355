"""Which devices a *_VISIBLE_DEVICES variable leaves to this process, as CUDA reads it.

Read from PyTorch 2.9 torch/cuda/__init__.py (_parse_visible_devices, _transform_uuid_to_ordinals): the first entry decides whether the list is
indices, `GPU-…` or `MIG-…`; the first invalid entry ends it; a repeated one empties it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from qwenpick.machine.hardware import Device

Group = tuple[Device, ...]  # what one index stands for: a GPU, or the MIG instances it is cut into


def choose(value: str, groups: Sequence[Group]) -> tuple[Device, ...]:
    """The devices that `value` names, in its order. `groups` are in the order that indices count."""
    entries = [entry.strip() for entry in value.split(",")]
    if entries[0].startswith(("GPU-", "MIG-")):
        prefix = entries[0][:4]
        every = [device for group in groups for device in group]
        return _chosen([_by_uuid(e, every) if e.startswith(prefix) else None for e in entries], single=prefix == "MIG-")
    leaders = [group[0] if group else None for group in groups]
    return _chosen([_by_index(entry, leaders) for entry in entries])


def _chosen(found: Sequence[Device | None], single: bool = False) -> tuple[Device, ...]:
    """Up to the first that is none; nothing at all if one repeats; one only where CUDA takes one only (MIG)."""
    end = next((place for place, device in enumerate(found) if device is None), len(found))
    kept = [device for device in found[:end] if device is not None]
    if any(kept.index(device) != place for place, device in enumerate(kept)):
        return ()
    return tuple(kept[:1] if single else kept)


def _by_index(entry: str, leaders: Sequence[Device | None]) -> Device | None:
    match = re.match(r"\+?(\d+)", entry)  # strtoul: digits at the start count, the rest is ignored
    index = int(match[1]) if match else len(leaders)
    return leaders[index] if index < len(leaders) else None


def _by_uuid(prefix: str, devices: Sequence[Device]) -> Device | None:
    """The one device whose UUID starts so; None if there is none or more than one."""
    found = [device for device in devices if device.uuid and device.uuid.startswith(prefix)]
    if not found and prefix.startswith("MIG-GPU-"):  # the old spelling MIG-GPU-<uuid of the parent>/<gi>/<ci>
        found = [device for device in devices if device.kind == "mig" and device.uuid == prefix]
    return found[0] if len(found) == 1 else None


def cuda_order(groups: Sequence[Group], order: str | None) -> tuple[Group, ...]:
    """The groups as CUDA counts them: by PCI address, or (its default) the fastest first and the others in PCI order.

    CUDA does not document what it takes for fastest: here the compute capability, then memory.
    """
    by_bus = sorted(groups, key=lambda group: (group[0].pci_bus or "~") if group else "~")
    if order == "PCI_BUS_ID" or not by_bus:
        return tuple(by_bus)
    fastest = max(by_bus, key=lambda group: _speed(group[0]) if group else ((), 0))
    return (fastest, *(group for group in by_bus if group is not fastest))


def _speed(device: Device) -> tuple[tuple[int, ...], int]:
    pieces = (device.compute_capability or "").split(".")
    return tuple(int(piece) for piece in pieces if piece.isdigit()), device.total or 0


def hide(every: Sequence[Device], kept: Sequence[Device], why: str) -> tuple[Device, ...]:
    """The devices that were not kept, each with a note of why."""
    return tuple(replace(device, notes=(*device.notes, why)) for device in every if device not in kept)
