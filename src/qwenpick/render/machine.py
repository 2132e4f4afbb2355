"""What `machine` and `doctor` print: for each part of the box what it has, what this process may use, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from qwenpick.i18n import N_, _, listed, retell
from qwenpick.planning.words import gpu_count
from qwenpick.render.forms.report import Block, Column, Line, Report, Table, Tone
from qwenpick.render.words import box as words_of_box
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from qwenpick.machine.gpu_findings import Finding, Level
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.machine.installed.engines import Engine
    from qwenpick.render.payloads.facts import DoctorValues, EngineFoundValues

UNKNOWN = N_("unknown")
TONES: dict[Level, Tone] = {"error": "bad", "warning": "warn", "advice": "plain"}


def engines_line(engines: Sequence[Engine]) -> Line:
    """Which engines are installed, in one line."""
    if not engines:
        from qwenpick.machine.installed.engines import PROGRAMS

        names = [find_runtime(name).TITLE for name in (*PROGRAMS, "transformers")]
        return Line(_("no engine is installed; looked for {engines}", engines=listed(names)), "dim")
    return Line(_("installed: {engines}", engines=", ".join(_engine(one) for one in engines)), "dim")


def _engine(one: Engine) -> str:
    return f"{find_runtime(one.name).TITLE} ({one.path})"


def engines_values(engines: Sequence[Engine]) -> list[EngineFoundValues]:
    """The engines for a program, by the names that --runtime takes."""
    return [{"name": one.name, "title": find_runtime(one.name).TITLE, "path": one.path} for one in engines]


def machine_report(machine: Machine, engines: Sequence[Engine] | None) -> Report:
    """The box for a person; `engines` are those that are installed on it, None where nobody looked."""
    columns = (Column("Part"), Column("Have", number=True), Column("Usable", number=True), Column("Why"))
    rows = [_device(f"gpu{index} {device.name}", device) for index, device in enumerate(machine.devices)]
    rows += [
        (_("{name} (not used)", name=device.name), _size(device.total), "0", told(device.notes))
        for device in machine.hidden
    ]
    rows += [_ram(machine), _cpu(machine), _bandwidth(machine), _disk(machine)]
    blocks: list[Block] = [Line(_headline(machine), "title"), Table(columns, tuple(rows))]
    blocks += [Line(f"{device.name}: {retell(user)}", "dim") for device in machine.devices for user in device.used_by]
    blocks += [Line(retell(note), "dim") for note in machine.notes]
    blocks += [engines_line(engines)] if engines is not None else []
    blocks += [Line(_("could not be read: {line}", line=retell(line)), "bad") for line in machine.unreadable]
    return tuple(blocks)


def _headline(machine: Machine) -> str:
    software = [_("driver {driver}", driver=machine.driver)] if machine.driver else []
    software += [_("CUDA up to {cuda}", cuda=machine.cuda)] if machine.cuda else []
    count = len(machine.devices)
    return listed([machine.system, _("no GPU") if not count else gpu_count(count), *software])


def told(notes: Iterable[str]) -> str:
    """Notes of a machine, in the reader's language."""
    return _("; ").join(map(retell, notes))


def _size(size: int | None) -> str:
    return _(UNKNOWN) if size is None else format_bytes(size)


def _device(label: str, device: Device) -> tuple[str, str, str, str]:
    facts = [retell(device.memory_from)] if device.memory_from else []
    facts += [_("{reserved} reserved by the driver", reserved=format_bytes(device.reserved))] if device.reserved else []
    word = _("compute capability") if device.vendor == "nvidia" else _("target")
    facts += [f"{word} {device.compute_capability}"] if device.compute_capability else []
    facts += [_("{cores} GPU cores", cores=device.cores)] if device.cores else []
    facts += [f"{device.bandwidth / 1e9:,.0f} GB/s"] if device.bandwidth else []
    facts += [_("ECC on")] if device.ecc else []
    return label, _size(device.total), _size(device.free), _("; ").join([*facts, *map(retell, device.notes)])


