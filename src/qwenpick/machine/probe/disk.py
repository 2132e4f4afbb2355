"""Where model weights would be written, and how much room is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qwenpick.i18n import N_
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
    home = environ.get("HOME") or environ.get("USERPROFILE") or _home()
    if environ.get("HF_HUB_CACHE"):
        hub = (environ["HF_HUB_CACHE"], "HF_HUB_CACHE")
    elif environ.get("HF_HOME"):
        hub = (str(Path(environ["HF_HOME"]) / "hub"), "HF_HOME")
    elif environ.get("XDG_CACHE_HOME"):
        hub = (str(Path(environ["XDG_CACHE_HOME"]) / "huggingface" / "hub"), "XDG_CACHE_HOME")
    else:
        hub = (str(Path(home) / ".cache" / "huggingface" / "hub"), N_("the Hugging Face hub's default"))
    if environ.get("OLLAMA_MODELS"):
        return hub, (environ["OLLAMA_MODELS"], "OLLAMA_MODELS")
    return hub, (str(Path(home) / ".ollama" / "models"), N_("Ollama's default"))


def _home() -> str:
    """The home directory that the passwd entry names; the current directory where there is none."""
    try:
        return str(Path.home())
    except RuntimeError:
        return "."


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
