"""What RAM gives, bytes/s: measured on request and remembered, else the platform's figure, else an assumption; it always says which."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwenpick.bounded import read_json
from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_
from qwenpick.machine.assumed import DDR4
from qwenpick.machine.hardware import Cpu, Machine
from qwenpick.storage import user_directory, write_whole

MOST_BANDWIDTH = 1e14  # bytes/s: a hundred times what any board gives
ASSUMED, ASSUMED_FROM = DDR4

# (pattern on the CPU's name, bytes/s, what it is). channels x 8 bytes x MT/s, per socket, all channels populated at the platform's rated speed.
# Cores that take DDR4 as well as DDR5 (Core 12th-14th gen) stay at the assumption: the board decides.
PLATFORMS: tuple[tuple[str, float, str], ...] = (
    (r"RYZEN AI MAX", 256.0e9, "256-bit LPDDR5X-8000"),
    (r"Ryzen AI 9 HX|Ryzen AI (?:5|7|9) 3\d\d", 120.0e9, "128-bit LPDDR5X-7500"),
    (r"Ryzen \d (?:PRO )?9\d{3}X?", 89.6e9, "2 x DDR5-5600"),
    (r"Ryzen \d (?:PRO )?7[5-9]\d{2}(?:X|X3D|F)?\b", 83.2e9, "2 x DDR5-5200"),
    (r"Threadripper PRO 7\d{3}", 332.8e9, "8 x DDR5-5200"),
    (r"Threadripper 7\d{3}", 166.4e9, "4 x DDR5-5200"),
    (r"Threadripper PRO (?:3|5)\d{3}", 204.8e9, "8 x DDR4-3200"),
    (r"EPYC (?:9\d\d5)", 576.0e9, "12 x DDR5-6000"),
    (r"EPYC (?:9\d\d4|97\d4)", 460.8e9, "12 x DDR5-4800"),
    (r"EPYC (?:8\d\d4)", 230.4e9, "6 x DDR5-4800"),
    (r"EPYC (?:7\w{2}[23])\b", 204.8e9, "8 x DDR4-3200"),
    (r"Xeon.* 6[79]\d{2}P", 614.4e9, "12 x DDR5-6400"),
    (r"Xeon\(R\) (?:Platinum|Gold|Silver) \d5\d{2}|Xeon.* w\d-[23]5\d\d", 358.4e9, "8 x DDR5-5600"),
    (r"Xeon\(R\) (?:Platinum|Gold|Silver) \d4\d{2}", 307.2e9, "8 x DDR5-4800"),
    (r"Xeon\(R\) (?:Platinum|Gold|Silver) \d3\d{2}", 204.8e9, "8 x DDR4-3200"),
    (r"Xeon\(R\) (?:Platinum|Gold|Silver) \d2\d{2}", 140.8e9, "6 x DDR4-2933"),
    (r"Xeon\(R\) (?:Platinum|Gold|Silver) \d1\d{2}", 128.0e9, "6 x DDR4-2666"),
    (r"Core\(TM\) Ultra \d 2\d{2}V", 136.5e9, "128-bit LPDDR5X-8533"),
    (r"Core\(TM\) Ultra \d 2\d{2}K", 102.4e9, "2 x DDR5-6400"),
    (r"Core\(TM\) Ultra", 89.6e9, "2 x DDR5-5600"),
)


def known_bandwidth(name: str | None) -> tuple[float, str]:
    """(bytes/s, where that is from) by the CPU's name: the platform's figure, else the assumption.

    >>> known_bandwidth("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S")
    (256000000000.0, 'platform table: 256-bit LPDDR5X-8000')
    >>> known_bandwidth(None)
    (51200000000.0, 'assumed: dual-channel DDR4-3200')
    """
    for pattern, bandwidth, what in PLATFORMS:
        if name and re.search(pattern, name, re.IGNORECASE):
            return bandwidth, N_("platform table: {what}", what=what)
    return ASSUMED, ASSUMED_FROM


MEASURED = N_("measured: copying memory, bytes read and written")
MOST_THREADS = 16  # enough to fill the channels of a socket
COPY_BYTES = 2**28  # 256 MiB: several times the last-level cache that one process gets to itself
THREAD_BYTES = 2**26  # at least 64 MiB a thread, so that starting the threads does not count


def measure_bandwidth(threads: int, size: int | None = None, rounds: int = 3) -> float:
    """Bytes/s that `threads` threads move by copying `size` bytes: bytes read + bytes written over the best of `rounds` times.

    ctypes gives the interpreter lock back during a copy, so the threads run side by side; one alone does not fill a server's channels. Each
    thread first writes its share of both buffers: pages never written are all the same page of zeros, which a cache holds.
    """
    import ctypes
    import time
    from concurrent.futures import ThreadPoolExecutor

    share = (size or max(COPY_BYTES, threads * THREAD_BYTES)) // threads
    source = ctypes.create_string_buffer(share * threads)
    target = ctypes.create_string_buffer(share * threads)
    here, there = ctypes.addressof(source), ctypes.addressof(target)

    def touch(index: int) -> None:
        ctypes.memset(here + index * share, 1, share)
        ctypes.memset(there + index * share, 2, share)

    def copy(index: int) -> None:
        ctypes.memmove(there + index * share, here + index * share, share)

    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(touch, range(threads)))
        for _unused in range(rounds):
            start = time.perf_counter()
            list(pool.map(copy, range(threads)))
            best = min(best, time.perf_counter() - start)
    return 2 * share * threads / best


def bandwidth_file() -> Path | None:
    """Where a measured bandwidth is kept, in the user's cache directory; None where there is none."""
    directory = user_directory("cache")
    return directory / "bandwidth.json" if directory else None


