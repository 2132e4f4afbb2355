"""What a machine is, as frozen values: from a probe, from a saved file, or from names of GPUs. No probing here."""

from __future__ import annotations

import re
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog.vendors import Vendor  # probing loads no catalogue


@dataclass(frozen=True, slots=True)
class Device:
    """One accelerator as its driver reports it. What could not be read is None, and `notes` says why.

    `total` and `free` are bytes; on unified memory they are the part of RAM that the GPU may use. `gpu` is the id of the catalogue entry it was
    matched to: that is where bandwidth and rates come from. `memory_from` says what gave `total`; `reserved` is what the driver keeps for itself;
    `cores` are Apple GPU cores. `display` is whether it drives one, and `reserved_bytes` are those that `free` leaves out for that (reserve.py).
    """

    name: str
    vendor: Vendor
    total: int | None
    free: int | None
    unified: bool = False
    gpu: str | None = None
    compute_capability: str | None = None
    bandwidth: float | None = None
    uuid: str | None = None
    pci_id: str | None = None
    pci_bus: str | None = None
    kind: str = "gpu"  # gpu, mig, vgpu, igpu, npu
    used_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    memory_from: str | None = None
    reserved: int | None = None
    ecc: bool | None = None
    cores: int | None = None
    display: bool | None = None
    reserved_bytes: int = 0

    @property
    def capability(self) -> tuple[int, int] | None:
        """NVIDIA's compute capability as numbers that compare: (8, 9), (12, 0); None for other vendors or where it is not known."""
        return _capability(self.compute_capability or "") if self.vendor == "nvidia" else None

    def __hash__(self) -> int:
        # enough to tell devices apart; they are looked up often, and most of the other fields follow from the name
        return hash((self.name, self.total, self.free, self.pci_bus))


@lru_cache(maxsize=256)
def _capability(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,3}))?", text, re.ASCII)
    return (int(found[1]), int(found[2] or 0)) if found else None


def before_ampere(device: Device) -> bool:
    """Whether it is an NVIDIA GPU of compute capability below 8.0: no bf16 arithmetic, and not what serving engines are made for."""
    return device.capability is not None and device.capability < (8, 0)


# Streaming multiprocessors, as NVIDIA's architecture white papers and data sheets give them; ids begin with these, longest first
_MULTIPROCESSORS = {
    "t4": 40, "v100": 80, "a100": 108, "a30": 56, "a10": 72, "a40": 84, "a2": 10, "h100": 132, "h100-pcie": 114, "h200": 132, "h20": 78, "gh200": 132,
    "h800": 132, "b200": 148, "b300": 148, "gb200": 148, "gb300": 148, "l4": 58, "l40": 142, "l40s": 142, "gb10": 48, "rtx-2080-ti": 68,
    "rtx-3060": 28, "rtx-3080": 68, "rtx-3090": 82, "rtx-3090-ti": 84, "rtx-4060-ti": 34, "rtx-4070": 46, "rtx-4080": 76, "rtx-4090": 128,
    "rtx-5060-ti": 36, "rtx-5070": 48, "rtx-5070-ti": 70, "rtx-5080": 84, "rtx-5090": 170, "rtx-a6000": 84, "rtx-6000-ada": 142, "rtx-pro-6000": 188,
}  # fmt: skip
MOST_MULTIPROCESSORS = 132  # an H200: for a card that the table lacks


def multiprocessors(device: Device | None) -> int:
    """Streaming multiprocessors of an NVIDIA card; those of an H200 where they are not known."""
    known = [name for name in _MULTIPROCESSORS if device and (device.gpu or "").startswith(name)]
    return _MULTIPROCESSORS[max(known, key=len)] if known else MOST_MULTIPROCESSORS


# Threads that a multiprocessor holds at once, by compute capability (CUDA's programming guide); 2,048 where it is not named
_RESIDENT = {(7, 5): 1024, (8, 6): 1536, (8, 7): 1536, (8, 9): 1536, (12, 0): 1536, (12, 1): 1536}
CONTEXT_BASE, STACK = 266 * 2**20, 1024


