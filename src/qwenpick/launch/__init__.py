"""Starting a model as planned: one module per engine says how, in words that a shell takes safely."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, cast

from qwenpick.cleaning import clean
from qwenpick.i18n import _
from qwenpick.launch.run import Command, Download, Launch, Run, run_of
from qwenpick.units import format_gb

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.work.placement import Placement

_HIDES = {"nvidia": "CUDA_VISIBLE_DEVICES", "amd": "HIP_VISIBLE_DEVICES"}


def launch(run: Run, *, docker: bool = False, compose: bool = False, systemd: bool = False) -> Launch:
    """How to start `run`: by itself, by `docker run`, a compose file or a systemd unit. Raises QwenpickError for what none of them can do."""
    planned = cast(Launch, import_module(f"qwenpick.launch.{run.runtime}").launch(run))
    if systemd:
        from qwenpick.launch import systemd as units

        return units.unit(run, planned)
    if not (docker or compose):
        return planned
    from qwenpick.launch import docker as containers

    return containers.compose(run, planned) if compose else containers.container(run, planned)


def visible_devices(placement: Placement, machine: Machine) -> Mapping[str, str]:
    """The environment that shows an engine only the GPUs that were planned; {} where that is all of them.

    >>> from qwenpick.machine.hardware import Device, Machine
    >>> from qwenpick.work.placement import Placement
    >>> one, two = (Device("RTX 3090", "nvidia", 1, 1, uuid=f"GPU-{i}") for i in "ab")
    >>> visible_devices(Placement((two,)), Machine((one, two)))
    {'CUDA_VISIBLE_DEVICES': 'GPU-b'}
    """
    wanted = placement.devices
    if not wanted or len(wanted) >= len(machine.devices) or wanted[0].vendor not in _HIDES:
        return {}
    vendor = wanted[0].vendor
    siblings = [device for device in machine.devices if device.vendor == vendor]
    if len(siblings) == len(wanted):
        return {}
    if vendor == "nvidia" and all(device.uuid for device in wanted):
        return {_HIDES[vendor]: ",".join(str(device.uuid) for device in wanted)}
    free, numbers = list(enumerate(siblings)), []
    for device in wanted:
        found = next((item for item in free if item[1] == device), None)
        if found is None:
            return {}
        free.remove(found)
        numbers.append(str(found[0]))
    order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if vendor == "nvidia" else {}
    return {**order, _HIDES[vendor]: ",".join(numbers)}


def with_disk(planned: Launch, machine: Machine) -> Launch:
    """The launch with a note where its downloads are larger than the room that the machine has for weights."""
    needed = sum(item.bytes or 0 for item in planned.downloads)
    if machine.disk_free is None or needed <= machine.disk_free:
        return planned
    room = _(
        "{disk_free} free at {disk_path}",
        disk_free=format_gb(machine.disk_free),
        disk_path=machine.disk_path or _("the disk for weights"),
    )
    return replace(
        planned,
        notes=(
            *planned.notes,
            _("downloads take {needed} and there are {room}", needed=format_gb(needed), room=room),
        ),
    )


# program -> how it is installed
WHERE_FROM = {
    "mlx_lm.server": "`pip install mlx-lm`",
    "ollama": "https://ollama.com/download",
    "lms": "https://lmstudio.ai/download",
}

OLLAMA = "http://127.0.0.1:11434"  # its programs find no server, or start the app, before it answers there
STARTERS = ("docker", "systemctl")  # what they start is not run by the program that was asked for


def script(planned: Launch, system: str = "linux") -> str:
    """The whole launch as a script of the system's shell: what is downloaded as comments, files written, commands in order."""
    if system == "windows":
        from qwenpick.launch import powershell

        return "\n".join([*powershell.script(planned, _told(planned)), ""])
    return "\n".join([*_script(planned), ""])


def _told(planned: Launch) -> Iterator[str]:
    """Downloads, notes, the program that is needed and where it answers, as comments."""
    for item in planned.downloads:
        yield _comment(
            _(
                "downloads {what} ({bytes}) to {where}",
                what=item.what,
                bytes=format_gb(item.bytes) if item.bytes else _("size not known"),
                where=_(item.where),
            )
        )
    for note in planned.notes:
        yield _comment(_("note: {note}", note=note))
    if needed := needs(planned):
        yield _comment(_("needs {program}: {source}", program=needed[0], source=needed[1]))
    if served := address(planned):
        argv = planned.serve.argv
        # those have no page to talk to
        if argv[0] == "llama-server" and not {"--embeddings", "--reranking"} & set(argv):
            yield _comment(_("once it runs, open {address} (for programs: {address}/v1)", address=served))
        else:
            yield _comment(_("once it runs, it answers at {address}/v1 (OpenAI API)", address=served))


def needs(planned: Launch) -> tuple[str, str] | None:
    """The program that must be installed first, and where it comes from; None for containers, which bring theirs."""
    program = planned.serve.argv[0]
    if program in ("docker", "kubectl"):
        return None
    if planned.packages:
        # without its extras and its release
        return re.split(r"[\[=<]", planned.packages[0])[0], f"`pip install {shlex.join(planned.packages)}`"
    if planned.build:
        return "llama-server", planned.build
    return (program, WHERE_FROM[program]) if program in WHERE_FROM else None


def address(planned: Launch) -> str | None:
    """Where the server answers once it is up; None for what serves nobody, or was given to another program to start."""
    argv = planned.serve.argv
    if argv[0] in STARTERS or "--port" not in argv:
        return None
    return f"http://127.0.0.1:{argv[argv.index('--port') + 1]}"


def _script(planned: Launch) -> Iterator[str]:
    yield from _told(planned)
    for name, text in planned.files.items():
        yield _written(name, text)
    for command in planned.prepare:
        yield _comment(command.purpose)
        yield command.line() + (" &" if command.argv[-1] == "serve" else "")
        if command.argv[-1] == "serve":
            yield f"until curl -s -o /dev/null {OLLAMA}; do sleep 1; done"
    for command in planned.others:
        yield _comment(f"{command.purpose}: {command.line()}")
    yield planned.serve.line()


def _written(name: str, text: str) -> str:
    """A here-document that the shell takes as it is; its end is a word that no line of the text is."""
    if not text.endswith("\n") or "\r" in text:
        return f"printf %s {shlex.quote(text)} > {shlex.quote(name)}"
    lines = set(text.split("\n"))
    end = next(word for word in ("END", *(f"END{n}" for n in range(len(lines) + 1))) if word not in lines)
    return f"cat > {shlex.quote(name)} <<'{end}'\n{text}{end}"


def _comment(text: str) -> str:
    """A comment stays one line, whatever a name holds."""
    return "# " + clean(" ".join(text.split()))


__all__ = [
    "Command",
    "Download",
    "Launch",
    "Run",
    "launch",
    "run_of",
    "script",
    "visible_devices",
    "with_disk",
]
