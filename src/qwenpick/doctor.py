"""What is wrong with a box and how to mend it: findings out of the machine that was probed and what surrounds the process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from qwenpick.hardware import Device, Machine
from qwenpick.probe.nvml import REASONS
from qwenpick.probe.surroundings import Surroundings
from qwenpick.units import GIB, format_bytes

Level = Literal["error", "warning", "advice"]
LEVELS: tuple[Level, ...] = ("error", "warning", "advice")

# NVIDIA CUDA 13.0 release notes, table 2 (minimum driver for minor-version compatibility): 12.x needs 525, 13.x needs 580.
OLDEST_DRIVER, CUDA_13_DRIVER = 525, 580
LITTLE_DISK = 20 * GIB  # a 32B model in 4 bits takes 20 GB
MUCH_USED = 0.25  # of a GPU's memory held by others: worth saying who


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong (an error keeps hardware from being used, a warning costs, an advice helps) and how to mend it."""

    level: Level
    what: str
    remedy: str


def findings(machine: Machine, around: Surroundings) -> tuple[Finding, ...]:
    """Everything to say about the box, errors first."""
    found = [
        *_broken(machine, around),
        *_without_driver(machine, around),
        *_permissions(around),
        *_limits(machine, around),
    ]
    found += [finding for check in CHECKS for finding in check(machine)]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: LEVELS.index(finding.level)))


def _broken(machine: Machine, around: Surroundings) -> Iterator[Finding]:
    """Hardware that is there and would not answer, by the driver's reason."""
    said = " ".join(machine.unreadable)
    if REASONS[18] in said or "version mismatch" in said.casefold():
        yield Finding(
            "error",
            "the NVIDIA driver was updated under the running kernel: its module and its library differ",
            "reboot",
        )
        return
    if REASONS[15] in said or REASONS[16] in said:
        yield Finding(
            "error",
            f"a GPU fell off the bus or needs a reset ({machine.unreadable[0]})",
            "reboot; if it comes back, look at power, risers and `dmesg | grep -i xid`",
        )
        return
    lost_access = REASONS[4] in said or REASONS[999] in said
    if lost_access and around.container:
        yield Finding(
            "error",
            f"this {around.container} container may not reach its GPU: {machine.unreadable[0]}",
            "restart the container; `systemctl daemon-reload` on the host takes device access away unless the toolkit uses CDI "
            "or cgroupfs (nvidia-container-toolkit#48)",
        )
        return
    for line in machine.unreadable:
        yield Finding(
            "error",
            f"there, but could not be read: {line}",
            "ask its own tool (nvidia-smi, rocm-smi, npu-smi) and mend what that says",
        )


def _without_driver(machine: Machine, around: Surroundings) -> Iterator[Finding]:
    """Chips on the PCI bus that no driver offers to this process."""
    for device in machine.hidden:
        if device.vendor != "nvidia" or not any(note.startswith("memory:") for note in device.notes):
            continue
        if around.container:
            remedy = "start the container with `--gpus all` (Docker with the NVIDIA Container Toolkit) or request nvidia.com/gpu (Kubernetes)"
        else:
            remedy = "install NVIDIA's driver (Ubuntu: `sudo ubuntu-drivers install`), then reboot"
        yield Finding(
            "error", f"{device.name} is on the PCI bus, but there is no NVIDIA driver for this process", remedy
        )
    for note in machine.notes:
        if "amdgpu driver does not drive it" in note:
            yield Finding("error", note, "load it (`sudo modprobe amdgpu`) or install a newer kernel")


def _permissions(around: Surroundings) -> Iterator[Finding]:
    for name in around.denied:
        group = "render and video" if name.startswith(("/dev/kfd", "/dev/dri")) else "video"
        user = "sudo usermod -aG render,video $USER" if group != "video" else "sudo usermod -aG video $USER"
        yield Finding("error", f"this user may not open {name}", f"join the group {group} (`{user}`) and log in again")


def _old_driver(machine: Machine) -> Iterator[Finding]:
    match = re.match(r"(\d+)\.", machine.driver or "")
    if not match or not any(device.vendor == "nvidia" for device in machine.devices):
        return
    major = int(match[1])
    if major < OLDEST_DRIVER:
        yield Finding(
            "warning",
            f"NVIDIA driver {machine.driver} is too old for CUDA 12, which current engines need",
            f"install {OLDEST_DRIVER} or newer",
        )
    elif major < CUDA_13_DRIVER:
        yield Finding(
            "advice",
            f"NVIDIA driver {machine.driver} runs CUDA 12 builds, not CUDA 13 ones",
            f"install {CUDA_13_DRIVER} or newer when an engine asks for CUDA 13",
        )


def _shadowing(machine: Machine) -> Iterator[Finding]:
    for note in machine.notes:
        if "shadows nvidia-ml-py" in note:
            yield Finding(
                "warning", note.split(";")[0], "pip uninstall pynvml; pip install --force-reinstall nvidia-ml-py"
            )


