"""Ascend NPUs on a recorded `npu-smi info`."""

from __future__ import annotations

from qwenpick.machine.probe import CommandOutput
from qwenpick.machine.probe.ascend import parse_npu_smi
from qwenpick.units import MIB
from tests.machine.probe.conftest import Look

TABLE = """
+------------------------------------------------------------------------------------------------+
| npu-smi 23.0.0                   Version: 23.0.0                                               |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     910B3               | OK            | 92.3        36                0    / 0             |
| 0                         | 0000:C1:00.0  | 0           0    / 0          3349 / 65536         |
+===========================+===============+====================================================+
| 1     910B3               | Alarm         | 93.1        37                0    / 0             |
| 0                         | 0000:C2:00.0  | 0           0    / 0          65000/ 65536         |
+===========================+===============+====================================================+
"""
INFERENCE = """
| 8     310P3               | OK            | NA          41                0     / 0            |
| 0     0                   | 0000:01:00.0  | 0           1638 / 21527                           |
"""


def test_each_npu_has_its_hbm(look: Look) -> None:
    machine = look({"/dev/davinci_manager": ""}, outputs={"npu-smi": CommandOutput(TABLE, 0)})
    assert [(d.name, d.total, d.free) for d in machine.devices] == [
        ("Ascend 910B3", 65536 * MIB, (65536 - 3349) * MIB),
        ("Ascend 910B3", 65536 * MIB, 536 * MIB),
    ]
    assert machine.devices[1].notes[0] == "health: Alarm" and machine.devices[0].kind == "npu"


def test_a_310_has_plain_memory() -> None:
    assert [(d.name, d.total) for d in parse_npu_smi(INFERENCE)] == [("Ascend 310P3", 21527 * MIB)]


def test_a_chip_whose_tool_is_missing_is_unreadable(look: Look) -> None:
    files = {
        "/sys/bus/pci/devices/0000:c1:00.0/" + name: text
        for name, text in {"vendor": "0x19e5", "device": "0xd802", "class": "0x120000"}.items()
    }
    assert "npu-smi is not installed" in look(files).unreadable[0]


def test_visible_npus_are_honoured(look: Look) -> None:
    environ = {"ASCEND_RT_VISIBLE_DEVICES": "1"}
    machine = look({"/dev/davinci_manager": ""}, outputs={"npu-smi": CommandOutput(TABLE, 0)}, environ=environ)
    assert [device.pci_bus for device in machine.devices] == ["0000:c2:00.0"]
