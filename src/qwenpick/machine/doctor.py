"""What is wrong with a box and how to mend it: findings out of the machine that was probed and what surrounds the process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from qwenpick.i18n import N_, _, retell
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.probe.nvml import REASONS
from qwenpick.machine.probe.surroundings import Surroundings
from qwenpick.units import GIB, format_bytes

Level = Literal["error", "warning", "advice"]
LEVELS: tuple[Level, ...] = ("error", "warning", "advice")

# NVIDIA CUDA 13.0 release notes, table 2 (minimum driver for minor-version compatibility): 12.x needs 525, 13.x needs 580.
OLDEST_DRIVER, CUDA_13_DRIVER = 525, 580
LITTLE_DISK = 20 * GIB  # a 32B model in 4 bits takes 20 GB
OLD_FACTS = 60  # days
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


def old_facts(date: str, today: str) -> tuple[Finding, ...]:
    """What to say of facts that were checked on `date`, from 60 days on: models appear and prices move."""
    from datetime import date as day

    days = (day.fromisoformat(today) - day.fromisoformat(date)).days
    if days < OLD_FACTS:
        return ()
    return (
        Finding(
            "advice",
            _("the facts about models, GPUs and prices are of {date}, {days} days ago", date=date, days=days),
            _("pip install --upgrade qwenpick, or `qwenpick catalog update FILE` with a newer catalogue"),
        ),
    )


def _broken(machine: Machine, around: Surroundings) -> Iterator[Finding]:
    """Hardware that is there and would not answer, by the driver's reason."""
    said = " ".join(machine.unreadable)
    if REASONS[18] in said or "version mismatch" in said.casefold():
        yield Finding(
            "error",
            _("the NVIDIA driver was updated under the running kernel: its module and its library differ"),
            _("reboot"),
        )
        return
    if REASONS[15] in said or REASONS[16] in said:
        yield Finding(
            "error",
            _("a GPU fell off the bus or needs a reset ({unreadable})", unreadable=retell(machine.unreadable[0])),
            _("reboot; if it comes back, look at power, risers and `dmesg | grep -i xid`"),
        )
        return
    lost_access = REASONS[4] in said or REASONS[999] in said
    if lost_access and around.container:
        yield Finding(
            "error",
            _(
                "this {container} container may not reach its GPU: {unreadable}",
                container=around.container,
                unreadable=retell(machine.unreadable[0]),
            ),
            _(
                "restart the container; `systemctl daemon-reload` on the host takes device access away unless the toolkit uses "
                "CDI or cgroupfs (nvidia-container-toolkit#48)"
            ),
        )
        return
    for line in machine.unreadable:
        yield Finding(
            "error",
            _("there, but could not be read: {line}", line=retell(line)),
            _("ask its own tool (nvidia-smi, rocm-smi, npu-smi) and mend what that says"),
        )


def _without_driver(machine: Machine, around: Surroundings) -> Iterator[Finding]:
    """Chips on the PCI bus that no driver offers to this process."""
    for device in machine.hidden:
        if device.vendor != "nvidia" or not any(note.startswith("memory:") for note in device.notes):
            continue
        if around.container:
            remedy = _(
                "start the container with `--gpus all` (Docker with the NVIDIA Container Toolkit) or request nvidia.com/gpu "
                "(Kubernetes)"
            )
        else:
            remedy = _("install NVIDIA's driver (Ubuntu: `sudo ubuntu-drivers install`), then reboot")
        yield Finding(
            "error",
            _("{name} is on the PCI bus, but there is no NVIDIA driver for this process", name=device.name),
            remedy,
        )
    for note in machine.notes:
        if "amdgpu driver does not drive it" in note:
            yield Finding("error", retell(note), _("load it (`sudo modprobe amdgpu`) or install a newer kernel"))


def _permissions(around: Surroundings) -> Iterator[Finding]:
    for name in around.denied:
        group = _("render and video") if name.startswith(("/dev/kfd", "/dev/dri")) else "video"
        user = (
            "sudo usermod -aG render,video $USER"
            if name.startswith(("/dev/kfd", "/dev/dri"))
            else "sudo usermod -aG video $USER"
        )
        yield Finding(
            "error",
            _("this user may not open {name}", name=name),
            _("join the group {group} (`{user}`) and log in again", group=group, user=user),
        )


def _old_driver(machine: Machine) -> Iterator[Finding]:
    match = re.match(r"(\d+)\.", machine.driver or "")
    if not match or not any(device.vendor == "nvidia" for device in machine.devices):
        return
    major = int(match[1])
    if major < OLDEST_DRIVER:
        yield Finding(
            "warning",
            _("NVIDIA driver {driver} is too old for CUDA 12, which current engines need", driver=machine.driver),
            _("install {version} or newer", version=OLDEST_DRIVER),
        )
    elif major < CUDA_13_DRIVER:
        yield Finding(
            "advice",
            _("NVIDIA driver {driver} runs CUDA 12 builds, not CUDA 13 ones", driver=machine.driver),
            _("install {version} or newer when an engine asks for CUDA 13", version=CUDA_13_DRIVER),
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
                    _(
                        "{name} is not used: {variable}={setting} hides it",
                        name=device.name,
                        variable=match[1],
                        setting=match[2],
                    ),
                    _("unset {variable} to use it", variable=match[1]),
                )


