"""Apple Silicon: the chip, its GPU cores, and how much of RAM Metal lets the GPU hold."""

from __future__ import annotations

import re

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.ram import Ram
from qwenpick.machine.probe.world import Found, World, fields, integer
from qwenpick.units import MIB

KEYS = ("machdep.cpu.brand_string", "hw.optional.arm64", "sysctl.proc_translated", "iogpu.wired_limit_mb", "hw.memsize")

# Bytes/s where one chip comes in two bins, by GPU cores (vendor's data sheets): the smaller bin has a narrower bus.
BINS = {
    "Apple M3 Max": {30: 300e9, 40: 400e9},
    "Apple M4 Max": {32: 410e9, 40: 546e9},
    "Apple M5 Max": {32: 460e9, 40: 614e9},
}


def apple(world: World, ram: Ram) -> Found:
    """The GPU of an Apple Silicon Mac; none on Intel Macs and in virtual machines without Metal."""
    if world.system != "darwin":
        return Found()
    said = fields(world.run(["sysctl", *KEYS], world.timeout).out)
    if not said:
        line = N_("sysctl did not answer, so the chip and its GPU are not known")
        return Found(notes=(line,), unreadable=(line,))
    chip = said.get("machdep.cpu.brand_string") or ""
    if said.get("hw.optional.arm64") != "1" and not chip.startswith("Apple"):
        return Found(notes=(N_("{chip}: no Apple Silicon, so engines use the CPU", chip=chip or "this Mac"),))
    if not chip.startswith("Apple M"):
        return Found(
            notes=(N_("{chip}: a virtual machine without Metal; engines use the CPU", chip=chip or N_("this chip")),)
        )
    notes = []
    if said.get("sysctl.proc_translated") == "1":
        notes.append(
            N_(
                "this Python runs translated by Rosetta: use an arm64 Python, engines are several times slower otherwise"
            )
        )
    registry = world.run(["ioreg", "-rc", "AGXAccelerator", "-d", "1"], world.timeout).out
    if "Paravirtual" in registry:
        return Found(
            notes=(
                N_("Apple Paravirtual device: a virtual machine without a usable Metal GPU; engines use the CPU"),
                *notes,
            )
        )
    return Found((_device(chip, registry, said, ram),), notes=tuple(notes), sources={"gpu0": "sysctl, ioreg"})


def _device(chip: str, registry: str, said: dict[str, str], ram: Ram) -> Device:
    cores = re.search(r'"gpu-core-count"\s*=\s*(\d+)', registry)
    count = int(cores[1]) if cores else None
    wired = integer(said.get("iogpu.wired_limit_mb")) or 0
    installed = ram.installed or integer(said.get("hw.memsize"))
    total, source = working_set(installed, wired)
    notes = (
        []
        if count
        else [N_("GPU cores: ioreg did not say; where a chip comes in two bins the smaller one's bandwidth is taken")]
    )
    if wired and installed and wired * MIB > installed:
        notes.append(N_("iogpu.wired_limit_mb={wired} is more than the RAM; taken as all of it", wired=wired))
    return Device(
        name=chip,
        vendor="apple",
        total=total,
        free=None if total is None or ram.free is None else min(total, ram.free),
        unified=True,
        compute_capability="Metal",
        bandwidth=_binned(chip, count),
        cores=count,
        notes=tuple(notes),
        memory_from=source,
    )


def working_set(installed: int | None, wired_limit_mib: int) -> tuple[int | None, str | None]:
    """(bytes the GPU may hold, why): the wired limit a person set, else Metal's default for this much RAM.

    >>> working_set(64 * GIB, 0)[0] / GIB, working_set(64 * GIB, 57344)[0] / GIB, working_set(64 * GIB, 999999)[0] / GIB
    (48.0, 56.0, 64.0)
    """
    from qwenpick.catalog.usable import metal_working_set

    if installed is None:
        return None, None
    if wired_limit_mib > 0:
        return min(wired_limit_mib * MIB, installed), "sysctl iogpu.wired_limit_mb"
    return metal_working_set(installed)


def _binned(chip: str, cores: int | None) -> float | None:
    bins = BINS.get(chip)
    if bins is None:
        return None
    return bins.get(cores, min(bins.values())) if cores else min(bins.values())
