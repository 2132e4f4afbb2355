"""NVIDIA through NVML: every call may fail for one device, or for one value, without losing the others.

`nvml` is the module `pynvml` of nvidia-ml-py or anything with its functions. Errors are told apart by their code alone: NVMLError compares
only with its own kind and cannot be hashed (nvidia-ml-py 13.615).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.pci import normal_bus, packed
from qwenpick.units import GIB, TIB, format_bytes
from qwenpick.values import dataclass

# nvml.h, CUDA 13: nvmlReturn_t
NOT_SUPPORTED, DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, UNKNOWN = 3, 9, 12, 999
REASONS = {
    1: N_("NVML is not initialized"), 2: N_("invalid argument"), 3: N_("not supported"), 4: N_("no permission"),
    6: N_("not found"), 7: N_("buffer too small"), 8: N_("the GPU's power cables are not attached"),
    9: N_("the NVIDIA driver is not loaded"), 10: "timeout", 11: N_("interrupt problem in the kernel"),
    12: N_("the NVIDIA library is not installed"), 13: N_("the driver does not know this call"),
    14: N_("the GPU's info ROM is corrupted"), 15: N_("the GPU is lost (it fell off the bus)"),
    16: N_("the GPU needs a reset"), 17: N_("the operating system refused"),
    18: N_("driver and library versions differ; reboot"), 20: N_("out of memory"), 23: N_("out of resources"),
    25: N_("the driver does not know this call's version"), 27: N_("not ready"), 28: N_("GPU not found"),
    29: N_("invalid state"), 999: N_("unknown error"),
}  # fmt: skip
MOST_MIG_INSTANCES = 16  # NVIDIA cuts a GPU into seven at most
LARGEST = 4 * TIB  # more than any accelerator: an intercepted NVML (HAMi#1181) has answered 16 EiB

# (major, minor) of chips whose GPU shares the system's RAM: Jetson TX1, TX2, Xavier, Orin, Thor, GB10
UNIFIED_CAPABILITIES = {"5.3", "6.2", "7.2", "8.7", "11.0", "12.1"}
UNIFIED_NAMES = ("GB10", "Orin", "Thor", "Xavier", "Tegra", "N1X")


@dataclass(frozen=True, slots=True)
class Value:
    """A call's result, or the reason why there is none and NVML's code for it."""

    value: Any = None
    reason: str | None = None
    code: int | None = None


def ask(nvml: Any, function: str, *arguments: Any, **options: Any) -> Value:
    """The result of one NVML call. Never raises: a missing function, a mangled string or an error code becomes a reason."""
    try:
        return Value(getattr(nvml, function)(*arguments, **options))
    except AttributeError:
        return Value(reason=N_("this NVML binding has no {function}", function=function))
    except UnicodeDecodeError:
        return Value(reason=N_("the driver answered with mangled text"))
    except Exception as error:
        code = getattr(error, "value", None)
        code = code if isinstance(code, int) else None
        reason = (
            REASONS.get(code, N_("NVML error {code}", code=code))
            if code is not None
            else N_("{kind} in {function}", kind=type(error).__name__, function=function)
        )
        return Value(reason=reason, code=code)


def text(value: Any) -> str | None:
    """A string NVML gave, which old bindings give as bytes, some padded with NULs and blanks."""
    decoded = value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
    return decoded.strip().strip("\0").strip() or None if isinstance(decoded, str) else None


@dataclass(frozen=True, slots=True)
class MemoryRead:
    """Bytes a device has, has free and keeps reserved; `reason` says why not, `code` is NVML's."""

    total: int | None = None
    free: int | None = None
    reserved: int | None = None
    source: str | None = None
    reason: str | None = None
    code: int | None = None
    note: str | None = None


def read_memory(nvml: Any, handle: Any) -> MemoryRead:
    """Total, free and reserved by the second version of the call, else by the first. `used` is not asked: its meaning differs between them."""
    version = getattr(nvml, "nvmlMemory_v2", None)
    read = Value(reason="no v2") if version is None else ask(nvml, "nvmlDeviceGetMemoryInfo", handle, version=version)
    source = "NVML memory v2"
    if read.value is None:
        read, source = ask(nvml, "nvmlDeviceGetMemoryInfo", handle), "NVML memory v1"
    if read.value is None:
        return MemoryRead(reason=read.reason, code=read.code)
    total, free = _count(read.value, "total"), _count(read.value, "free")
    reserved = _count(read.value, "reserved") if source.endswith("v2") else None
    if not total:
        return MemoryRead(reason=N_("the driver counts no memory for it"), code=0)
    if total > LARGEST:
        return MemoryRead(reason=N_("the driver's {total} is absurd", total=format_bytes(total)), code=UNKNOWN)
    note = None
    if free is not None and free > total:
        note = N_(
            "the driver said {free} free of {total}; taken as all free",
            free=format_bytes(free),
            total=format_bytes(total),
        )
        free = total
    return MemoryRead(total, free, reserved, source, note=note)


def _count(structure: Any, name: str) -> int | None:
    value = getattr(structure, name, None)
    return value if isinstance(value, int) and value >= 0 else None