def _hidden(machine: Machine) -> Iterator[Finding]:
    for device in machine.hidden:
        for note in device.notes:
            if match := re.match(r"(\w+)=(.*) hides it$", note):
                yield Finding(
                    "advice",
                    f"{device.name} is not used: {match[1]}={match[2]} hides it",
                    f"unset {match[1]} to use it",
                )


def _unified(machine: Machine) -> Iterator[Finding]:
    for device in machine.devices:
        if not device.unified:
            continue
        if device.vendor == "nvidia":
            yield Finding(
                "advice",
                f"{device.name} shares RAM with the page cache, which CUDA counts as taken",
                "before a large model: `sync; echo 3 | sudo tee /proc/sys/vm/drop_caches`",
            )
        elif device.vendor == "amd" and _share(device, machine) < 0.85:
            yield Finding(
                "advice",
                f"{device.name} may map {format_bytes(device.total or 0, 1)} of this box's memory",
                "raise it with the kernel parameter ttm.pages_limit (pages of 4 KiB), and keep the BIOS carve-out small",
            )
        elif device.vendor == "apple" and not (device.memory_from or "").startswith("sysctl"):
            yield Finding(
                "advice",
                f"Metal lets the GPU hold {format_bytes(device.total or 0, 1)} of {format_bytes(machine.ram_installed or 0, 1)}",
                "raise it until the next boot with `sudo sysctl iogpu.wired_limit_mb=…`, and leave 8 GiB to macOS",
            )


def _share(device: Device, machine: Machine) -> float:
    return (device.total or 0) / machine.ram_installed if machine.ram_installed else 1.0


def _limits(machine: Machine, around: Surroundings) -> Iterator[Finding]:
    total, installed, cpu = machine.ram_total, machine.ram_installed, machine.cpu
    if total is not None and installed is not None and total < installed:
        yield Finding(
            "warning",
            f"this process may use {format_bytes(total, 1)} of {format_bytes(installed, 1)} RAM ({machine.sources.get('ram_total', 'a limit')}), "
            "and most engines size themselves by the latter",
            "raise the container's memory limit, or keep model files and caches below it",
        )
    if cpu.threads and cpu.usable_cores and cpu.usable_cores < cpu.threads:
        yield Finding(
            "advice",
            f"this process may use {cpu.usable_cores:g} of {cpu.threads} CPUs; engines that start a thread for each run slower than with fewer",
            f"start engines with {max(1, int(cpu.usable_cores))} threads (llama.cpp: -t {max(1, int(cpu.usable_cores))})",
        )
    if around.wsl:
        yield Finding(
            "advice",
            "WSL gives Linux half of the RAM unless told otherwise",
            "set memory= under [wsl2] in %UserProfile%\\.wslconfig",
        )


def _disk(machine: Machine) -> Iterator[Finding]:
    if machine.disk_free is not None and machine.disk_free < LITTLE_DISK:
        yield Finding(
            "warning",
            f"{format_bytes(machine.disk_free, 1)} free at {machine.disk_path}: a 32B model in 4 bits takes 20 GB",
            "make room, or point HF_HOME (and OLLAMA_MODELS) at another disk",
        )
    for note in machine.notes:
        if note.endswith("is not writable"):
            yield Finding("warning", note, "point HF_HOME or OLLAMA_MODELS at a place you may write to")


def _busy(machine: Machine) -> Iterator[Finding]:
    for device in machine.devices:
        if (
            device.total
            and device.free is not None
            and not device.unified
            and device.total - device.free > MUCH_USED * device.total
        ):
            who = "; ".join(device.used_by[:3]) or "processes that this one may not see"
            yield Finding(
                "advice",
                f"{format_bytes(device.total - device.free, 1)} of {device.name} is taken: {who}",
                "stop them to have it all",
            )


def _processor(machine: Machine) -> Iterator[Finding]:
    cpu = machine.cpu
    if any("Rosetta" in note for note in machine.notes):
        yield Finding(
            "warning", "this Python runs translated by Rosetta", "use an arm64 Python; install engines for arm64"
        )
    if cpu.architecture in ("x86_64", "AMD64") and cpu.features and "avx2" not in cpu.features:
        yield Finding(
            "warning",
            f"{cpu.name or 'the CPU'} has no AVX2: engines' CPU code runs several times slower, or not at all",
            "use a build without AVX2",
        )
    if (cpu.bandwidth_from or "").startswith("assumed") and not machine.devices:
        yield Finding(
            "advice",
            "RAM bandwidth, which decides the speed on a CPU, is assumed",
            "measure it once: `qwenpick machine --measure`",
        )
    if (cpu.sockets or 1) > 1:
        yield Finding(
            "advice",
            f"{cpu.sockets} CPU sockets: their memory bandwidths do not add up for one process",
            "llama.cpp: --numa distribute, or one process per socket",
        )


CHECKS: tuple[Callable[[Machine], Iterator[Finding]], ...] = (
    _old_driver, _shadowing, _hidden, _unified, _disk, _busy, _processor,
)  # fmt: skip
