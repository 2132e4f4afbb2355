"""NVIDIA GPUs: NVML first, nvidia-smi where that fails, the PCI bus where both do; then what this process may see of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qwenpick.hardware import Device
from qwenpick.probe import nvml as nvml_calls
from qwenpick.probe.nvidia_smi import read_smi
from qwenpick.probe.nvml import MemoryRead, ask, read_device, read_mig, text
from qwenpick.probe.pci import NVIDIA, PciChip, chips
from qwenpick.probe.ram import Ram
from qwenpick.probe.visible import Group, choose, cuda_order, hide
from qwenpick.probe.world import Found, World, integer
from qwenpick.units import KIB, MIB

PLACEHOLDER = "JMJWOA-Generic-GPU"  # pci.ids 10de:2e2a; also what a shim on Windows-on-ARM prints where there is no NVIDIA GPU at all
QUIET = {
    nvml_calls.LIBRARY_NOT_FOUND,
    nvml_calls.DRIVER_NOT_LOADED,
}  # no driver: the box has no NVIDIA GPU to offer, which is no fault


@dataclass
class Reading:
    """What the NVML thread has read so far; whoever waits for it may stop waiting."""

    groups: list[Group] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str | None = None
    code: int | None = None
    at: int | None = None
    driver: str | None = None
    cuda: str | None = None


def nvidia(world: World, ram: Ram) -> Found:
    """The NVIDIA GPUs this process may use, those it may not, and what is there but would not answer."""
    on_bus = chips(world, NVIDIA)
    nvml, missing = library(world)
    reading = Reading(problem=missing) if nvml is None else _within(world, nvml, ram)
    if reading.groups:
        return _finish(world, reading, on_bus)
    nothing_to_find = not on_bus and (nvml is None or reading.code in QUIET) and not _driver_traces(world)
    if nothing_to_find or (reading.problem is None and not on_bus):
        return jetson(world, ram) or Found(notes=tuple(reading.notes), driver=reading.driver, cuda=reading.cuda)
    smi = read_smi(world)
    if smi.devices:
        unified = _unified_platform(world)
        groups: list[Group] = [
            (_shared(d, ram) if d.total is None and (unified or _unified_chip(d)) else d,) for d in smi.devices
        ]
        why = f"NVML: {reading.problem or 'it lists no GPU'}; nvidia-smi was read instead"
        lost = [f"{g[0].name}: its memory could not be read" for g in groups if g[0].total is None]
        return _finish(
            world,
            Reading(groups, lost, [*reading.notes, why], driver=smi.driver or reading.driver, cuda=reading.cuda),
            on_bus,
        )
    return jetson(world, ram) or _from_bus(reading, on_bus, smi.problem)


def library(world: World) -> tuple[Any, str | None]:
    """(NVML's Python module, None) or (None, why not). The real one is imported only if the driver's library can be loaded: 0.1 ms against 20."""
    from qwenpick.probe.world import load_nvml

    if world.nvml is load_nvml and world.system == "linux" and not _library_loads():
        return None, "the NVIDIA library (libnvidia-ml.so.1) is not installed"
    if world.system == "darwin":
        return None, "macOS has no NVIDIA driver"
    try:
        module = world.nvml()
    except Exception as error:
        return None, f"nvidia-ml-py is not installed ({type(error).__name__}: {error})"
    return module, None


def _library_loads() -> bool:
    import ctypes

    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    return True


def _within(world: World, nvml: Any, ram: Ram) -> Reading:
    """What NVML says within the time limit. A call that hangs stays behind in its thread; what was read before it counts."""
    reading = Reading()
    thread = threading.Thread(target=_read, args=(world, nvml, ram, reading), daemon=True, name="qwenpick-nvml")
    thread.start()
    thread.join(world.timeout)
    if not thread.is_alive():
        return reading
    so_far = replace(
        reading, groups=list(reading.groups), unreadable=list(reading.unreadable), notes=list(reading.notes)
    )
    late = f"NVML gave no answer in {world.timeout:g} s"
    if reading.at is None or not so_far.groups:
        so_far.problem = so_far.problem or late
    else:
        so_far.unreadable.append(f"GPU {reading.at}: {late}")
    return so_far


def _read(world: World, nvml: Any, ram: Ram, reading: Reading) -> None:
    try:
        started = ask(nvml, "nvmlInit")
        if started.reason is not None:
            reading.problem, reading.code = started.reason, started.code
            return
        reading.driver = text(ask(nvml, "nvmlSystemGetDriverVersion").value)
        reading.cuda = cuda_version(ask(nvml, "nvmlSystemGetCudaDriverVersion").value)
        missing = [name for name in ("nvmlDeviceGetMemoryInfo", "nvmlMemory_v2") if not hasattr(nvml, name)]
        if missing:
            where = getattr(nvml, "__file__", None) or "a module"
            reading.notes.append(
                f"an old `pynvml` package ({where}) shadows nvidia-ml-py: it lacks {', '.join(missing)}; "
                "pip uninstall pynvml, then pip install --force-reinstall nvidia-ml-py"
            )
        if "nvmlDeviceGetMemoryInfo" in missing:
            reading.problem = "the binding is too old"
            return
        count = ask(nvml, "nvmlDeviceGetCount")
        if not isinstance(count.value, int):
            reading.problem, reading.code = f"counting GPUs: {count.reason or 'no number'}", count.code
            return
        for index in range(count.value):
            reading.at = index
            _read_one(world, nvml, ram, reading, index)
        ask(nvml, "nvmlShutdown")
    except Exception as error:  # a binding that breaks in a way nobody foresaw must not end the probe
        reading.problem = f"{type(error).__name__} while reading NVML"


def _read_one(world: World, nvml: Any, ram: Ram, reading: Reading, index: int) -> None:
    handle = ask(nvml, "nvmlDeviceGetHandleByIndex", index)
    if handle.reason is not None:
        reading.unreadable.append(f"GPU {index}: {handle.reason}")
        reading.groups.append(
            (Device(f"unknown (GPU {index})", "nvidia", None, None, notes=(f"handle: {handle.reason}",)),)
        )
        return
    device, memory = read_device(nvml, handle.value, processes=lambda pid: world.read(f"/proc/{pid}/comm"))
    children = read_mig(nvml, handle.value, device, lambda pid: world.read(f"/proc/{pid}/comm"))
    if children is not None:
        reading.groups.append(children)
        reading.unreadable += [
            f"{child.name}: its memory could not be read" for child in children if child.total is None
        ]
        if not children:
            reading.notes.append(
                f"GPU {index} ({device.name}) is in MIG mode and has no instance: nothing can run on it (nvidia-smi mig -cgi)"
            )
        return
    if memory.total is None and _shares_ram(world, device, memory):
        device = _shared(device, ram)
    device = _limited(world, device, index)
    if device.total is None and memory.code != nvml_calls.NOT_SUPPORTED:
        reading.unreadable.append(f"GPU {index} ({device.name}): memory: {memory.reason}")
    reading.groups.append((device,))


def _shares_ram(world: World, device: Device, memory: MemoryRead) -> bool:
    """Whether a device without memory of its own uses the system's: no byte counted, or not supported on a chip known for it."""
    return memory.code == 0 or (
        memory.code == nvml_calls.NOT_SUPPORTED and (_unified_chip(device) or _unified_platform(world))
    )


def _unified_chip(device: Device) -> bool:
    known = device.compute_capability in nvml_calls.UNIFIED_CAPABILITIES
    return known or any(name in device.name for name in nvml_calls.UNIFIED_NAMES)


def _unified_platform(world: World) -> bool:
    board = (world.read("/proc/device-tree/model") or "") + (world.read("/sys/class/dmi/id/product_name") or "")
    return any(name in board for name in ("Jetson", "DGX Spark", "DGX_Spark", "GB10"))


def _shared(device: Device, ram: Ram) -> Device:
    """The device with the RAM it shares as its memory."""
    notes = tuple(note for note in device.notes if not note.startswith("memory:"))
    source = f"unified memory: {ram.total_from}; free: {ram.free_from}"
    return replace(
        device,
        total=ram.total,
        free=ram.free,
        unified=True,
        notes=(*notes, "shares the system's RAM"),
        memory_from=source,
    )


def _limited(world: World, device: Device, index: int) -> Device:
    """The device under HAMi's CUDA_DEVICE_MEMORY_LIMIT[_index] (`3000m`, `4g`), which cuts a slice of it for a container."""
    limit = memory_limit(
        world.environ.get(f"CUDA_DEVICE_MEMORY_LIMIT_{index}") or world.environ.get("CUDA_DEVICE_MEMORY_LIMIT")
    )
    if limit is None or (device.total is not None and device.total <= limit):
        return device
    free = limit if device.free is None else min(device.free, limit)
    notes = tuple(note for note in device.notes if not note.startswith("memory:"))
    return replace(device, total=limit, free=free, notes=notes, memory_from=f"CUDA_DEVICE_MEMORY_LIMIT of GPU {index}")


def memory_limit(value: str | None) -> int | None:
    """Bytes of HAMi's limit; a bare number is bytes.

    >>> memory_limit("3000m"), memory_limit("4g"), memory_limit("0"), memory_limit(None)
    (3145728000, 4294967296, None, None)
    """
    said = (value or "").strip().casefold().removesuffix("b").removesuffix("i")
    factor = {"k": KIB, "m": MIB, "g": 1024 * MIB}.get(said[-1:], 1)
    number = integer(said.rstrip("kmg"))
    return number * factor if number and number > 0 else None


def cuda_version(value: Any) -> str | None:
    """'12.8' of 12080, the newest CUDA that the driver speaks.

    >>> cuda_version(12080), cuda_version(b"12.8"), cuda_version(13000), cuda_version(None)
    ('12.8', '12.8', '13.0', None)
    """
    number = value if isinstance(value, int) else integer(text(value))
    if number is None:
        return text(value)
    return f"{number // 1000}.{number % 1000 // 10}" if number >= 1000 else None


def _driver_traces(world: World) -> bool:
    """Whether the kernel side of the driver is here though NVML is not: a container or a half-installed driver."""
    return any(
        world.exists(path) for path in ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")
    )


def _from_bus(reading: Reading, on_bus: Sequence[PciChip], smi_problem: str | None) -> Found:
    """What the PCI bus alone shows: chips without a driver are of no use and no fault; chips whose driver is broken are unreadable."""
    why = reading.problem or "NVML lists no GPU"
    devices = tuple(
        Device(
            f"unknown ({chip.id})", "nvidia", None, None, pci_id=chip.id, pci_bus=chip.bus, notes=(f"memory: {why}",)
        )
        for chip in on_bus
    )
    notes = [
        *reading.notes,
        f"NVIDIA: {why}" + (f"; {smi_problem}" if smi_problem and "not installed" not in smi_problem else ""),
    ]
    absent = reading.code in QUIET or (reading.code is None and "not installed" in why)
    if absent or (reading.problem is None):
        if on_bus:
            notes.append(
                f"{len(on_bus)} NVIDIA chip(s) on the PCI bus ({', '.join(c.id for c in on_bus)}), but the NVIDIA driver is missing here"
            )
        return Found(hidden=devices, notes=tuple(notes), driver=reading.driver)
    lost = [f"NVIDIA {chip.id} at {chip.bus}: {why}" for chip in on_bus] or [f"NVIDIA: {why}"]
    return Found(devices, notes=tuple(notes), unreadable=tuple(lost), driver=reading.driver)


def jetson(world: World, ram: Ram) -> Found | None:
    """The GPU of a Jetson, whose older releases have no NVML: known by the device tree, its memory is the system's."""
    board = world.read("/proc/device-tree/model") or ""
    if "Jetson" not in board and "NVIDIA" not in (world.read("/proc/device-tree/compatible") or ""):
        return None
    device = _shared(Device(board, "nvidia", None, None, kind="igpu"), ram)
    return Found(
        (device,), sources={"gpu0": "/proc/device-tree/model"}, notes=("Jetson without NVML: known by its device tree",)
    )


def _trusted(device: Device, world: World, on_bus: Sequence[PciChip]) -> bool:
    """A placeholder name counts only with an NVIDIA chip on the bus or in the firmware's product name."""
    return device.name != PLACEHOLDER or bool(on_bus) or _unified_platform(world)


def _finish(world: World, reading: Reading, on_bus: Sequence[PciChip]) -> Found:
    """What CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER leave of the GPUs that were read."""
    groups = [tuple(device for device in group if _trusted(device, world, on_bus)) for group in reading.groups]
    notes = list(reading.notes)
    if any(len(group) < len(before) for group, before in zip(groups, reading.groups, strict=True)):
        notes.append(
            f"'{PLACEHOLDER}' is a placeholder that drivers' stand-ins print; there is no sign of an NVIDIA chip here, so it is left out"
        )
        groups = [group for group in groups if group]
    every = tuple(device for group in groups for device in group)
    kept: tuple[Device, ...] = every
    hidden: tuple[Device, ...] = ()
    value = world.environ.get("CUDA_VISIBLE_DEVICES")
    if value is not None and every:
        order = world.environ.get("CUDA_DEVICE_ORDER")
        counted = cuda_order(groups, order)
        kept = choose(value, counted)
        hidden = hide(every, kept, f"CUDA_VISIBLE_DEVICES={value} hides it")
        notes.append(f"CUDA_VISIBLE_DEVICES={value} leaves {len(kept)} of {len(every)} NVIDIA devices to this process")
        if order != "PCI_BUS_ID" and len({group[0].name for group in groups if group}) > 1:
            notes.append(
                "GPUs differ and CUDA_DEVICE_ORDER is not PCI_BUS_ID: CUDA counts the fastest first, unlike nvidia-smi"
            )
    return Found(kept, hidden, tuple(notes), tuple(reading.unreadable), driver=reading.driver, cuda=reading.cuda)
