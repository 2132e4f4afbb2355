"""What is wrong with a box, and how to mend it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from qwenpick.machine.doctor import LEVELS, findings
from qwenpick.machine.file import read
from qwenpick.machine.gpu_findings import Finding
from qwenpick.machine.hardware import Cpu, Device, Machine
from qwenpick.machine.probe import World
from qwenpick.machine.probe.surroundings import Surroundings, surroundings
from qwenpick.units import GIB
from tests.machine.probe.conftest import Look
from tests.machine.probe.recorded import Card, FakeNvml, drm, error, pci, plant

ALONE = Surroundings()
DOCKER = Surroundings(container="docker")
MACHINES = Path(__file__).parents[2] / "machines"
ON_BUS = pci("0000:01:00.0", "0x10de", "0x2684")


def said(machine: Machine, around: Surroundings = ALONE) -> str:
    """All findings of a box in one text: `level: what -> remedy`."""
    return "\n".join(f"{f.level}: {f.what} -> {f.remedy}" for f in findings(machine, around))


def test_a_healthy_box_has_no_error() -> None:
    assert [f for f in findings(read(MACHINES / "rtx-4090.json"), ALONE) if f.level != "advice"] == []


def test_a_driver_that_was_updated_needs_a_reboot(look: Look) -> None:
    text = said(look(ON_BUS, nvml=FakeNvml(init=error(18))))
    assert text.startswith("error: the NVIDIA driver was updated") and "-> reboot" in text


def test_a_lost_gpu_needs_a_reboot_and_a_look_at_its_power(look: Look) -> None:
    assert "fell off the bus" in said(look(nvml=FakeNvml(Card(handle=error(15)))))


@pytest.mark.parametrize("code", [4, 999])
def test_a_container_that_lost_its_gpu_is_restarted(look: Look, code: int) -> None:
    machine = look({"/dev/nvidiactl": ""}, nvml=FakeNvml(init=error(code)))
    assert "restart the container" in said(machine, DOCKER)
    assert "restart the container" not in said(machine)
    assert said(machine).startswith("error: there, but could not be read")


def test_a_missing_driver_is_installed_or_given_to_the_container(look: Look) -> None:
    machine = look(ON_BUS, nvml=FakeNvml(init=error(12)))
    assert "GeForce RTX 4090 is on the PCI bus" in said(machine)
    assert "install NVIDIA's driver" in said(machine) and "--gpus all" in said(machine, DOCKER)


def test_an_amd_chip_without_its_driver_is_said(look: Look) -> None:
    assert "modprobe amdgpu" in said(look(pci("0000:03:00.0", "0x1002", "0x744c")))


def test_a_shadowing_package_is_removed(look: Look) -> None:
    class Old(FakeNvml):
        nvmlMemory_v2 = property()  # noqa: N815

    assert "-> pip uninstall pynvml" in said(look(nvml=Old(Card())))


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ("470.256.02", "warning: NVIDIA driver 470.256.02 is too old for CUDA 12"),
        ("550.54", "advice: NVIDIA driver 550.54 runs CUDA 12"),
        ("580.1", ""),
    ],
)
def test_an_old_driver_is_said(look: Look, driver: str, expected: str) -> None:
    text = said(look(nvml=FakeNvml(Card(), driver=driver)))
    assert expected in text and ("NVIDIA driver" in text) is bool(expected)


def test_a_variable_that_hides_a_gpu_is_said(look: Look) -> None:
    assert "unset CUDA_VISIBLE_DEVICES to use it" in said(
        look(nvml=FakeNvml(Card()), environ={"CUDA_VISIBLE_DEVICES": "-1"})
    )


@pytest.mark.parametrize(
    ("box", "remedy"),
    [
        ("gb10", "drop_caches"),
        ("m3-max", "iogpu.wired_limit_mb"),
        ("container-8gib", "memory limit"),
        ("cpu-laptop", "--measure"),
    ],
)
def test_what_helps_a_kind_of_box_is_said(box: str, remedy: str) -> None:
    assert remedy in said(read(MACHINES / f"{box}.json"))


def test_an_apu_that_may_map_half_of_its_ram_is_told_how_to_map_more(look: Look) -> None:
    sizes = {
        "mem_info_vram_total": str(GIB // 2),
        "mem_info_vram_used": "0",
        "mem_info_gtt_total": str(62 * GIB),
        "mem_info_gtt_used": "0",
    }
    assert "ttm.pages_limit" in said(look(drm("card0", "0000:c5:00.0", "0x1002", "0x1586", sizes)))
    assert "ttm.pages_limit" not in said(read(MACHINES / "strix-halo.json"))  # it maps 120 of 125 GiB


def test_a_container_limit_is_a_warning_and_its_cpus_an_advice() -> None:
    text = said(read(MACHINES / "container-8gib.json"))
    assert "warning: this process may use 8.0 GiB of 62.8 GiB RAM (cgroup limit memory.max" in text
    assert "llama.cpp: -t 4" in text


def test_little_disk_is_a_warning() -> None:
    box = read(MACHINES / "rtx-4090.json")
    assert "3.0 GiB free" in said(replace(box, disk_free=3 * GIB)) and "free at" not in said(box)


def test_memory_that_others_hold_is_said_with_their_names() -> None:
    device = Device("X", "nvidia", 24 * GIB, 4 * GIB, used_by=("ollama (pid 7) 19.00 GiB",))
    assert "20.0 GiB of X is taken: ollama (pid 7)" in said(Machine(devices=(device,)))
    assert "is taken" not in said(Machine(devices=(replace(device, free=23 * GIB),)))


def test_device_files_that_may_not_be_opened_name_the_group() -> None:
    assert "usermod -aG render,video" in said(Machine(), Surroundings(denied=("/dev/kfd",)))


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        (Cpu(architecture="x86_64", features=("avx", "f16c")), "has no AVX2"),
        (Cpu(sockets=2), "2 CPU sockets"),
    ],
)
def test_what_slows_a_cpu_is_said(cpu: Cpu, expected: str) -> None:
    assert expected in said(Machine(cpu=cpu)) and expected not in said(Machine())


def test_errors_come_first_and_nothing_twice() -> None:
    box = replace(read(MACHINES / "gb10.json"), unreadable=("GPU 1: a", "GPU 1: a"), disk_free=GIB)
    found = findings(box, DOCKER)
    assert [LEVELS.index(f.level) for f in found] == sorted(LEVELS.index(f.level) for f in found)
    assert len(found) == len(set(found)) and isinstance(found[0], Finding) and found[0].level == "error"


@pytest.mark.parametrize(
    ("files", "environ", "kind"),
    [
        ({"/.dockerenv": ""}, {}, "docker"),
        ({"/run/.containerenv": ""}, {}, "podman"),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"/proc/1/cgroup": "0::/lxc/box\n"}, {}, "lxc"),
        ({}, {}, None),
    ],
)
def test_a_container_is_known_by_its_traces(
    files: dict[str, str], environ: dict[str, str], kind: str | None, tmp_path: Path
) -> None:
    plant(tmp_path, files)
    assert surroundings(World(root=tmp_path, environ=environ)).container == kind


def test_wsl_is_known_by_its_kernel(tmp_path: Path) -> None:
    plant(tmp_path, {"/proc/version": "Linux version 5.15.167.4-microsoft-standard-WSL2"})
    around = surroundings(World(root=tmp_path, environ={}))
    assert around.wsl and "%UserProfile%\\.wslconfig" in said(Machine(), around)
