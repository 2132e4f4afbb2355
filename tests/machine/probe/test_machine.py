"""The probe as a whole: it never raises, it is quick, and its parts do not take each other down (S01)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.probe import CommandOutput, World, probe
from qwenpick.machine.probe import machine as assembling
from tests.machine.probe.conftest import Look
from tests.machine.probe.recorded import Card, FakeNvml, check_sane, drm, no_nvml, said


def test_a_box_that_tells_nothing_is_a_machine_that_knows_nothing(tmp_path: Path) -> None:  # S01
    nothing = SimpleNamespace(virtual_memory=lambda: None, cpu_count=lambda logical: None)
    for system in ("linux", "darwin", "windows"):
        world = World(tmp_path, {}, system, run=said({}), nvml=no_nvml, psutil=lambda: nothing)
        machine = probe(world=world)
        check_sane(machine)
        assert machine.devices == () and machine.ram_total is None and machine.cpu.cores is None
        assert machine.notes


def test_psutil_that_is_missing_is_said(look: Look) -> None:  # S01
    def missing() -> Any:
        raise ImportError("No module named 'psutil'")

    machine = look(system="windows", psutil=missing)
    assert machine.ram_total is None and any(
        "psutil could not read RAM (ImportError)" in note for note in machine.notes
    )


def test_a_vendors_probe_that_breaks_leaves_the_others_standing(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(world: object, ram: object) -> Any:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(assembling, "VENDORS", (broken, *assembling.VENDORS))
    machine = look(nvml=FakeNvml(Card()))
    assert len(machine.devices) == 1 and "a fault of ours" in machine.unreadable[0]


def test_a_runner_that_raises_is_caught(look: Look) -> None:
    def run(command: Sequence[str], timeout: float) -> CommandOutput:
        raise OSError("no more processes")

    machine = look(drm("card0", "0000:03:00.0", "0x10de", "0x2684", {}), run=run, nvml=FakeNvml(count=0))
    assert machine.devices == () and machine.unreadable


def test_gpus_of_different_vendors_are_all_seen(look: Look) -> None:
    sizes = {"mem_info_vram_total": "25753026560", "mem_info_vram_used": "0"}
    machine = look(drm("card1", "0000:03:00.0", "0x1002", "0x744c", sizes), nvml=FakeNvml(Card()))
    assert [device.vendor for device in machine.devices] == ["nvidia", "amd"]
    assert machine.sources["gpu0.total"] == "NVML memory v2" and machine.sources["gpu1.total"].startswith("sysfs")


def test_the_same_box_probed_twice_is_the_same(look: Look) -> None:
    first, second = look(nvml=FakeNvml(Card())), look(nvml=FakeNvml(Card()))
    assert {**vars_of(first), "disk_free": 0} == {**vars_of(second), "disk_free": 0}


def vars_of(machine: Any) -> dict[str, Any]:
    return {name: getattr(machine, name) for name in type(machine).__dataclass_fields__}


def test_a_real_probe_of_this_very_box_is_quick_and_sane(catalog: Catalog) -> None:
    start = time.monotonic()
    machine = probe(catalog)
    assert time.monotonic() - start < 5
    check_sane(machine)
    assert machine.ram_total is not None and machine.cpu.threads is not None


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this box has NVIDIA's driver")
@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows ask psutil")
def test_without_a_gpu_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, qwenpick.machine.probe as p; p.probe(); "
        "print(sorted({'pynvml', 'psutil', 'pydantic', 'yaml', 'rich', 'typer'} & set(sys.modules)))"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True).stdout
        == "[]\n"
    )
