"""One Machine out of what the vendors' probes, the RAM, the CPU and the disk say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Cpu, Device, Machine
from qwenpick.machine.probe.amd import amd
from qwenpick.machine.probe.apple import apple
from qwenpick.machine.probe.ascend import ascend
from qwenpick.machine.probe.bandwidth import MEASURED, bandwidth_file, box_key, remembered
from qwenpick.machine.probe.cpu import cpu
from qwenpick.machine.probe.disk import Disk, disk_notes, disks
from qwenpick.machine.probe.identify import identify, set_aside
from qwenpick.machine.probe.intel import intel
from qwenpick.machine.probe.nvidia import nvidia
from qwenpick.machine.probe.ram import Ram, ram
from qwenpick.machine.probe.sane import sane_device, sane_ram
from qwenpick.machine.probe.windows import windows
from qwenpick.machine.probe.world import Found, World

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog

T = TypeVar("T")

NO_CPU: tuple[Cpu, tuple[str, ...]] = (Cpu(), ())
NO_DISKS: tuple[Disk, ...] = ()
VENDORS: tuple[Callable[[World, Ram], Found], ...] = (nvidia, amd, intel, apple, ascend, windows)


def probe(catalog: Catalog | None = None, world: World | None = None) -> Machine:
    """This box. Never raises: what cannot be read is None, and `notes`, the devices' notes and `unreadable` say why.

    `world` is where to look; tests point it at recorded trees and outputs. `catalog` is read from disk only if there is a device to match with it.
    """
    world = world or World()
    notes: list[str] = []
    memory = _or_note("RAM", lambda: sane_ram(ram(world)), Ram(), notes)
    processor, cpu_notes = _or_note("the CPU", lambda: cpu(world), NO_CPU, notes)
    processor = _remembered(world, processor, memory)
    places = _or_note(N_("the disk"), lambda: disks(world), NO_DISKS, notes)
    found = [_guarded_vendor(vendor, world, memory) for vendor in VENDORS]
    devices = tuple(sane_device(device) for f in found for device in f.devices)
    hidden = tuple(sane_device(device) for f in found for device in f.hidden)
    installed = memory.installed + sum(f.carved for f in found) if memory.installed else None
    if devices or hidden:
        both = _or_note(
            N_("the catalog"),
            lambda: identify(devices + hidden, catalog or _catalog(), installed),
            devices + hidden,
            notes,
        )
        devices, hidden = both[: len(devices)], both[len(devices) :]
        devices, aside = set_aside(devices)
        hidden += aside
    processor = _shared_bandwidth(processor, devices)
    disk = places[0] if places else None
    return Machine(
        devices=devices,
        ram_total=memory.total,
        ram_free=memory.free,
        ram_installed=memory.installed,
        cpu=processor,
        disk_free=disk.free if disk else None,
        disk_path=disk.path if disk else None,
        system=world.system,
        driver=next((f.driver for f in found if f.driver), None),
        cuda=next((f.cuda for f in found if f.cuda), None),
        origin="probe",
        notes=tuple(
            n for part in (*(f.notes for f in found), memory.notes, cpu_notes, disk_notes(places), notes) for n in part
        ),
        unreadable=tuple(line for f in found for line in f.unreadable),
        sources=sources(devices, memory, processor, disk.named_by if disk else None, found),
        hidden=hidden,
    )


def _catalog() -> Catalog:
    from qwenpick.catalog import load

    return load()


def _remembered(world: World, processor: Cpu, memory: Ram) -> Cpu:
    """The CPU with the bandwidth that was measured on this box before. Only the real root has a memory."""
    if world.root != Path("/"):
        return processor
    try:
        bandwidth = remembered(box_key(processor, memory.installed), bandwidth_file())
    except Exception:
        return processor
    return replace(processor, bandwidth=bandwidth, bandwidth_from=MEASURED) if bandwidth else processor


def _shared_bandwidth(processor: Cpu, devices: Sequence[Device]) -> Cpu:
    """The CPU with the bandwidth of the memory it shares with a GPU, where the catalogue knows it and the CPU's own is a guess."""
    shared = next((device for device in devices if device.unified and device.bandwidth), None)
    if shared is None or not (processor.bandwidth_from or "").startswith("assumed"):
        return processor
    return replace(
        processor,
        bandwidth=shared.bandwidth,
        bandwidth_from=N_("catalog: memory shared with {gpu}", gpu=shared.gpu or shared.name),
    )


def sources(
    devices: Sequence[Device], memory: Ram, processor: Cpu, disk: str | None, found: Sequence[Found]
) -> dict[str, str]:
    """Where each value is from: `ram_total`, `ram_free`, `cpu.bandwidth`, `disk_path`, `gpu0.total`, …"""
    known: dict[str, str | None] = {
        "ram_total": memory.total_from,
        "ram_free": memory.free_from,
        "cpu.bandwidth": processor.bandwidth_from,
        "disk_path": disk,
        **{f"gpu{index}.total": device.memory_from for index, device in enumerate(devices)},
        **{key: value for f in found for key, value in f.sources.items()},
    }
    return {key: value for key, value in known.items() if value}


def _guarded_vendor(vendor: Callable[[World, Ram], Found], world: World, memory: Ram) -> Found:
    """The vendor's devices; a fault of ours or of a driver in one vendor leaves the others standing, and is said."""
    try:
        return vendor(world, memory)
    except Exception as error:
        line = N_(
            "{kind}: the probe failed ({error___name__}: {error})",
            kind=vendor.__name__,
            error___name__=type(error).__name__,
            error=error,
        )
        return Found(notes=(line,), unreadable=(line,))


def _or_note(what: str, read: Callable[[], T], otherwise: T, notes: list[str]) -> T:
    """What `read` returns; if it fails, `otherwise`, with the reason put into `notes`."""
    try:
        return read()
    except Exception as error:
        notes.append(
            N_("{what} could not be read ({kind}: {error})", what=what, kind=type(error).__name__, error=error)
        )
        return otherwise
