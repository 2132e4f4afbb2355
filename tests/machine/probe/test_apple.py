"""Apple Silicon on recorded outputs of sysctl, vm_stat and ioreg (A01 to A05)."""

from __future__ import annotations

import pytest

from qwenpick.machine.hardware import Machine
from qwenpick.machine.probe import CommandOutput
from qwenpick.units import GIB, MIB
from tests.machine.probe.conftest import Look

VM_STAT = "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free: 2000000.\nPages inactive: 1000000.\n"


def mac(
    look: Look, ram: int, chip: str = "Apple M3 Max", registry: str = '"gpu-core-count" = 40', **keys: str
) -> Machine:
    """A Mac with this RAM in GiB; `keys` are sysctl's others, with dots written as two underscores."""
    values = {"machdep.cpu.brand_string": chip, "hw.optional.arm64": "1", "hw.memsize": str(ram * GIB)}
    values |= {key.replace("__", "."): value for key, value in keys.items()}
    text = "".join(f"{key}: {value}\n" for key, value in values.items())

    def run(command: list[str], timeout: float) -> CommandOutput:
        if command[:2] == ["sysctl", "-n"]:
            return CommandOutput(values.get(command[2], ""), 0)
        return {
            "sysctl": CommandOutput(text, 0),
            "vm_stat": CommandOutput(VM_STAT, 0),
            "ioreg": CommandOutput(registry, 0),
        }[command[0]]

    return look(system="darwin", architecture="arm64", run=run)


def test_rosetta_does_not_hide_the_gpu_and_is_said(look: Look) -> None:  # A01
    machine = mac(look, 64, sysctl__proc_translated="1")
    assert machine.devices[0].name == "Apple M3 Max"
    assert any("Rosetta" in note for note in machine.notes)


@pytest.mark.parametrize(
    ("ram", "limit", "total"),
    [
        (64, "0", 48 * GIB),  # the lowest default seen: three quarters
        (64, "57344", 56 * GIB),
        (64, "99999", 64 * GIB),  # more than there is: all of it
        (16, "0", 11453251584),
        (32, "0", 22906492245),  # two thirds; llama.cpp logs 22906.50 MB
    ],
)  # A02
def test_the_gpu_holds_what_the_wired_limit_or_metals_default_lets_it(
    look: Look, ram: int, limit: str, total: int
) -> None:
    device = mac(look, ram, iogpu__wired_limit_mb=limit).devices[0]
    assert device.total == pytest.approx(total, abs=MIB) and device.unified
    # vm_stat: 3,000,000 pages of 16 KiB can be had, 45.8 GiB, which bounds what is free
    assert device.free == min(device.total or 0, 3_000_000 * 16384)
    assert (device.memory_from or "").startswith("sysctl" if limit != "0" else "macOS lets")


@pytest.mark.parametrize(("cores", "bandwidth"), [(30, 300e9), (40, 400e9)])  # A03
def test_gpu_cores_tell_the_bandwidth_of_a_chip_in_two_bins(look: Look, cores: int, bandwidth: float) -> None:
    device = mac(look, 64, registry=f'  |   "gpu-core-count" = {cores}\n').devices[0]
    assert (device.cores, device.bandwidth) == (cores, bandwidth)
    assert device.gpu == "m3-max-64gb"


def test_without_core_count_the_smaller_bin_is_taken_and_said(look: Look) -> None:  # A03
    device = mac(look, 64, registry="").devices[0]
    assert device.bandwidth == 300e9 and any("GPU cores: ioreg did not say" in note for note in device.notes)


def test_without_sysctl_nothing_is_known_and_that_is_said(look: Look) -> None:  # A04
    machine = look(system="darwin", architecture="arm64")
    assert machine.devices == () and machine.ram_total is not None  # psutil still knows the RAM
    assert any("sysctl did not answer" in line for line in machine.unreadable)


@pytest.mark.parametrize(
    ("chip", "registry"),
    [
        ("Apple processor", ""),
        ("Apple M1 (Virtual)", '"IOClass" = "AppleParavirtGPU" "model" = "Apple Paravirtual device"'),
    ],
)  # A05
def test_a_virtual_machine_without_metal_has_no_gpu(look: Look, chip: str, registry: str) -> None:
    machine = mac(look, 16, chip=chip, registry=registry)
    assert machine.devices == () and any("virtual machine without" in note for note in machine.notes)


def test_an_intel_mac_has_no_gpu_that_counts(look: Look) -> None:
    machine = mac(look, 16, chip="Intel(R) Core(TM) i9-9980HK CPU @ 2.40GHz", hw__optional__arm64="0")
    assert machine.devices == () and any("no Apple Silicon" in note for note in machine.notes)