def read_device(nvml: Any, handle: Any, *, processes: Callable[[int], str | None]) -> tuple[Device, MemoryRead]:
    """One device as NVML tells it. What it does not tell is None with a note."""
    name, uuid = ask(nvml, "nvmlDeviceGetName", handle), ask(nvml, "nvmlDeviceGetUUID", handle)
    pci = ask(nvml, "nvmlDeviceGetPciInfo", handle).value
    capability = ask(nvml, "nvmlDeviceGetCudaComputeCapability", handle)
    memory = read_memory(nvml, handle)
    pci_id = packed(getattr(pci, "pciDeviceId", None), getattr(pci, "pciSubSystemId", None))
    notes = [memory.note] if memory.note else []
    if memory.total is None:
        notes.append(N_("memory: {reason}", reason=memory.reason))
    if capability.value is None:
        notes.append(N_("compute capability: {reason}", reason=capability.reason))
    if text(name.value) is None:
        notes.append(N_("name: {reason}", reason=name.reason or N_("the driver gave none")))
    ecc = ask(nvml, "nvmlDeviceGetEccMode", handle).value
    display = ask(nvml, "nvmlDeviceGetDisplayActive", handle).value
    label = text(name.value) or f"unknown ({pci_id or 'no PCI id'})"
    return Device(
        name=label,
        vendor="nvidia",
        total=memory.total,
        free=memory.free,
        compute_capability=capability_text(capability.value),
        uuid=text(uuid.value),
        pci_id=pci_id,
        pci_bus=normal_bus(text(getattr(pci, "busId", None))),
        kind="vgpu" if is_vgpu(label) else "gpu",
        used_by=read_processes(nvml, handle, processes),
        notes=tuple(notes),
        memory_from=memory.source,
        reserved=memory.reserved,
        ecc=bool(ecc[0]) if isinstance(ecc, list | tuple) and ecc else None,
        display=bool(display) if isinstance(display, int) else None,
    ), memory


def capability_text(value: Any) -> str | None:
    """'9.0' of NVML's (9, 0)."""
    try:
        major, minor = value
        return f"{int(major)}.{int(minor)}"
    except (TypeError, ValueError):
        return None


def is_vgpu(name: str) -> bool:
    """Whether a name is that of a vGPU slice: `GRID A100-40C`, `NVIDIA A16-4Q`.

    >>> is_vgpu("GRID A100-40C"), is_vgpu("NVIDIA A16-4Q"), is_vgpu("NVIDIA A100-SXM4-40GB"), is_vgpu("NVIDIA L40S-48C")
    (True, True, False, True)
    """
    import re

    return bool(re.search(r"-\d{1,3}(?:-\d)?[ABCQV](?:ME)?$", name)) or name.startswith("GRID ")


def vgpu_profile(name: str) -> int | None:
    """Bytes that a vGPU's profile gives it, as its name says; None for a name that is none.

    >>> vgpu_profile("GRID A100-10C"), vgpu_profile("NVIDIA A100-SXM4-40GB"), vgpu_profile("NVIDIA GeForce RTX 4090")
    (10737418240, None, None)
    """
    import re

    profile = re.search(r"-(\d{1,3})[ABCQV](?:ME)?$", name)
    return int(profile[1]) * GIB or None if profile else None


def read_processes(nvml: Any, handle: Any, name_of: Callable[[int], str | None]) -> tuple[str, ...]:
    """Who holds memory on the device now: `python (pid 4242) 12.30 GiB`, largest first. In containers and on WSL this may be nobody."""
    answer = ask(nvml, "nvmlDeviceGetComputeRunningProcesses", handle).value
    found = []
    for process in answer if isinstance(answer, list | tuple) else ():
        pid, held = getattr(process, "pid", None), getattr(process, "usedGpuMemory", None)
        held = held if isinstance(held, int) and 0 <= held < LARGEST else None
        size = format_bytes(held) if held is not None else N_("an unknown size")
        found.append(
            (
                held or 0,
                N_(
                    "{program} (pid {pid}) {size}",
                    program=name_of(pid) or N_("a process") if isinstance(pid, int) else N_("a process"),
                    pid=pid,
                    size=size,
                ),
            )
        )
    return tuple(label for _unused, label in sorted(found, key=lambda pair: -pair[0]))


def read_mig(
    nvml: Any, parent: Any, parent_device: Device, processes: Callable[[int], str | None]
) -> tuple[Device, ...] | None:
    """The MIG instances of a device as devices of their own; None where MIG is off or unknown to it, () where it is on and holds none."""
    mode = ask(nvml, "nvmlDeviceGetMigMode", parent).value
    if not isinstance(mode, list | tuple) or not mode or mode[0] != 1:
        return None
    slots = ask(nvml, "nvmlDeviceGetMaxMigDeviceCount", parent).value
    found = []
    for slot in range(min(slots, MOST_MIG_INSTANCES) if isinstance(slots, int) else 0):
        handle = ask(nvml, "nvmlDeviceGetMigDeviceHandleByIndex", parent, slot)
        if handle.value is None:
            continue
        device, _unused = read_device(nvml, handle.value, processes=processes)
        name = device.name if "MIG" in device.name else f"{parent_device.name} MIG"
        found.append(_child(device, parent_device, name))
    return tuple(found)


def _child(device: Device, parent: Device, name: str) -> Device:
    """A MIG instance with what only its parent knows: capability and PCI address."""
    from dataclasses import replace

    capability = device.compute_capability or parent.compute_capability
    notes = tuple(note for note in device.notes if not (capability and note.startswith("compute capability")))
    return replace(
        device,
        name=name,
        kind="mig",
        compute_capability=capability,
        pci_id=device.pci_id or parent.pci_id,
        pci_bus=device.pci_bus or parent.pci_bus,
        notes=(*notes, N_("a MIG instance of {name}; CUDA uses one MIG instance per process", name=parent.name)),
    )
