"""CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER, as CUDA reads them (N21)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.machine.probe.visible import choose
from tests.machine.probe.conftest import Look
from tests.machine.probe.recorded import Card, FakeNvml

SMALL = Card(
    "NVIDIA GeForce RTX 3060", (12288, 12000), capability=(8, 6), uuid="GPU-aaaa-1", bus="00000000:01:00.0", device_id=0
)
LARGE = Card(
    "NVIDIA GeForce RTX 4090", (24564, 24000), capability=(8, 9), uuid="GPU-abcd-2", bus="00000000:02:00.0", device_id=0
)
OTHER = Card(
    "NVIDIA GeForce RTX 3060", (12288, 12000), capability=(8, 6), uuid="GPU-cccc-3", bus="00000000:03:00.0", device_id=0
)


@pytest.mark.parametrize(
    ("value", "buses"),
    [
        ("0,1,2", ["01", "02", "03"]),
        ("1", ["02"]),
        ("2,0", ["03", "01"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0,9,1", ["01"]),  # an index that does not exist ends the list
        ("0,-1,1", ["01"]),
        ("1,1", []),  # a repeated one empties it
        (" 1 , 2x", ["02", "03"]),  # as strtoul reads: digits at the start count
        ("GPU-abcd", ["02"]),
        ("GPU-cccc-3,GPU-aaaa", ["03", "01"]),
        ("GPU-a", []),  # two begin so
        ("GPU-zzzz,GPU-abcd", []),
        ("GPU-abcd,1", ["02"]),  # no mixing: what is no UUID ends the list
        ("MIG-1234", []),
    ],
)
def test_only_what_the_variable_names_is_used_in_its_order(look: Look, value: str, buses: list[str]) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": value, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    machine = look(nvml=FakeNvml(SMALL, LARGE, OTHER), environ=environ)
    assert [(device.pci_bus or "")[5:7] for device in machine.devices] == buses
    assert len(machine.devices) + len(machine.hidden) == 3
    assert all(f"CUDA_VISIBLE_DEVICES={value} hides it" in device.notes for device in machine.hidden)
    assert any(note.startswith(f"CUDA_VISIBLE_DEVICES={value} leaves {len(buses)} of 3") for note in machine.notes)


def test_without_the_variable_all_are_used_in_the_drivers_order(look: Look) -> None:
    machine = look(nvml=FakeNvml(SMALL, LARGE, OTHER))
    assert [device.uuid for device in machine.devices] == [
        "GPU-aaaa-1",
        "GPU-abcd-2",
        "GPU-cccc-3",
    ] and machine.hidden == ()


def test_cuda_counts_the_fastest_first_unless_told_to_count_by_bus(look: Look) -> None:
    machine = look(nvml=FakeNvml(SMALL, LARGE, OTHER), environ={"CUDA_VISIBLE_DEVICES": "0"})
    assert [device.uuid for device in machine.devices] == ["GPU-abcd-2"]
    assert any("CUDA counts the fastest first" in note for note in machine.notes)


def test_the_order_is_no_matter_among_equals(look: Look) -> None:
    machine = look(nvml=FakeNvml(SMALL, OTHER), environ={"CUDA_VISIBLE_DEVICES": "0"})
    assert machine.devices[0].uuid == "GPU-aaaa-1"
    assert not any("fastest" in note for note in machine.notes)


PARENT = Card(
    "NVIDIA H100 80GB HBM3",
    (81559, 80000),
    capability=(9, 0),
    uuid="GPU-dddd",
    bus="00000000:04:00.0",
    device_id=0x233010DE,
)
SLICES = {
    0: Card("NVIDIA H100 80GB HBM3 MIG 1g.10gb", (9856, 9800), uuid="MIG-1111", device_id=0),
    1: Card("NVIDIA H100 80GB HBM3 MIG 1g.10gb", (9856, 9800), uuid="MIG-2222", device_id=0),
}


@pytest.mark.parametrize(
    ("value", "uuids"),
    [
        ("MIG-2222", ["MIG-2222"]),
        ("MIG-1111,MIG-2222", ["MIG-1111"]),
        ("0", ["MIG-1111"]),
        ("MIG-3", []),
        ("GPU-dddd", []),
    ],
)
def test_one_mig_instance_is_used_at_most(look: Look, value: str, uuids: list[str]) -> None:
    machine = look(nvml=FakeNvml(replace(PARENT, mig=SLICES)), environ={"CUDA_VISIBLE_DEVICES": value})
    assert [device.uuid for device in machine.devices] == uuids


def test_no_device_is_left_by_an_empty_box() -> None:
    assert choose("0", []) == () and choose("GPU-1", []) == ()
