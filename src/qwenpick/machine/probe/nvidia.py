"""NVIDIA GPUs: NVML first, nvidia-smi where that fails, the PCI bus where both do; then what this process may see of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.nvidia_smi import read_smi
from qwenpick.machine.probe.nvml import DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, UNIFIED_NAMES
from qwenpick.machine.probe.nvml_reading import Reading, read_nvml, shared, unified_chip, unified_platform
from qwenpick.machine.probe.pci import NVIDIA, PciChip, chips
from qwenpick.machine.probe.ram import Ram
from qwenpick.machine.probe.surroundings import surroundings
from qwenpick.machine.probe.visible import Group, choose, cuda_order, hide
from qwenpick.machine.probe.world import Found, World

PLACEHOLDER = "JMJWOA-Generic-GPU"  # pci.ids 10de:2e2a; also what a shim on Windows-on-ARM prints where there is no NVIDIA GPU at all
# usual, WSL, GKE
LIBRARIES = ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1", "/usr/local/nvidia/lib64/libnvidia-ml.so.1")
# no driver: the box has no NVIDIA GPU to offer, which is no fault
QUIET = {LIBRARY_NOT_FOUND, DRIVER_NOT_LOADED}


def nvidia(world: World, ram: Ram) -> Found:
    """The NVIDIA GPUs this process may use, those it may not, and what is there but would not answer."""
    on_bus = chips(world, NVIDIA)
    nvml, missing = library(world)
    reading = Reading(problem=missing) if nvml is None else read_nvml(world, nvml, ram)
    if reading.groups:
        return _finish(world, reading, on_bus)
    nothing_to_find = not on_bus and (nvml is None or reading.code in QUIET) and not _offered(world)
    if nothing_to_find or (reading.problem is None and not on_bus):
        return jetson(world, ram) or Found(notes=tuple(reading.notes), driver=reading.driver, cuda=reading.cuda)
    smi = read_smi(world)
    if smi.devices:
        unified = unified_platform(world)
        groups: list[Group] = [
            (shared(d, ram) if d.total is None and (unified or unified_chip(d)) else d,) for d in smi.devices
        ]
        why = N_("NVML: {problem}; nvidia-smi was read instead", problem=reading.problem or N_("it lists no GPU"))
        lost = [N_("{name}: its memory could not be read", name=g[0].name) for g in groups if g[0].total is None]
        return _finish(
            world,
            Reading(groups, lost, [*reading.notes, why], driver=smi.driver or reading.driver, cuda=reading.cuda),
            on_bus,
        )
    return jetson(world, ram) or _from_bus(world, reading, on_bus, smi.problem)


def library(world: World) -> tuple[Any, str | None]:
    """(NVML's Python module, None) or (None, why not). The real one is imported only if the driver's library can be loaded: 0.1 ms against 20."""
    from qwenpick.machine.probe.world import load_nvml

    if world.nvml is load_nvml and world.system == "linux" and not _library_loads():
        return None, N_("the NVIDIA library (libnvidia-ml.so.1) is not installed")
    if world.system == "darwin":
        return None, N_("macOS has no NVIDIA driver")
    try:
        module = world.nvml()
    except Exception as error:
        return None, N_("nvidia-ml-py is not installed ({kind}: {error})", kind=type(error).__name__, error=error)
    return module, None


def _library_loads() -> bool:
    """Whether the driver's library can be loaded. Once it is, by whichever path, the binding finds it by its name."""
    import ctypes

    for place in LIBRARIES:
        try:
            ctypes.CDLL(place)
        except OSError:
            continue
        return True
    return False


def _offered(world: World) -> bool:
    """Whether a GPU is offered to this process though nothing reads it: device files, WSL's library, or outside a container a loaded driver.

    A container sees the host's /proc/driver/nvidia and its PCI bus whether it was given the GPU or not.
    """
    files = ("/dev/nvidiactl", "/dev/nvidia0", "/usr/lib/wsl/lib/libnvidia-ml.so.1")
    if any(world.exists(path) for path in files):
        return True
    return world.exists("/proc/driver/nvidia/version") and surroundings(world).container is None


def _given_away(world: World, chip: PciChip) -> bool:
    """Whether a chip is not this system's to use: bound to a virtual machine's driver, or in a container without its device file."""
    driver = world.link(f"/sys/bus/pci/devices/{chip.bus}/driver")
    if driver is not None and driver != "nvidia":
        return True  # vfio-pci, nouveau
    return surroundings(world).container is not None or world.environ.get("NVIDIA_VISIBLE_DEVICES", "all") != "all"


def _from_bus(world: World, reading: Reading, on_bus: Sequence[PciChip], smi_problem: str | None) -> Found:
    """What the PCI bus alone shows: chips without a driver are of no use and no fault; chips whose driver is there and mute are unreadable."""
    why = reading.problem or N_("NVML lists no GPU")
    devices = tuple(_unread(chip, why) for chip in on_bus)
    said = f"; {smi_problem}" if smi_problem and "not installed" not in smi_problem else ""
    notes = [*reading.notes, N_("NVIDIA: {why}", why=why) + said]
    driver_works = reading.problem is None and reading.code is None  # it starts and lists nothing
    absent = reading.code in QUIET or "not installed" in why
    away = bool(on_bus) and all(_given_away(world, chip) for chip in on_bus)
    mute = not absent or _offered(world) or bool(said)
    if (driver_works and away) or not (driver_works or mute):
        if on_bus:
            notes.append(
                N_(
                    "{count} NVIDIA chip(s) on the PCI bus ({on_bus}), but the NVIDIA driver is missing here",
                    count=len(on_bus),
                    on_bus=", ".join(c.id for c in on_bus),
                )
            )
        return Found(hidden=devices, notes=tuple(notes), driver=reading.driver)
    lost = [f"NVIDIA {chip.id} at {chip.bus}: {why}" for chip in on_bus] or [N_("NVIDIA: {why}", why=why)]
    return Found(devices, notes=tuple(notes), unreadable=tuple(lost), driver=reading.driver)


def _unread(chip: PciChip, why: str) -> Device:
    """A chip of which nothing but its ids is known."""
    return Device(
        f"unknown ({chip.id})",
        "nvidia",
        None,
        None,
        pci_id=chip.id,
        pci_bus=chip.bus,
        notes=(N_("memory: {why}", why=why),),
    )


def jetson(world: World, ram: Ram) -> Found | None:
    """The GPU of a Jetson, whose older releases have no NVML: known by the device tree, its memory is the system's."""
    board = world.read("/proc/device-tree/model") or ""
    if "Jetson" not in board and "NVIDIA" not in (world.read("/proc/device-tree/compatible") or ""):
        return None
    chip = next((name for name in UNIFIED_NAMES if name in board), None)
    name = f"{chip} (nvgpu)" if chip else board  # as the driver names it where there is one
    device = shared(Device(name, "nvidia", None, None, kind="igpu", notes=(board,)), ram)
    return Found(
        (device,),
        sources={"gpu0": "/proc/device-tree/model"},
        notes=(N_("Jetson without NVML: known by its device tree"),),
    )


def _named_by_bus(groups: Sequence[Group], on_bus: Sequence[PciChip]) -> list[Group]:
    """The groups, where GPUs without a handle are the chips on the bus that no other GPU is: by their ids the catalogue names them."""
    known = {device.pci_bus for group in groups for device in group}
    left = [chip for chip in on_bus if chip.bus not in known]
    lost = [group for group in groups if group and group[0].pci_bus is None and group[0].total is None]
    if len(left) != len(lost):
        return list(groups)
    chips_left = iter(left)
    return [(_as_chip(group[0], next(chips_left)),) if group in lost else group for group in groups]


def _as_chip(device: Device, chip: PciChip) -> Device:
    name = f"unknown ({chip.id})" if device.name.startswith("unknown") else device.name
    return replace(device, name=name, pci_id=chip.id, pci_bus=chip.bus)


def _trusted(device: Device, world: World, on_bus: Sequence[PciChip]) -> bool:
    """A placeholder name counts only with an NVIDIA chip on the bus or in the firmware's product name."""
    return device.name != PLACEHOLDER or bool(on_bus) or unified_platform(world)


def _finish(world: World, reading: Reading, on_bus: Sequence[PciChip]) -> Found:
    """What CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER leave of the GPUs that were read."""
    read = _named_by_bus(reading.groups, on_bus)
    groups = [tuple(device for device in group if _trusted(device, world, on_bus)) for group in read]
    notes = list(reading.notes)
    if any(len(group) < len(before) for group, before in zip(groups, read, strict=True)):
        notes.append(
            N_(
                "'{text}' is a placeholder that drivers' stand-ins print; there is no sign of an NVIDIA chip here, so "
                "it is left out",
                text=PLACEHOLDER,
            )
        )
        groups = [group for group in groups if group]
    every = tuple(device for group in groups for device in group)
    kept: tuple[Device, ...] = every
    hidden: tuple[Device, ...] = ()
    missing = _missing(every, on_bus)
    lost = [chip for chip in missing if not _given_away(world, chip)]
    value = world.environ.get("CUDA_VISIBLE_DEVICES")
    if value is not None and every:
        order = world.environ.get("CUDA_DEVICE_ORDER")
        counted = cuda_order(groups, order)
        kept = choose(value, counted)
        hidden = hide(every, kept, N_("CUDA_VISIBLE_DEVICES={value} hides it", value=value))
        notes.append(
            N_(
                "CUDA_VISIBLE_DEVICES={value} leaves {count} of {every} NVIDIA devices to this process",
                value=value,
                count=len(kept),
                every=len(every),
            )
        )
        if order != "PCI_BUS_ID" and len({group[0].name for group in groups if group}) > 1:
            notes.append(
                N_(
                    "GPUs differ and CUDA_DEVICE_ORDER is not PCI_BUS_ID: CUDA counts the fastest first, unlike nvidia-smi"
                )
            )
    hidden += tuple(_unread(chip, N_("it is not given to this process")) for chip in missing if chip not in lost)
    unreadable = (
        *reading.unreadable,
        *(N_("NVIDIA {id} at {bus}: the driver does not list it", id=c.id, bus=c.bus) for c in lost),
    )
    return Found(kept, hidden, tuple(notes), unreadable, driver=reading.driver, cuda=reading.cuda)


def _missing(every: Sequence[Device], on_bus: Sequence[PciChip]) -> list[PciChip]:
    """The chips on the bus that the driver does not list, where it says of each device which chip it is."""
    listed = {device.pci_bus for device in every}
    if None in listed and len(every) >= len(on_bus):
        return []
    return [chip for chip in on_bus if chip.bus not in listed] if len(on_bus) > len({d.pci_bus for d in every}) else []
