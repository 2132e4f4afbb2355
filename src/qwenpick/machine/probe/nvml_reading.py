"""Reading NVML in a thread that may hang: one GPU after the other, MIG instances and shared memory included."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.nvml import (
    NOT_SUPPORTED,
    UNIFIED_CAPABILITIES,
    UNIFIED_NAMES,
    MemoryRead,
    ask,
    read_device,
    read_mig,
    text,
    vgpu_profile,
)
from qwenpick.machine.probe.ram import Ram
from qwenpick.machine.probe.visible import Group
from qwenpick.machine.probe.world import World, integer
from qwenpick.units import KIB, MIB

MOST_DEVICES = 1024  # no box has more; a count beyond it is a fault of the driver


@dataclass
class Reading:
    """What the NVML thread has read so far; whoever waits for it may stop waiting."""

    groups: list[Group] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str | None = None
    code: int | None = None
    at: int | None = None
    count: int = 0
    given_up: bool = False
    driver: str | None = None
    cuda: str | None = None


def read_nvml(world: World, nvml: Any, ram: Ram) -> Reading:
    """What NVML says within the time limit. A call that hangs stays behind in its thread; what was read before it counts."""
    reading = Reading()
    thread = threading.Thread(target=_read, args=(world, nvml, ram, reading), daemon=True, name="qwenpick-nvml")
    thread.start()
    thread.join(world.timeout)
    if not thread.is_alive():
        return reading
    reading.given_up = True
    so_far = replace(
        reading, groups=list(reading.groups), unreadable=list(reading.unreadable), notes=list(reading.notes)
    )
    late = N_("NVML gave no answer in {timeout:g} s", timeout=world.timeout)
    if reading.at is None or not so_far.groups:
        so_far.problem = so_far.problem or late
    else:
        so_far.unreadable += [
            N_("GPU {index}: {late}", index=index, late=late) for index in range(reading.at, reading.count)
        ]
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
            where = getattr(nvml, "__file__", None) or N_("a module")
            reading.notes.append(
                N_(
                    "an old `pynvml` package ({where}) shadows nvidia-ml-py: it lacks {missing}; pip uninstall pynvml, then pip "
                    "install --force-reinstall nvidia-ml-py",
                    where=where,
                    missing=", ".join(missing),
                )
            )
        if "nvmlDeviceGetMemoryInfo" in missing:
            reading.problem = N_("the binding is too old")
            return
        count = ask(nvml, "nvmlDeviceGetCount")
        if not isinstance(count.value, int) or not 0 <= count.value <= MOST_DEVICES:
            reading.problem, reading.code = (
                N_("counting GPUs: {reason}", reason=count.reason or N_("the driver gave no sensible number")),
                count.code,
            )
            return
        reading.count = count.value
        for index in range(count.value):
            if reading.given_up:
                return
            reading.at = index
            _read_one(world, nvml, ram, reading, index)
        ask(nvml, "nvmlShutdown")
    except Exception as error:  # a binding that breaks in a way nobody foresaw must not end the probe
        reading.problem = N_("{kind} while reading NVML", kind=type(error).__name__)


def _read_one(world: World, nvml: Any, ram: Ram, reading: Reading, index: int) -> None:
    handle = ask(nvml, "nvmlDeviceGetHandleByIndex", index)
    if handle.reason is not None:
        reading.unreadable.append(N_("GPU {index}: {reason}", index=index, reason=handle.reason))
        reading.groups.append(
            (
                Device(
                    f"unknown (GPU {index})",
                    "nvidia",
                    None,
                    None,
                    notes=(f"handle: {handle.reason}",),
                ),
            )
        )
        return
    device, memory = read_device(nvml, handle.value, processes=lambda pid: world.read(f"/proc/{pid}/comm"))
    children = read_mig(nvml, handle.value, device, lambda pid: world.read(f"/proc/{pid}/comm"))
    if children is not None:
        reading.groups.append(children)
        reading.unreadable += [
            N_("{name}: its memory could not be read", name=child.name) for child in children if child.total is None
        ]
        if not children:
            reading.notes.append(
                N_(
                    "GPU {index} ({name}) is in MIG mode and has no instance: nothing can run on it (nvidia-smi mig -cgi)",
                    index=index,
                    name=device.name,
                )
            )
        return
    if memory.total is None and _shares_ram(world, device, memory):
        device = shared(device, ram)
    device = _limited(world, device, index)
    if device.total is None and not (memory.code == NOT_SUPPORTED and vgpu_profile(device.name)):
        reading.unreadable.append(
            N_("GPU {index} ({name}): memory: {reason}", index=index, name=device.name, reason=memory.reason)
        )
    reading.groups.append((device,))


def _shares_ram(world: World, device: Device, memory: MemoryRead) -> bool:
    """Whether a device without memory of its own uses the system's: on a chip known for it alone, for a driver in trouble counts none either."""
    return memory.code in (0, NOT_SUPPORTED) and (unified_chip(device) or unified_platform(world))


def unified_chip(device: Device) -> bool:
    known = device.compute_capability in UNIFIED_CAPABILITIES
    return known or any(name in device.name for name in UNIFIED_NAMES)


def unified_platform(world: World) -> bool:
    board = (world.read("/proc/device-tree/model") or "") + (world.read("/sys/class/dmi/id/product_name") or "")
    return any(name in board for name in ("Jetson", "DGX Spark", "DGX_Spark", "GB10"))


def shared(device: Device, ram: Ram) -> Device:
    """The device with the RAM it shares as its memory."""
    notes = tuple(note for note in device.notes if not note.startswith("memory:"))
    source = N_("unified memory: {total_from}; free: {free_from}", total_from=ram.total_from, free_from=ram.free_from)
    return replace(
        device,
        total=ram.total,
        free=ram.free,
        unified=True,
        notes=(*notes, N_("shares the system's RAM")),
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
    return replace(
        device,
        total=limit,
        free=free,
        notes=notes,
        memory_from=N_("CUDA_DEVICE_MEMORY_LIMIT of GPU {index}", index=index),
    )


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