def box_key(cpu: Cpu, ram_installed: int | None) -> str:
    """What a measurement holds for: this CPU, these cores, this much RAM."""
    gib = round(ram_installed / 2**30) if ram_installed else "?"
    return f"{cpu.name or 'unknown CPU'}, {cpu.usable_cores or '?'} CPUs, {gib} GiB"


def remembered(key: str, file: Path | None) -> float | None:
    """Bytes/s measured for this box before; None if never, or if the file cannot be read."""
    value = _known(file).get(key) if file else None
    return float(value) if isinstance(value, int | float) and 0 < value <= MOST_BANDWIDTH else None


def remember(key: str, bandwidth: float, file: Path) -> bool:
    """Keep a measurement beside those of other boxes (a home directory may be shared). False if the file cannot be written."""
    import json

    entries = {**_known(file), key: round(bandwidth)}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, (json.dumps(entries, indent=2, sort_keys=True) + "\n").encode())
    except OSError:
        return False
    return True


def _known(file: Path) -> dict[str, Any]:
    """What was measured before; {} where the file cannot be read."""
    try:
        return read_json(file)
    except QwenpickError:
        return {}


def measured(machine: Machine, file: Path | None = None) -> Machine:
    """The machine with its RAM bandwidth measured now, and kept in `file` (bandwidth_file() by default) for the probes to come."""
    file = file or bandwidth_file()
    bandwidth = measure_bandwidth(max(1, min(MOST_THREADS, int(machine.cpu.usable_cores or 1))))
    kept = file is not None and remember(box_key(machine.cpu, machine.ram_installed), bandwidth, file)
    return with_bandwidth(
        machine,
        bandwidth,
        MEASURED
        if kept
        else N_(
            "{measured}; {file} could not be written, so it is not remembered",
            measured=MEASURED,
            file=file or N_("its file"),
        ),
    )


def said(machine: Machine, bandwidth: float) -> Machine:
    """The machine with the RAM bandwidth that a person gives."""
    return with_bandwidth(machine, bandwidth, N_("as --ram-bandwidth says ({rate} GB/s)", rate=bandwidth / 1e9))


def with_bandwidth(machine: Machine, bandwidth: float, said: str) -> Machine:
    """The machine with this RAM bandwidth, and where it is from; what was noted of the one before is no longer so."""
    old = machine.cpu.bandwidth_from
    notes = tuple(
        note for note in machine.notes if not (old and note.startswith("CPU memory bandwidth") and old in note)
    )
    if len(notes) < len(machine.notes):
        notes += (N_("CPU memory bandwidth {said}", said=said),)
    cpu = replace(machine.cpu, bandwidth=bandwidth, bandwidth_from=said)
    return replace(machine, cpu=cpu, notes=notes, sources={**machine.sources, "cpu.bandwidth": said})
