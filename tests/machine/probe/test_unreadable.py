"""Hardware that is there and cannot be read is never a silent CPU, and never somebody else's memory (reliability, A1 and A4 to A6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import HardwareUnreadableError
from qwenpick.fitting.answer import fit
from qwenpick.machine.hardware import Machine
from qwenpick.machine.probe import CommandOutput
from qwenpick.recommending.request import Request
from qwenpick.units import GIB, MIB
from tests.machine.probe.conftest import Look
from tests.machine.probe.recorded import Card, FakeNvml, drm, error, pci

ON_BUS = pci("0000:01:00.0", "0x10de", "0x2684")
SECOND = pci("0000:02:00.0", "0x10de", "0x2684")
HANGS = CommandOutput(problem="nvidia-smi gave no answer in 5 s")
JUNK = CommandOutput("\x1b[2J<html>502</html>\n", 0)


def refused(catalog: Catalog, machine: Machine, model: str = "qwen3-0.6b") -> str:
    """The sentence of exit code 3; even the smallest model, which any CPU would run, has no answer."""
    with pytest.raises(HardwareUnreadableError) as said:
        fit(catalog, machine, catalog.models[model], Request())
    assert said.value.exit_code == 3
    return str(said.value)


def test_a_discrete_gpu_that_counts_no_memory_does_not_get_the_ram(look: Look, catalog: Catalog) -> None:  # A1
    machine = look(ON_BUS, nvml=FakeNvml(Card(memory=(0, 0))))
    assert machine.devices[0].total is None and not machine.devices[0].unified
    assert "counts no memory" in refused(catalog, machine)


@pytest.mark.parametrize("name", ["NVIDIA GB10", "NVIDIA Thor", "Orin (nvgpu)"])
def test_a_unified_chip_that_counts_none_does(look: Look, name: str) -> None:  # A1
    machine = look(nvml=FakeNvml(Card(name, memory=(0, 0), capability=error(13))))
    assert machine.devices[0].unified and not machine.unreadable


def test_memory_that_is_not_supported_is_not_the_catalogues(look: Look, catalog: Catalog) -> None:  # A5
    assert "not supported" in refused(catalog, look(ON_BUS, nvml=FakeNvml(Card(memory=error(3), memory_v2=error(3)))))


def test_a_vgpu_profile_is(look: Look) -> None:  # A5, docs/hardware.md
    card = Card("GRID A100-10C", memory=error(3), memory_v2=error(3))
    machine = look(nvml=FakeNvml(card))
    assert (machine.devices[0].total, machine.unreadable) == (10 * GIB, ())


@pytest.mark.parametrize(
    ("files", "nvml", "outputs"),
    [
        (ON_BUS, FakeNvml(), {}),  # starts, and counts none
        (ON_BUS | {"/proc/driver/nvidia/version": "NVRM"}, FakeNvml(), {"nvidia-smi": CommandOutput("No devices were found\n", 6)}),
        ({"/proc/driver/nvidia/version": "NVRM"}, None, {"nvidia-smi": HANGS}),
        ({"/dev/nvidiactl": ""}, None, {"nvidia-smi": HANGS}),
        ({"/dev/nvidiactl": ""}, None, {"nvidia-smi": JUNK}),
        ({"/dev/nvidiactl": ""}, None, {}),
        (ON_BUS | {"/dev/nvidia0": ""}, FakeNvml(init=error(9)), {}),
        (ON_BUS | {"/dev/nvidia0": ""}, FakeNvml(init=error(12)), {}),
        (ON_BUS, FakeNvml(init=error(12)), {"nvidia-smi": HANGS}),
        ({"/usr/lib/wsl/lib/libnvidia-ml.so.1": "", "/dev/dxg": ""}, FakeNvml(init=error(9)), {}),  # WSL
        ({"/usr/lib/wsl/lib/libnvidia-ml.so.1": "", "/dev/dxg": ""}, None, {"/usr/lib/wsl/lib/nvidia-smi": JUNK}),
    ],
)  # fmt: skip
def test_an_nvidia_gpu_that_is_offered_and_mute(
    look: Look, catalog: Catalog, files: Mapping[str, str], nvml: FakeNvml | None, outputs: Mapping[str, CommandOutput]
) -> None:  # A4
    machine = look(files, nvml=nvml, outputs=outputs)
    assert machine.unreadable and not any("driver is missing" in note for note in machine.notes)
    assert "NVIDIA" in refused(catalog, machine)


@pytest.mark.parametrize(
    ("files", "environ"),
    [
        (
            {"/proc/driver/nvidia/version": "NVRM", "/.dockerenv": ""},
            {},
        ),  # the host's, seen from a container that was given none
        (ON_BUS | {"/.dockerenv": ""}, {}),
        (ON_BUS, {}),
        ({"/dev/dxg": ""}, {}),  # WSL on a box without an NVIDIA driver
    ],
)
def test_an_nvidia_gpu_that_is_not_offered_is_no_fault(
    look: Look, catalog: Catalog, files: Mapping[str, str], environ: Mapping[str, str]
) -> None:
    machine = look(files, environ=environ)
    assert not machine.unreadable and not machine.devices
    assert fit(catalog, machine, catalog.models["qwen3-0.6b"], Request()).fits


def test_a_second_gpu_that_the_driver_does_not_list_is_unreadable(look: Look, catalog: Catalog) -> None:  # A4
    machine = look(ON_BUS | SECOND, nvml=FakeNvml(Card()))
    assert "0000:02:00.0" in machine.unreadable[0]
    assert fit(
        catalog, machine, catalog.models["qwen3-8b"], Request(quant="4bit")
    ).fits  # the one that was read holds it
    with pytest.raises(HardwareUnreadableError, match="does not list it"):
        fit(catalog, machine, catalog.models["qwen3-235b-a22b"], Request(quant="4bit", gpu_only=True))


def test_a_second_gpu_that_a_container_was_not_given_is_hidden(look: Look) -> None:
    machine = look(ON_BUS | SECOND | {"/.dockerenv": ""}, nvml=FakeNvml(Card()))
    assert not machine.unreadable and [device.pci_bus for device in machine.hidden] == ["0000:02:00.0"]


@pytest.mark.parametrize("vram", [None, "ERR", "0", "-1", ""])
def test_an_amd_gpu_that_amdgpu_drives_and_whose_memory_is_mute(
    look: Look, catalog: Catalog, vram: str | None
) -> None:  # A4
    files = drm("card1", "0000:03:00.0", "0x1002", "0x744c", {} if vram is None else {"mem_info_vram_total": vram})
    kfd = {"/sys/class/kfd/kfd/topology/nodes/1/properties": "gfx_target_version 110000\nlocation_id 768\ndomain 0\n"}
    machine = look(files | kfd | {"/sys/module/amdgpu/version": "6.10"})
    assert machine.devices[0].total is None and not machine.devices[0].unified
    assert "memory could not be read" in refused(catalog, machine)


def test_an_amd_gpu_of_another_driver_is_no_fault(look: Look) -> None:
    machine = look(drm("card1", "0000:03:00.0", "0x1002", "0x6818", {}))  # radeon: no compute, no memory file
    assert not machine.devices and not machine.unreadable


def test_a_discrete_intel_gpu_whose_memory_is_mute(look: Look, catalog: Catalog) -> None:
    machine = look(drm("card1", "0000:03:00.0", "0x8086", "0xe20b", {}))
    assert "memory could not be read" in refused(catalog, machine)


@pytest.mark.parametrize("answer", [CommandOutput(problem="npu-smi gave no answer in 5 s"), JUNK, None])
def test_an_ascend_npu_whose_tool_is_mute(look: Look, catalog: Catalog, answer: CommandOutput | None) -> None:  # A4
    machine = look({"/dev/davinci0": "", "/dev/davinci_manager": ""}, outputs={"npu-smi": answer} if answer else {})
    assert "Ascend" in refused(catalog, machine)


@pytest.mark.parametrize(
    "answer",
    [
        CommandOutput(problem="powershell gave no answer in 10 s"),
        JUNK,
        CommandOutput("", 1),
        CommandOutput("[1]", 0),
        CommandOutput("{}", 0),
    ],
)
def test_windows_whose_powershell_is_mute(look: Look, catalog: Catalog, answer: CommandOutput) -> None:  # A4
    assert "display adapters" in refused(
        catalog, look(system="windows", architecture="AMD64", outputs={"powershell": answer})
    )


@pytest.mark.parametrize("system", ["linux", "windows"])
def test_ram_that_cannot_be_read_is_no_answer_and_not_a_no(look: Look, catalog: Catalog, system: str) -> None:  # A6
    def broken() -> object:
        raise OSError("no")

    powershell = {"powershell": CommandOutput('{"adapters": [], "registry": []}', 0)}
    machine = look({"/proc/meminfo": "MemTotal: junk\n"}, system=system, psutil=broken, outputs=powershell)
    assert machine.ram_total is None
    assert "RAM could not be read" in refused(catalog, machine) and "--ram" in refused(catalog, machine)


def test_ram_that_cannot_be_read_does_not_matter_on_a_gpu(look: Look, catalog: Catalog) -> None:
    def broken() -> object:
        raise OSError("no")

    machine = look(ON_BUS | {"/proc/meminfo": ""}, psutil=broken, nvml=FakeNvml(Card()))
    assert machine.devices[0].total == 24564 * MIB
    assert fit(catalog, machine, catalog.models["qwen3-8b"], Request(quant="4bit")).fits
    assert not fit(catalog, machine, catalog.models["qwen3-32b"], Request(quant="8bit", gpu_only=True)).fits


def test_the_same_box_says_so_from_a_file(look: Look, catalog: Catalog, tmp_path: Path) -> None:
    from qwenpick.machine.file import read, save

    save(look({"/dev/nvidiactl": ""}), tmp_path / "box.json")
    assert "NVIDIA" in refused(catalog, read(tmp_path / "box.json"))
