"""What is wrong with a box and how to mend it: findings out of the machine that was probed and what surrounds the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qwenpick.i18n import N_, _, retell
from qwenpick.machine.gpu_findings import (
    Finding,
    Level,
    broken,
    hidden,
    old_driver,
    permissions,
    shadowing,
    without_driver,
)
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.probe.surroundings import Surroundings
from qwenpick.units import GIB, format_bytes

LEVELS: tuple[Level, ...] = ("error", "warning", "advice")

LITTLE_DISK = 20 * GIB  # a 32B model in 4 bits takes 20 GB
OLD_FACTS = 60  # days
MUCH_USED = 0.25  # of a GPU's memory held by others: worth saying who


def findings(machine: Machine, around: Surroundings) -> tuple[Finding, ...]:
    """Everything to say about the box, errors first."""
    found = [
        *broken(machine, around),
        *without_driver(machine, around),
        *permissions(around),
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
            _("pip install --upgrade qwenpick, or `qwenpick catalog update FILE` with a newer catalog"),
        ),
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
                    "{name} may map {total} of this machine's memory",
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
    old_driver, shadowing, hidden, _unified, _disk, _busy, _processor,
)  # fmt: skip
