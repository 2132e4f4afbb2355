"""What no box can have is not believed, whoever says it: sizes below nothing or beyond all hardware, more free than there is."""

from __future__ import annotations

from dataclasses import replace

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.nvml import LARGEST
from qwenpick.machine.probe.ram import Ram
from qwenpick.units import TIB

LARGEST_RAM = 256 * TIB  # more than any machine; x86-64 with five-level paging could address 4 PiB


def sane_device(device: Device) -> Device:
    """The device; an impossible total becomes unknown with a note, and what is free lies between nothing and the total."""
    total, free, notes = device.total, device.free, device.notes
    if total is not None and not 0 < total <= LARGEST:
        total, notes = (
            None,
            (
                *notes,
                N_(
                    "memory: {memory_from} says {total} bytes, which is absurd",
                    memory_from=device.memory_from or N_("its driver"),
                    total=total,
                ),
            ),
        )
    if total is None:
        return replace(device, total=None, free=None, reserved=None, notes=notes)
    reserved = device.reserved if device.reserved is not None and 0 <= device.reserved <= total else None
    return replace(device, free=None if free is None else min(max(free, 0), total), reserved=reserved)


def sane_ram(ram: Ram) -> Ram:
    """The RAM; impossible sizes are unknown."""
    if ram.installed is not None and not 0 < ram.installed <= LARGEST_RAM:
        return Ram(
            notes=(
                *ram.notes,
                N_(
                    "{total_from} says {installed} bytes of RAM, which is absurd",
                    total_from=ram.total_from or N_("the system"),
                    installed=ram.installed,
                ),
            )
        )
    free = None if ram.free is None or ram.total is None else min(max(ram.free, 0), ram.total)
    return replace(ram, free=free)
