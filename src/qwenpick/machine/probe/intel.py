"""Intel GPUs through sysfs: xe's and i915's files. Graphics inside the CPU share its RAM."""

from __future__ import annotations

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.amd import cards
from qwenpick.machine.probe.pci import INTEL, PciChip, chip_of
from qwenpick.machine.probe.ram import Ram
from qwenpick.machine.probe.visible import choose, hide
from qwenpick.machine.probe.world import Found, World

INTEGRATED_BUS = "0000:00:02.0"  # where every Intel CPU has its own graphics
INTEGRATED_SHARE = 0.5  # Intel: graphics may take up to half of the system's RAM


def intel(world: World, ram: Ram) -> Found:
    """The Intel GPUs this process may use: discrete ones with their memory, integrated ones with their share of RAM."""
    found: list[Device] = []
    for card in cards(world):
        chip = chip_of(world, f"{card}/device")
        if chip is None or chip.vendor != INTEL:
            continue
        own = _discrete(world, card, chip)
        found.append(_integrated(chip, ram) if own.total is None and chip.bus == INTEGRATED_BUS else own)
    devices = tuple(sorted(found, key=lambda device: device.pci_bus or ""))
    unreadable = tuple(
        N_("{name} at {pci_bus}: its memory could not be read", name=device.name, pci_bus=device.pci_bus)
        for device in devices
        if device.total is None
    )
    value = world.environ.get("ZE_AFFINITY_MASK")
    if value is None or not devices:
        return Found(devices, unreadable=unreadable)
    whole = ",".join(entry.split(".")[0] for entry in value.split(","))  # `0.1` is a tile of device 0
    kept = choose(whole, [(device,) for device in devices]) if value else devices
    note = N_(
        "ZE_AFFINITY_MASK={value} leaves {count} of {devices} Intel devices to this process",
        value=value,
        count=len(kept),
        devices=len(devices),
    )
    return Found(kept, hide(devices, kept, N_("ZE_AFFINITY_MASK={value} hides it", value=value)), (note,), unreadable)


def _discrete(world: World, card: str, chip: PciChip) -> Device:
    """xe counts each tile's memory, i915 all of it."""
    tiles = [name for name in world.names(f"{card}/device") if name.startswith("tile") and name[4:].isdigit()]
    sizes = [world.number(f"{card}/device/{tile}/physical_vram_size_bytes") for tile in tiles]
    known = [size for size in sizes if size]
    total = sum(known) or world.number(f"{card}/lmem_total_bytes") or None
    source = "sysfs physical_vram_size_bytes (xe)" if known else "sysfs lmem_total_bytes (i915)"
    notes = [N_("free memory: Intel's driver does not show it without privileges")]
    if total is None:
        notes = [N_("memory: neither xe's nor i915's file is there; the driver is old or does not drive it")]
    if len(known) > 1:
        notes.append(N_("{count} tiles; the sum of their memory", count=len(known)))
    return Device(
        name=f"Intel GPU {chip.id}",
        vendor="intel",
        total=total,
        free=None,
        pci_id=chip.id,
        pci_bus=chip.bus,
        notes=tuple(notes),
        memory_from=source if total else None,
    )


def _integrated(chip: PciChip, ram: Ram) -> Device:
    share = None if ram.total is None else int(ram.total * INTEGRATED_SHARE)
    return Device(
        name=f"Intel GPU {chip.id}",
        vendor="intel",
        total=share,
        free=None if share is None or ram.free is None else min(share, ram.free),
        unified=True,
        pci_id=chip.id,
        pci_bus=chip.bus,
        kind="igpu",
        notes=(N_("shares the system's RAM: half of it assumed"),),
        memory_from=N_("half of RAM assumed"),
    )
