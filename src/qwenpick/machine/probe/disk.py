"""Where model weights would be written, and how much room is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qwenpick.i18n import N_
from qwenpick.machine.installed.stores import home_directory, hub_directory
from qwenpick.machine.probe.world import World
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Disk:
    """Free bytes at `path`, the place that `named_by` (a variable or a default) gives."""

    path: str
    named_by: str
    free: int | None
    writable: bool
    device: int | None


def weight_directories(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """(path, what names it): the Hugging Face hub's cache first, then Ollama's models."""
    named = environ.get("HOME") or environ.get("USERPROFILE")
    home = Path(named) if named else home_directory() or Path()
    hub, named_by = hub_directory(environ, home)
    if ollama := environ.get("OLLAMA_MODELS"):
        return (str(hub), named_by), (ollama, "OLLAMA_MODELS")
    return (str(hub), named_by), (str(home / ".ollama" / "models"), N_("Ollama's default"))


def disks(world: World) -> tuple[Disk, ...]:
    """The room in each place, asked of the nearest parent that exists."""
    import os
    import shutil

    found = []
    for name, named_by in weight_directories(world.environ):
        wanted = world.path(str(Path(name).expanduser()))
        try:
            there = next(place for place in (wanted, *wanted.parents) if place.exists())
            found.append(
                Disk(name, named_by, shutil.disk_usage(there).free, os.access(there, os.W_OK), there.stat().st_dev)
            )
        except (OSError, StopIteration):
            found.append(Disk(name, named_by, None, False, None))
    return tuple(found)


def disk_notes(found: tuple[Disk, ...]) -> tuple[str, ...]:
    """What a person should know of these places beyond the first one's free bytes."""
    from qwenpick.units import format_bytes

    notes = [N_("free disk at {path} could not be read", path=disk.path) for disk in found if disk.free is None]
    notes += [
        N_("{path} ({named_by}) is not writable", path=disk.path, named_by=disk.named_by)
        for disk in found
        if disk.free is not None and not disk.writable
    ]
    hub, others = (found[0], found[1:]) if found else (None, ())
    notes += [
        N_(
            "{path} ({named_by}) is another disk, with {free} free",
            path=other.path,
            named_by=other.named_by,
            free=format_bytes(other.free),
        )
        for other in others
        if hub and other.free is not None and other.device != hub.device
    ]
    return tuple(notes)