def _unified(machine: Machine) -> Iterator[Finding]:
    for device in machine.devices:
        if not device.unified:
            continue
        if device.vendor == "nvidia":
            yield Finding(
                "advice",
                _("{name} shares RAM with the page cache, which CUDA counts as taken", name=device.name),
                _("before a large model: `sync; echo 3 | sudo tee /proc/sys/vm/drop_caches`"),
            )
        elif device.vendor == "amd" and _share(device, machine) < 0.85:
            yield Finding(
                "advice",
                _(
                    "{name} may map {total} of this box's memory",
                    name=device.name,
                    total=format_bytes(device.total or 0, 1),
                ),
                _(
                    "raise it with the kernel parameter ttm.pages_limit (pages of 4 KiB), and keep the BIOS carve-out small"
                ),
            )
        elif device.vendor == "apple" and not (device.memory_from or "").startswith("sysctl"):
            yield Finding(
                "advice",
                _(
                    "Metal lets the GPU hold {total} of {ram_installed}",
                    total=format_bytes(device.total or 0, 1),
                    ram_installed=format_bytes(machine.ram_installed or 0, 1),
                ),
                _("raise it until the next boot with `sudo sysctl iogpu.wired_limit_mb=…`, and leave 8 GiB to macOS"),
            )


def _share(device: Device, machine: Machine) -> float:
    return (device.total or 0) / machine.ram_installed if machine.ram_installed else 1.0


def _limits(machine: Machine, around: Surroundings) -> Iterator[Finding]:
    total, installed, cpu = machine.ram_total, machine.ram_installed, machine.cpu
    if total is not None and installed is not None and total < installed:
        yield Finding(
            "warning",
            _(
                "this process may use {total} of {installed} RAM ({found}), and most engines size themselves by the latter",
                total=format_bytes(total, 1),
                installed=format_bytes(installed, 1),
                found=retell(machine.sources.get("ram_total") or N_("a limit")),
            ),
            _("raise the container's memory limit, or keep model files and caches below it"),
        )
    if cpu.threads and cpu.usable_cores and cpu.usable_cores < cpu.threads:
        yield Finding(
            "advice",
            _(
                "this process may use {usable_cores:g} of {threads} CPUs; engines that start a thread for each run slower than "
                "with fewer",
                usable_cores=cpu.usable_cores,
                threads=cpu.threads,
            ),
            _("start engines with {value} threads (llama.cpp: -t {value})", value=max(1, int(cpu.usable_cores))),
        )
    if around.wsl:
        yield Finding(
            "advice",
            _("WSL gives Linux half of the RAM unless told otherwise"),
            _("set memory= under [wsl2] in %UserProfile%\\.wslconfig"),
        )


def _disk(machine: Machine) -> Iterator[Finding]:
    if machine.disk_free is not None and machine.disk_free < LITTLE_DISK:
        yield Finding(
            "warning",
            _(
                "{disk_free} free at {disk_path}: a 32B model in 4 bits takes 20 GB",
                disk_free=format_bytes(machine.disk_free, 1),
                disk_path=machine.disk_path,
            ),
            _("make room, or point HF_HOME (and OLLAMA_MODELS) at another disk"),
        )
    for note in machine.notes:
        if note.endswith("is not writable"):
            yield Finding("warning", retell(note), _("point HF_HOME or OLLAMA_MODELS at a place you may write to"))


def _busy(machine: Machine) -> Iterator[Finding]:
    for device in machine.devices:
        if (
            device.total
            and device.free is not None
            and not device.unified
            and device.total - device.free > MUCH_USED * device.total
        ):
            who = "; ".join(map(retell, device.used_by[:3])) or _("processes that this one may not see")
            yield Finding(
                "advice",
                _(
                    "{total} of {name} is taken: {who}",
                    total=format_bytes(device.total - device.free, 1),
                    name=device.name,
                    who=who,
                ),
                _("stop them to have it all"),
            )


def _processor(machine: Machine) -> Iterator[Finding]:
    cpu = machine.cpu
    if any("Rosetta" in note for note in machine.notes):
        yield Finding(
            "warning",
            "this Python runs translated by Rosetta",
            _("use an arm64 Python; install engines for arm64"),
        )
    if cpu.architecture in ("x86_64", "AMD64") and cpu.features and "avx2" not in cpu.features:
        yield Finding(
            "warning",
            _(
                "{name} has no AVX2: engines' CPU code runs several times slower, or not at all",
                name=cpu.name or "the CPU",
            ),
            _("use a build without AVX2"),
        )
    if (cpu.bandwidth_from or "").startswith("assumed") and not machine.devices:
        yield Finding(
            "advice",
            _("RAM bandwidth, which decides the speed on a CPU, is assumed"),
            _("measure it once: `qwenpick machine --measure`"),
        )
    if (cpu.sockets or 1) > 1:
        yield Finding(
            "advice",
            _("{sockets} CPU sockets: their memory bandwidths do not add up for one process", sockets=cpu.sockets),
            _("llama.cpp: --numa distribute, or one process per socket"),
        )


CHECKS: tuple[Callable[[Machine], Iterator[Finding]], ...] = (
    _old_driver, _shadowing, _hidden, _unified, _disk, _busy, _processor,
)  # fmt: skip
