"""RAM that this process may use: what the system has, and the tightest cgroup above us. Swap and page cache do not count as room lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qwenpick.i18n import N_
from qwenpick.machine.probe.world import World, fields, integer
from qwenpick.values import dataclass

NO_LIMIT_V1 = 2**63 - 4096  # Linux, memory.limit_in_bytes of a cgroup v1 without a limit: PAGE_COUNTER_MAX pages


@dataclass(frozen=True, slots=True)
class Ram:
    """Bytes: `installed` is what the system has, `total` and `free` what we may use; the texts say where each is from."""

    installed: int | None = None
    total: int | None = None
    free: int | None = None
    total_from: str | None = None
    free_from: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """One cgroup: its limit, and what in it cannot be given back (page cache that nobody reads is left out)."""

    path: str
    file: str
    limit: int
    held: int | None


def ram(world: World) -> Ram:
    """What RAM there is and how much of it this process may use."""
    if world.system == "darwin":
        return _darwin(world)
    system = _linux(world) if world.system == "linux" else _psutil(world)
    if world.system != "linux" or system.total is None:
        return system
    total, free, total_from, free_from = system.total, system.free, system.total_from, system.free_from
    for level in levels(world):
        if level.limit < total:
            total, total_from = level.limit, N_("cgroup limit {file} of {path}", file=level.file, path=level.path)
        if level.held is None:
            continue
        room = max(0, level.limit - level.held)
        if free is None or room < free:
            free, free_from = (
                room,
                N_("cgroup limit {file} of {path} less what it holds", file=level.file, path=level.path),
            )
    free = None if free is None else min(free, total)
    return Ram(system.installed, total, free, total_from, free_from, system.notes)


def levels(world: World) -> tuple[Level, ...]:
    """Every finite memory limit from our own cgroup up to the root, v1 and v2."""
    found: list[Level] = []
    for version, directory in directories(world, "memory"):
        stat = fields(world.read(f"{directory}/memory.stat"), " ")
        if version == 2:
            used, cache = world.number(f"{directory}/memory.current"), integer(stat.get("inactive_file"))
            limits = {name: world.number(f"{directory}/{name}") for name in ("memory.max", "memory.high")}
        else:
            used, cache = world.number(f"{directory}/memory.usage_in_bytes"), integer(stat.get("total_inactive_file"))
            limits = {"memory.limit_in_bytes": world.number(f"{directory}/memory.limit_in_bytes")}
        held = None if used is None else max(0, used - (cache or 0))
        found += [
            Level(directory, f, limit, held)
            for f, limit in limits.items()
            if limit is not None and 0 <= limit < NO_LIMIT_V1
        ]
        above = integer(stat.get("hierarchical_memory_limit"))  # v1: the tightest above us, even where we cannot see it
        if version == 1 and above is not None and above < NO_LIMIT_V1:
            found.append(Level(directory, "hierarchical_memory_limit", above, held))
    return tuple(found)


def directories(world: World, controller: str) -> Iterator[tuple[int, str]]:
    """(version, directory) of our cgroup and its ancestors, for a v1 controller (memory, cpu) and for v2."""
    ours: dict[str, str] = {}
    for line in (world.read("/proc/self/cgroup") or "").splitlines():
        _unused, controllers, path = [*line.split(":", 2), "", ""][:3]
        for name in controllers.split(","):
            ours.setdefault(name, path)
    for version, key, mount, root in _mounts(world, controller):
        if key not in ours:
            continue
        below = ours[key]
        if root != "/" and (below == root or below.startswith(root + "/")):
            below = below[len(root) :]
        steps = [] if ".." in below.split("/") else [step for step in below.split("/") if step]
        for length in range(len(steps), -1, -1):
            directory = "/".join([mount, *steps[:length]])
            if world.exists(directory):
                yield version, directory


def _mounts(world: World, controller: str) -> Iterator[tuple[int, str, str, str]]:
    """(version, name in /proc/self/cgroup, mount point, root of the mount), from mountinfo, else where they usually lie."""
    seen = False
    for line in (world.read("/proc/self/mountinfo") or "").splitlines():
        left, _unused, right = line.partition(" - ")
        before, after = left.split(), right.split()
        if len(before) < 5 or not after or not after[0].startswith("cgroup"):
            continue
        root, mount = before[3], re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), before[4])
        if after[0] == "cgroup2":
            yield 2, "", mount, root
            seen = True
        elif controller in (after[-1]).split(","):
            yield 1, controller, mount, root
            seen = True
    if not seen:
        yield 2, "", "/sys/fs/cgroup", "/"
        yield 2, "", "/sys/fs/cgroup/unified", "/"
        yield 1, controller, f"/sys/fs/cgroup/{controller}", "/"


def _linux(world: World) -> Ram:
    """MemTotal and MemAvailable; before Linux 3.14 the latter is MemFree + Cached + Buffers, which is said."""
    info = {key: integer(value.split()[0]) for key, value in fields(world.read("/proc/meminfo")).items() if value}
    total = info.get("MemTotal")
    if not total:
        answer = _psutil(world)
        return answer if answer.total else Ram(notes=(N_("/proc/meminfo could not be read, so RAM is not known"),))
    total *= 1024  # meminfo counts in KiB though it says kB
    available = info.get("MemAvailable")
    said = N_("MemAvailable in /proc/meminfo")
    if available is None and info.get("MemFree") is not None:
        available = sum(info.get(key) or 0 for key in ("MemFree", "Cached", "Buffers")) - (info.get("Shmem") or 0)
        said = N_("MemFree + Cached + Buffers - Shmem in /proc/meminfo (this kernel has no MemAvailable)")
    free = None if available is None else max(0, min(available * 1024, total))
    return Ram(total, total, free, N_("MemTotal in /proc/meminfo"), said if free is not None else None)


def _psutil(world: World) -> Ram:
    """What psutil says, on systems whose files we do not read ourselves."""
    try:
        memory = world.psutil().virtual_memory()
        total, free = int(memory.total), int(memory.available)
    except Exception as error:
        return Ram(notes=(N_("psutil could not read RAM ({kind})", kind=type(error).__name__),))
    return Ram(total, total, min(free, total), "psutil", "psutil")


def _darwin(world: World) -> Ram:
    """hw.memsize, and the pages macOS can give up at once: free, speculative, inactive, purgeable (vm_stat)."""
    total = integer(world.run(["sysctl", "-n", "hw.memsize"], world.timeout).out)
    if not total:
        return _psutil(world)
    said = world.run(["vm_stat"], world.timeout).out
    page = re.search(r"page size of (\d+) bytes", said)
    pages = {key: integer(value.rstrip(".")) for key, value in fields(said).items()}
    names = ("Pages free", "Pages speculative", "Pages inactive", "Pages purgeable")
    if page is None or pages.get("Pages free") is None:
        return Ram(
            total,
            total,
            None,
            "sysctl hw.memsize",
            None,
            (N_("vm_stat did not answer, so free RAM is not known"),),
        )
    free = int(page[1]) * sum(pages.get(name) or 0 for name in names)
    return Ram(
        total,
        total,
        min(free, total),
        "sysctl hw.memsize",
        N_("vm_stat: free, speculative, inactive and purgeable pages"),
    )
