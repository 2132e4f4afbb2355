"""Windows on recorded PowerShell outputs (W01 to W03)."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from qwenpick.machine.hardware import Machine
from qwenpick.machine.probe import CommandOutput
from qwenpick.units import GIB
from tests.machine.probe.conftest import Look

RX = {
    "Name": "AMD Radeon RX 9070 XT",
    "AdapterRAM": 4293918720,
    "PNPDeviceID": r"PCI\VEN_1002&DEV_7550&SUBSYS_54201EAE&REV_C0\6&1",
}
UHD = {
    "Name": "Intel(R) UHD Graphics 770",
    "AdapterRAM": 134217728,
    "PNPDeviceID": r"PCI\VEN_8086&DEV_4680&SUBSYS_1&REV_0C\3&1",
}
REMOTE = {"Name": "Microsoft Remote Display Adapter", "AdapterRAM": None, "PNPDeviceID": r"SWD\REMOTE"}
RX_SIZE, UHD_SIZE = {"DriverDesc": RX["Name"], "Memory": 17163091968}, {"DriverDesc": UHD["Name"], "Memory": 134217728}


def windows(look: Look, adapters: Any, registry: Any, **outputs: CommandOutput) -> Machine:
    text = json.dumps({"adapters": adapters, "registry": registry})
    memory = SimpleNamespace(total=32 * GIB, available=20 * GIB)
    fake = SimpleNamespace(virtual_memory=lambda: memory, cpu_count=lambda logical: 8)
    return look(
        system="windows",
        architecture="AMD64",
        psutil=lambda: fake,
        outputs=outputs or {"powershell": CommandOutput(text, 0)},
    )


def test_the_registry_tells_what_adapterram_cannot(look: Look) -> None:  # W01
    device = windows(look, [RX], [RX_SIZE]).devices[0]
    assert (device.total, device.memory_from, device.pci_id) == (
        17163091968,
        "registry qwMemorySize",
        "1002:7550/1eae:5420",
    )


def test_a_saturated_adapterram_alone_is_unknown_memory(look: Look) -> None:  # W01
    machine = windows(look, [RX], [])
    assert machine.devices[0].total is None and machine.unreadable


@pytest.mark.parametrize(
    "registry", [[RX_SIZE, UHD_SIZE], [UHD_SIZE, RX_SIZE], [{"DriverDesc": None, "Memory": None}, UHD_SIZE, RX_SIZE]]
)  # W02
def test_adapters_are_matched_by_name_and_never_by_position(look: Look, registry: list[dict[str, Any]]) -> None:
    machine = windows(look, [UHD, REMOTE, RX], registry)
    assert [(d.name, d.total) for d in machine.devices] == [("AMD Radeon RX 9070 XT", 17163091968)]
    inside = machine.hidden[0]
    assert (inside.name, inside.kind, inside.unified) == ("Intel(R) UHD Graphics 770", "igpu", True)
    assert inside.total == 16 * GIB + 134217728  # half of the RAM and its own 128 MiB


def test_a_list_of_one_is_written_as_the_one(look: Look) -> None:  # W02
    assert windows(look, RX, RX_SIZE).devices[0].total == 17163091968


@pytest.mark.parametrize(
    "answer",
    [
        CommandOutput(problem="powershell is not installed"),
        CommandOutput("Get-CimInstance : Access denied", 1),
        CommandOutput("{", 0),
        CommandOutput("null", 0),
    ],
)  # W03
def test_without_an_answer_there_is_no_adapter_and_no_crash(look: Look, answer: CommandOutput) -> None:
    machine = windows(look, None, None, powershell=answer)
    assert machine.devices == () and machine.ram_total == 32 * GIB


def test_nvidia_is_left_to_nvml(look: Look) -> None:
    nvidia = {
        "Name": "NVIDIA GeForce RTX 4090",
        "AdapterRAM": 4293918720,
        "PNPDeviceID": r"PCI\VEN_10DE&DEV_2684&SUBSYS_0&REV_A1\4",
    }
    assert windows(look, [nvidia], []).devices == ()


def test_integrated_graphics_without_known_ram_have_no_known_memory(look: Look) -> None:
    text = json.dumps({"adapters": [UHD], "registry": []})
    machine = look(system="windows", psutil=lambda: SimpleNamespace(), outputs={"powershell": CommandOutput(text, 0)})
    assert (machine.hidden[0].total, machine.hidden[0].free) == (None, None)
