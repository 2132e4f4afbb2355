"""What is wrong with the GPUs of a box and their drivers, and the remedy: part of what the doctor finds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from qwenpick.i18n import _, retell
from qwenpick.machine.hardware import Machine
from qwenpick.machine.probe.nvml import REASONS
from qwenpick.machine.probe.surroundings import Surroundings
from qwenpick.values import dataclass

Level = Literal["error", "warning", "advice"]


# NVIDIA CUDA 13.0 release notes, table 2 (minimum driver for minor-version compatibility): 12.x needs 525, 13.x needs 580.
OLDEST_DRIVER, CUDA_13_DRIVER = 525, 580


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong (an error keeps hardware from being used, a warning costs, an advice helps) and how to mend it."""

    level: Level
    what: str
    remedy: str


def broken(machine: Machine, around: Surroundings) -> Iterator[Finding]:
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
            _("ask its own tool (nvidia-smi, rocm-smi, npu-smi) and fix what that says"),
        )


def without_driver(machine: Machine, around: Surroundings) -> Iterator[Finding]:
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


def permissions(around: Surroundings) -> Iterator[Finding]:
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


def old_driver(machine: Machine) -> Iterator[Finding]:
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


def shadowing(machine: Machine) -> Iterator[Finding]:
    for note in machine.notes:
        if "shadows nvidia-ml-py" in note:
            yield Finding(
                "warning", note.split(";")[0], "pip uninstall pynvml; pip install --force-reinstall nvidia-ml-py"
            )


def hidden(machine: Machine) -> Iterator[Finding]:
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
