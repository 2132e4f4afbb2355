"""Huawei Ascend NPUs through `npu-smi info`, if that tool answers."""

from __future__ import annotations

import re
from itertools import pairwise

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Device
from qwenpick.machine.probe.pci import HUAWEI, chips, normal_bus
from qwenpick.machine.probe.ram import Ram
from qwenpick.machine.probe.visible import choose, hide
from qwenpick.machine.probe.world import Found, World
from qwenpick.units import MIB

USED_OF_TOTAL = re.compile(r"(\d+)\s*/\s*(\d+)")


def ascend(world: World, ram: Ram) -> Found:  # noqa: ARG001
    """The NPUs this process may use. The tool is asked only if there is a trace of one."""
    on_bus = chips(world, HUAWEI)
    if world.system != "linux" or not (
        on_bus or world.exists("/dev/davinci_manager") or world.exists("/usr/local/sbin/npu-smi")
    ):
        return Found()
    answer = world.run(["npu-smi", "info"], world.timeout)
    if answer.problem or not (devices := parse_npu_smi(answer.out)):
        why = answer.problem or N_("npu-smi lists none (exit code {code})", code=answer.code)
        lost = tuple(f"Ascend {chip.id} at {chip.bus}: {why}" for chip in on_bus)
        if not lost and any(name.startswith("davinci") for name in world.names("/dev")):
            lost = (f"Ascend: {why}",)
        return Found(notes=(f"Ascend: {why}",), unreadable=lost)
    value = world.environ.get("ASCEND_RT_VISIBLE_DEVICES")
    if value is None:
        return Found(devices)
    kept = choose(value, [(device,) for device in devices])
    note = N_(
        "ASCEND_RT_VISIBLE_DEVICES={value} leaves {count} of {devices} NPUs to this process",
        value=value,
        count=len(kept),
        devices=len(devices),
    )
    return Found(kept, hide(devices, kept, N_("ASCEND_RT_VISIBLE_DEVICES={value} hides it", value=value)), (note,))


def parse_npu_smi(text: str) -> tuple[Device, ...]:
    """The NPUs in the table: two lines each, the first with name and health, the second with bus and memory (HBM, on the 310 plain memory)."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    devices = []
    for first, second in pairwise(rows):
        bus = re.fullmatch(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d", second[1]) if len(second) > 1 else None
        name = re.match(r"\d+\s+(\S+)", first[0])
        pairs = USED_OF_TOTAL.findall(second[-1]) if bus else []
        sized = [(int(used), int(total)) for used, total in pairs if int(total)]
        if name is None or bus is None:
            continue
        used, total = sized[-1] if sized else (None, None)
        health = first[1] if len(first) > 1 else ""
        devices.append(
            Device(
                name=f"Ascend {name[1]}",
                vendor="ascend",
                total=None if total is None else total * MIB,
                free=None if total is None or used is None else max(0, total - used) * MIB,
                pci_bus=normal_bus(second[1]),
                kind="npu",
                notes=() if health == "OK" else (N_("health: {health}", health=health or N_("not said")),),
                memory_from="npu-smi info" if total else None,
            )
        )
    return tuple(devices)
