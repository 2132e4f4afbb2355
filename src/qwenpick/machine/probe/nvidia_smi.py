"""NVIDIA through nvidia-smi, where NVML cannot be asked: its CSV, with all that it prints instead of values."""

from __future__ import annotations

import csv
import re

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.nvml import is_vgpu
from qwenpick.machine.probe.pci import normal_bus, packed
from qwenpick.machine.probe.world import CommandOutput, World, integer
from qwenpick.units import MIB
from qwenpick.values import dataclass

COLUMNS = (
    "index",
    "uuid",
    "pci.bus_id",
    "pci.device_id",
    "pci.sub_device_id",
    "name",
    "memory.total",
    "memory.free",
    "compute_cap",
    "driver_version",
)
OLD_COLUMNS = tuple(column for column in COLUMNS if column != "compute_cap")  # before driver 510
CAPABILITY = re.compile(r"\d{1,3}\.\d{1,3}", re.ASCII)
PLACES = ("nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi", r"C:\Windows\System32\nvidia-smi.exe")


@dataclass(frozen=True, slots=True)
class SmiRead:
    """What nvidia-smi knows; `problem` is why it knows nothing, as one clause."""

    devices: tuple[Device, ...] = ()
    driver: str | None = None
    problem: str | None = None


def read_smi(world: World) -> SmiRead:
    """The devices nvidia-smi lists. Old versions fail the whole query for one unknown column: those are asked for less."""
    problem = N_("nvidia-smi is not installed")
    for place in PLACES:
        for columns in (COLUMNS, OLD_COLUMNS):
            answer = world.run(
                [place, f"--query-gpu={','.join(columns)}", "--format=csv,noheader,nounits"], world.timeout
            )
            if answer.problem and "not installed" in answer.problem:
                break
            read = parse(answer, columns)
            if read.devices:
                return read
            problem = read.problem or problem
            if "not a valid field" not in answer.out:
                return SmiRead(problem=problem)
    return SmiRead(problem=problem)


def parse(answer: CommandOutput, columns: tuple[str, ...]) -> SmiRead:
    """The devices in nvidia-smi's CSV: lines that are no row (a header, an error between the rows) are left out."""
    if answer.problem:
        return SmiRead(problem=answer.problem)
    rows = [[cell.strip() for cell in row] for row in csv.reader(answer.out.splitlines(), skipinitialspace=True)]
    whole = [dict(zip(columns, row, strict=True)) for row in rows if len(row) == len(columns) and row[0].isdigit()]
    devices = tuple(_device(row) for row in whole)
    driver = next((value for row in whole if (value := known(row.get("driver_version")))), None)
    if devices:
        return SmiRead(devices, driver)
    said = next(
        (" ".join(row) for row in rows if any(row)),
        N_("nvidia-smi printed nothing (exit code {code})", code=answer.code),
    )
    return SmiRead(driver=driver, problem=said[:200])


def known(value: str | None) -> str | None:
    """A value, or None for what stands where one is missing: [N/A], [Not Supported], ERR!, [GPU is lost], …"""
    if (
        value is None
        or not value
        or value.startswith("[")
        or value.casefold() in {"err!", "n/a", "unknown error", "\ufffd"}
    ):
        return None
    return value


def _device(row: dict[str, str]) -> Device:
    total, free = (integer(known(row[column])) for column in ("memory.total", "memory.free"))
    pci_id = packed(integer(known(row["pci.device_id"])), integer(known(row["pci.sub_device_id"])))
    name = known(row["name"])
    notes = [] if total is not None else [N_("memory: nvidia-smi says {row}", row=row["memory.total"] or "nothing")]
    uuid = known(row["uuid"])
    capability = known(row.get("compute_cap"))
    return Device(
        name=name or f"unknown ({pci_id or 'no PCI id'})",
        vendor="nvidia",
        total=total * MIB if total is not None and total > 0 else None,
        free=min(free, total) * MIB if free is not None and total is not None and free >= 0 else None,
        compute_capability=capability if capability and CAPABILITY.fullmatch(capability) else None,
        uuid=uuid if uuid and uuid.startswith(("GPU-", "MIG-")) else None,
        pci_id=pci_id,
        pci_bus=normal_bus(known(row["pci.bus_id"])),
        kind="vgpu" if is_vgpu(name or "") else "gpu",
        notes=tuple(notes),
        memory_from="nvidia-smi" if total else None,
    )