def _ram(machine: Machine) -> tuple[str, str, str, str]:
    why = dict.fromkeys(text for key in ("ram_total", "ram_free") if (text := machine.sources.get(key)))
    have = machine.ram_installed or machine.ram_total
    if have is not None and machine.ram_total is not None and machine.ram_total < have:
        why = {_("{size} allowed", size=format_bytes(machine.ram_total)): None, **why}
    return _("RAM"), _size(have), _size(machine.ram_free), told(why)


def _cpu(machine: Machine) -> tuple[str, str, str, str]:
    cpu = machine.cpu
    have = (
        _("{cores} cores", cores=cpu.cores)
        if cpu.cores
        else _("{threads} threads", threads=cpu.threads)
        if cpu.threads
        else _(UNKNOWN)
    )
    usable = _(UNKNOWN) if cpu.usable_cores is None else _("{count:g} CPUs", count=cpu.usable_cores)
    threads = [_("{threads} threads", threads=cpu.threads)] if cpu.threads and cpu.cores else []
    threads += (
        [_("{performance_cores} performance cores", performance_cores=cpu.performance_cores)]
        if cpu.performance_cores
        else []
    )
    return (
        f"CPU {cpu.name or ''}".strip(),
        have,
        usable,
        _("; ").join(filter(None, [*threads, " ".join(cpu.features)])),
    )


def _bandwidth(machine: Machine) -> tuple[str, str, str, str]:
    cpu = machine.cpu
    return (
        _("RAM bandwidth"),
        "",
        _(UNKNOWN) if cpu.bandwidth is None else f"{cpu.bandwidth / 1e9:,.1f} GB/s",
        retell(cpu.bandwidth_from or ""),
    )


def _disk(machine: Machine) -> tuple[str, str, str, str]:
    source = retell(machine.sources.get("disk_path") or "")
    return (
        _("Disk for weights"),
        "",
        _size(machine.disk_free),
        f"{machine.disk_path or _(UNKNOWN)}{f' ({source})' if source else ''}",
    )


def doctor_report(
    machine: Machine,
    found: tuple[Finding, ...],
    kept: Mapping[str, str],
    file: Path | None,
    engines: Sequence[Engine] | None,
) -> Report:
    """The findings for a person, errors first; then what was looked at, the defaults that the person keeps, and the engines that are installed."""
    quiet = list(_looked_at(machine))
    words = _(", ").join(f"{key}: {value}" for key, value in kept.items())
    quiet += [_("your defaults ({file}): {words}", file=file, words=words)] if kept else []
    own = [Line(text, "dim") for text in quiet]
    own += [engines_line(engines)] if engines is not None else []
    if not found:
        nothing = (
            _("Nothing wrong was found.") if machine.origin == "probe" else _("Nothing wrong in this description.")
        )
        return (Line(nothing, "good"), *own)
    columns = (Column(""), Column("What is wrong"), Column("How to fix it"))
    rows = tuple((_(finding.level), finding.what, finding.remedy) for finding in found)
    return (Table(columns, rows, tones=tuple(TONES[finding.level] for finding in found)), *own)


def _looked_at(machine: Machine) -> Iterable[str]:
    """What was looked at, and what was not: a clean answer is worth as much."""
    box = words_of_box(machine)
    if machine.origin == "simulated":
        yield _("{box}: described, so nothing of a real machine was looked at; run qwenpick doctor on it", box=box)
    elif machine.origin == "file":
        yield _(
            "{box}: judged by its file; permissions, containers and installed engines were not looked at; "
            "run qwenpick doctor on it",
            box=box,
        )
    else:
        yield _(
            "looked at: {box}, GPU drivers and permissions, limits of this process, disk, age of the facts", box=box
        )
        if not machine.devices and not machine.hidden:
            yield _("no GPU was found; looked for NVIDIA, AMD, Intel, Apple and Huawei Ascend GPUs")


def doctor_values(
    found: tuple[Finding, ...], kept: Mapping[str, str], engines: Sequence[Engine] | None
) -> DoctorValues:
    """The findings for a program."""
    return {
        "healthy": all(finding.level != "error" for finding in found),
        "findings": [{"level": f.level, "what": f.what, "remedy": f.remedy} for f in found],
        "defaults": dict(kept),
        "engines": None if engines is None else engines_values(engines),
    }
