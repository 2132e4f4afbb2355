"""Room that the desktop and other programs keep on a GPU that drives a display, so that a plan leaves it."""

from __future__ import annotations

from dataclasses import replace

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device, Machine
from qwenpick.units import GIB, MIB, format_bytes

# Bytes that a compositor, a browser and an editor hold on the card, by system: the contract of --reserve. A Mac's share is Metal's working set.
DESKTOP = {"linux": 600 * MIB, "windows": 12 * GIB // 10, "darwin": 0}


def reserved(machine: Machine, size: int | None = None) -> Machine:
    """The machine with `size` bytes (the system's usual where None) left free on each GPU that drives a display.

    What such programs hold already counts towards it. Asked for by size where no GPU is known to drive a display, it is kept on each. Of a GPU that
    shares the machine's RAM it is kept there, and only where it was asked for: the system's part of RAM is taken off there already.
    """
    if size is not None and machine.origin != "simulated" and any(device.unified for device in machine.devices):
        return _shared(machine, size)
    if size is not None and not machine.devices:
        said = N_("--reserve leaves memory of GPUs free, and there is none: it changes nothing")
        return replace(machine, notes=tuple(dict.fromkeys([*machine.notes, said])))
    shown = [device.display for device in machine.devices if not device.unified]
    everywhere = size is not None and not any(shown)
    wanted = DESKTOP.get(machine.system, 0) if size is None else size
    devices = tuple(
        _left(device, wanted) if (device.display or everywhere) and not device.unified else device
        for device in machine.devices
    )
    notes = [_note(device, asked=size is not None) for device in devices if device.reserved_bytes]
    return replace(machine, devices=devices, notes=tuple(dict.fromkeys([*machine.notes, *notes])))


def _shared(machine: Machine, size: int) -> Machine:
    """The machine with `size` bytes of its RAM left to system and programs, what they hold already counted."""
    most = max(0, (machine.ram_total or 0) - size)
    devices = tuple(
        replace(device, free=min(most, device.free)) if device.unified and device.free is not None else device
        for device in machine.devices
    )
    ram = None if machine.ram_free is None else min(most, machine.ram_free)
    notes = [
        N_("{size} of {name} left for other programs: asked for", size=format_bytes(size), name=machine.devices[0].name)
    ]
    return replace(machine, devices=devices, ram_free=ram, notes=tuple(dict.fromkeys([*machine.notes, *notes])))


def _note(device: Device, *, asked: bool) -> str:
    room = format_bytes(device.reserved_bytes)
    if asked:
        return N_("{size} of {name} left for other programs: asked for", size=room, name=device.name)
    return N_(
        "assuming the desktop keeps {size} of the {name} (--reserve 0 plans without)", size=room, name=device.name
    )


def _left(device: Device, wanted: int) -> Device:
    """The device with `wanted` bytes less free, those that are held already counted."""
    if device.free is None or device.total is None:
        return device
    free = device.free + device.reserved_bytes  # of a saved machine that was read again
    held = max(0, device.total - (device.reserved or 0) - free) if device.memory_from else 0
    more = min(free, max(0, wanted - held))
    return replace(device, free=free - more, reserved_bytes=more)
