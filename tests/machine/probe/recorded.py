"""Recorded boxes: a tree of files, what commands print, and an NVML that answers or fails call by call."""
# ruff: noqa: N802, N815 (NVML's own names)

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml

from qwenpick.machine.hardware import Machine
from qwenpick.machine.probe import CommandOutput
from qwenpick.units import MIB

MEMINFO_128 = (
    "MemTotal:       131072000 kB\nMemFree:         1000000 kB\nMemAvailable:   120000000 kB\nSwapTotal: 99999999 kB\n"
)
CPUINFO = "processor\t: 0\nmodel name\t: AMD EPYC 9654 96-Core Processor\nphysical id\t: 0\ncore id\t: 0\nflags\t\t: fpu avx2 avx512f\n"


def pci(bus: str, vendor: str, device: str, kind: str = "0x030000") -> dict[str, str]:
    """The files of one chip on the bus."""
    base = f"/sys/bus/pci/devices/{bus}"
    return {f"{base}/vendor": vendor, f"{base}/device": device, f"{base}/class": kind}


def drm(card: str, bus: str, vendor: str, device: str, files: Mapping[str, str]) -> dict[str, str]:
    """The files of one graphics card of the kernel, and its chip on the bus."""
    base = f"/sys/class/drm/{card}/device"
    own = {f"{base}/{name}": text for name, text in files.items()}
    slot = {f"{base}/uevent": f"DRIVER=x\nPCI_SLOT_NAME={bus}\n", f"{base}/vendor": vendor, f"{base}/device": device}
    return {**own, **slot, f"/sys/class/drm/{card}-DP-1/status": "connected", **pci(bus, vendor, device)}


def plant(root: Path, files: Mapping[str, str]) -> None:
    """Write a recorded tree below `root`."""
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def said(outputs: Mapping[str, CommandOutput]) -> Callable[[Sequence[str], float], CommandOutput]:
    """A runner that knows what these programs print; any other is not installed."""

    def run(command: Sequence[str], timeout: float) -> CommandOutput:
        return outputs.get(command[0], CommandOutput(problem=f"{command[0]} is not installed"))

    return run


def no_nvml() -> Any:
    raise ImportError("No module named 'pynvml'")


def check_sane(machine: Machine) -> None:
    """Holds for every box: it can be written as JSON, nothing is negative, nothing free exceeds its total."""
    from qwenpick.machine.file import from_json, to_json

    assert from_json(to_json(machine)) == machine  # from_json refuses negative numbers and free > total


def error(code: int) -> Exception:
    """NVML's own error, unhashable as it is."""
    failure: Exception = pynvml.NVMLError(code)
    return failure


@dataclass
class Card:
    """What NVML says of one GPU; an exception stands for a call that fails. Memory is (total, free) in MiB."""

    name: Any = "NVIDIA GeForce RTX 4090"
    memory: Any = (24564, 24000)
    memory_v2: Any = None  # like memory, with 600 MiB reserved, unless it is an exception
    capability: Any = (8, 9)
    uuid: Any = "GPU-11111111-0000-0000-0000-000000000000"
    bus: str = "00000000:01:00.0"
    device_id: int = 0x268410DE
    handle: Any = None
    processes: Any = ()
    ecc: Any = field(default_factory=lambda: error(3))
    display: Any = field(default_factory=lambda: error(3))
    mig: Any = None  # slot -> Card; None where MIG is not supported
    delay: float = 0.0


class FakeNvml:
    """NVML with these cards. `init`, `count`, `driver`, `cuda` and `shutdown` are what those calls give or raise."""

    nvmlMemory_v2 = pynvml.nvmlMemory_v2

    def __init__(
        self,
        *cards: Card,
        init: Any = None,
        count: Any = None,
        driver: Any = "580.159.04",
        cuda: Any = 13000,
        shutdown: Any = None,
    ) -> None:
        self.cards, self.init, self.driver, self.cuda, self.shutdown = cards, init, driver, cuda, shutdown
        self.count = len(cards) if count is None else count
        self.calls: list[str] = []

    def nvmlInit(self) -> Any:
        return give(self.init)

    def nvmlShutdown(self) -> Any:
        self.calls.append("shutdown")
        return give(self.shutdown)

    def nvmlSystemGetDriverVersion(self) -> Any:
        return give(self.driver)

    def nvmlSystemGetCudaDriverVersion(self) -> Any:
        return give(self.cuda)

    def nvmlDeviceGetCount(self) -> Any:
        return give(self.count)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:
        time.sleep(self.cards[index].delay)
        give(self.cards[index].handle)
        return self.cards[index]

    def nvmlDeviceGetName(self, card: Card) -> Any:
        return give(card.name)

    def nvmlDeviceGetUUID(self, card: Card) -> Any:
        return give(card.uuid)

    def nvmlDeviceGetPciInfo(self, card: Card) -> Any:
        return SimpleNamespace(busId=card.bus, pciDeviceId=card.device_id, pciSubSystemId=0)

    def nvmlDeviceGetCudaComputeCapability(self, card: Card) -> Any:
        return give(card.capability)

    def nvmlDeviceGetMemoryInfo(self, card: Card, version: int | None = None) -> Any:
        if version is not None and isinstance(card.memory_v2, Exception):
            raise card.memory_v2
        total, free = give(card.memory)
        # v1's and v2's `used` disagree in the field (600 MiB reserved, once counted, once not): nobody may use it
        used = total - free - (600 if version else 0)
        reserved = {"reserved": 600 * MIB} if version else {}
        return SimpleNamespace(total=total * MIB, free=free * MIB, used=used * MIB, **reserved)

    def nvmlDeviceGetEccMode(self, card: Card) -> Any:
        return give(card.ecc)

    def nvmlDeviceGetDisplayActive(self, card: Card) -> Any:
        return give(card.display)

    def nvmlDeviceGetComputeRunningProcesses(self, card: Card) -> Any:
        return give(card.processes)

    def nvmlDeviceGetMigMode(self, card: Card) -> Any:
        return [1, 1] if card.mig is not None else give(error(3))

    def nvmlDeviceGetMaxMigDeviceCount(self, card: Card) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: Card, slot: int) -> Any:
        return give(card.mig.get(slot, error(6)))


def give(value: Any) -> Any:
    """The value, or raise it."""
    if isinstance(value, Exception):
        raise value
    return value