def resident_threads(device: Device | None) -> int:
    """Threads that an NVIDIA card holds at once: CUDA keeps a stack for each. Of an H200 where the card is unknown or has no memory of its own."""
    if device is None or device.gpu is None or device.unified:
        return MOST_MULTIPROCESSORS * 2048
    return multiprocessors(device) * _RESIDENT.get(device.capability or (0, 0), 2048)


def cuda_context(device: Device | None) -> int:
    """Bytes of a process's CUDA context: cudaLimitStackSize, 1 KiB, for each thread that the card holds, and 266 MiB.

    Measured 530 MiB on an H200; logs say 0.49 GiB on an L40S, 0.5 on an RTX 5090, 0.31 on a Quadro RTX 6000 and 0.29 on an L4.

    >>> cuda_context(None) // 2**20
    530
    """
    return CONTEXT_BASE + resident_threads(device) * STACK


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor. `bandwidth` is what RAM gives, bytes/s, and `bandwidth_from` says how that is known."""

    name: str | None = None
    architecture: str | None = None
    cores: int | None = None
    threads: int | None = None
    usable_cores: float | None = None
    features: tuple[str, ...] = ()
    bandwidth: float | None = None
    bandwidth_from: str | None = None
    performance_cores: int | None = None
    sockets: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """What joins equal boxes: `bandwidth` is bytes/s each way, `latency` seconds of one small all-reduce over it."""

    name: str
    bandwidth: float
    latency: float


@dataclass(frozen=True, slots=True)
class Machine:
    """A box: its accelerators, what this process may use of its RAM, its CPU and its disk, and what could not be read.

    `nodes` equal boxes joined by `link` are one machine: its devices are those of all of them, box after box; RAM and disk are those of one.

    `ram_total` and `ram_free` obey cgroups; `ram_installed` is what the system has. `origin` is probe, file or simulated. `unreadable` lists hardware
    that is there but could not be read: a verdict that depends on it fails closed. `hidden` are devices that a variable such as CUDA_VISIBLE_DEVICES
    keeps from this process. `sources` says where values come from (`ram_total`, `cpu.bandwidth`, `gpu0.total`, …).
    """

    devices: tuple[Device, ...] = ()
    ram_total: int | None = None
    ram_free: int | None = None
    cpu: Cpu = Cpu()
    disk_free: int | None = None
    disk_path: str | None = None
    system: str = "linux"  # linux, darwin, windows
    driver: str | None = None
    cuda: str | None = None
    origin: Literal["probe", "file", "simulated"] = "probe"
    notes: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    ram_installed: int | None = None
    hidden: tuple[Device, ...] = ()
    nodes: int = 1
    link: Link | None = None


# NVML's total over CUDA's where the driver does not say: T4 440 MiB, RTX 3090 451, L4 475, H100 479, H200 615
DRIVER_KEEPS = 430 * 2**20


DRIVER_SHARE = 0.0013  # and this much of the total


def cuda_total(device: Device) -> int | None:
    """Bytes that cudaMemGetInfo gives as the total: what NVML reports less what the driver keeps for itself. Others report one figure.

    RTX 5090: 32,607 MiB - 430 - 0.13 % = 32,135 MiB, where engines' logs say 31.4 GiB.
    """
    if device.total is None or device.vendor != "nvidia" or device.unified:
        return device.total
    kept = device.reserved if device.reserved is not None else DRIVER_KEEPS + int(device.total * DRIVER_SHARE)
    return max(0, device.total - kept)


def cuda_free(device: Device) -> int | None:
    """Bytes that cudaMemGetInfo gives as free before a process starts: what the driver says, at most the total."""
    total = cuda_total(device)
    return total if device.free is None or total is None else min(device.free, total)


ANY_GPU = Device(name="GPU", vendor="nvidia", total=None, free=None)
APPLE_SILICON = Device(
    name="Apple silicon", vendor="apple", total=None, free=None, unified=True, compute_capability="Metal"
)
