"""The processor as this process may use it: name, cores, quota, affinity, the instructions that matter to inference."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from qwenpick.i18n import N_
from qwenpick.machine.hardware import Cpu
from qwenpick.machine.probe.bandwidth import known_bandwidth
from qwenpick.machine.probe.ram import directories
from qwenpick.machine.probe.world import World, fields, integer

# /proc/cpuinfo `flags` on x86-64, `Features` on Arm: what prefill kernels choose by.
FEATURES = (
    "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
    "asimd", "asimdhp", "asimddp", "sve", "sve2", "i8mm", "bf16", "sme",
)  # fmt: skip
MOST_CPUS = 2**16  # no Linux box has more
ARM_PARTS = {  # util-linux sys-utils/lscpu-arm.c: (implementer, part) of Arm cores in boxes that run models
    ("0x41", "0xd0c"): "Arm Neoverse-N1", ("0x41", "0xd40"): "Arm Neoverse-V1", ("0x41", "0xd49"): "Arm Neoverse-N2",
    ("0x41", "0xd4f"): "Arm Neoverse-V2", ("0x41", "0xd42"): "Arm Cortex-A78AE", ("0x41", "0xd83"): "Arm Neoverse-V3AE",
    ("0x41", "0xd85"): "Arm Cortex-X925", ("0x41", "0xd87"): "Arm Cortex-A725", ("0x41", "0xd0b"): "Arm Cortex-A76",
    ("0xc0", "0xac3"): "Ampere-1", ("0xc0", "0xac4"): "Ampere-1a", ("0x51", "0x001"): "Qualcomm Oryon", ("0x48", "0xd01"): "HiSilicon TaiShan-v110",
}  # fmt: skip
DARWIN_FEATURES = {
    "hw.optional.arm.FEAT_DotProd": "asimddp",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_BF16": "bf16",
}


def cpu(world: World) -> tuple[Cpu, tuple[str, ...]]:
    """The processor, and notes on what limits or hides it."""
    if world.system == "linux":
        return _linux(world)
    return _darwin(world) if world.system == "darwin" else _psutil(world)


def _linux(world: World) -> tuple[Cpu, tuple[str, ...]]:
    text = world.read("/proc/cpuinfo") or ""
    info = fields(text)
    blocks = [fields(block) for block in re.split(r"\n\s*\n", text) if "processor" in block]
    threads = len(count_list(world.read("/sys/devices/system/cpu/online"))) or len(blocks) or None
    cores, sockets = _topology(world, blocks)
    allowed = len(count_list(fields(world.read("/proc/self/status")).get("Cpus_allowed_list")))
    quota, limit = quota_cpus(world)
    bounds = [float(bound) for bound in (threads, allowed or None) if bound] + ([quota] if quota else [])
    name = _name(world, info)
    flags = set((info.get("flags") or info.get("Features") or "").split())
    bandwidth, said = known_bandwidth(name)
    notes = []
    if threads and 0 < allowed < threads:
        notes.append(
            N_("CPU affinity lets this process run on {allowed} of {threads} CPUs", allowed=allowed, threads=threads)
        )
    if quota and limit and threads and quota < threads:
        notes.append(
            N_("{limit} lets this process use {quota:g} of {threads} CPUs", limit=limit, quota=quota, threads=threads)
        )
    if cores is None:
        notes.append(N_("the number of physical cores is not known (no topology in /proc/cpuinfo or sysfs)"))
    performance = len(count_list(world.read("/sys/devices/cpu_core/cpus")))  # hybrid Intel: threads of the P-cores
    p_cores = _cores_of(world, count_list(world.read("/sys/devices/cpu_core/cpus"))) if performance else None
    return Cpu(
        name=name,
        architecture=world.architecture,
        cores=cores,
        performance_cores=p_cores,
        threads=threads,
        usable_cores=min(bounds, default=None),
        sockets=sockets,
        features=tuple(feature for feature in FEATURES if feature in flags),
        bandwidth=bandwidth,
        bandwidth_from=said,
    ), tuple(notes)


def _name(world: World, info: Mapping[str, str]) -> str | None:
    """The model name; on Arm the core's name by its part number, else what the device tree calls the board."""
    part = (info.get("CPU implementer", "").casefold(), info.get("CPU part", "").casefold())
    name = info.get("model name") or ARM_PARTS.get(part) or world.read("/proc/device-tree/model")
    return re.sub(r"\s+", " ", name).strip() or None if name else None


def _topology(world: World, blocks: list[dict[str, str]]) -> tuple[int | None, int | None]:
    """(physical cores, sockets), each None where nothing says so."""
    pairs = {
        (block["physical id"], block["core id"]) for block in blocks if "core id" in block and "physical id" in block
    }
    if pairs:
        return len(pairs), len({package for package, _unused in pairs})
    base = "/sys/devices/system/cpu"
    indices = count_list(world.read(f"{base}/online"))
    cores = _cores_of(world, indices)
    packages = {world.read(f"{base}/cpu{index}/topology/physical_package_id") for index in indices} - {None, "-1"}
    return cores, len(packages) or None


def _cores_of(world: World, indices: tuple[int, ...]) -> int | None:
    """How many physical cores the CPUs of these indices are."""
    base = "/sys/devices/system/cpu"
    cores = {
        (world.read(f"{base}/cpu{i}/topology/physical_package_id"), core)
        for i in indices
        if (core := world.read(f"{base}/cpu{i}/topology/core_id")) is not None
    }
    return len(cores) or None


def count_list(text: str | None) -> tuple[int, ...]:
    """The CPUs of a kernel list.

    >>> count_list("0-3,8"), count_list(""), count_list(None)
    ((0, 1, 2, 3, 8), (), ())
    """
    found: list[int] = []
    for piece in (text or "").split(","):
        first, _unused, last = piece.strip().partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            found += range(int(first), min(int(last or first), int(first) + 65535) + 1)
    return tuple(found)


def quota_cpus(world: World) -> tuple[float | None, str | None]:
    """(CPUs, where) of the tightest CPU quota above us; (None, None) without one."""
    found = [(quota, f"{file} of {directory}") for quota, file, directory in _quotas(world)]
    return min(found, default=(None, None))


def _quotas(world: World) -> Iterator[tuple[float, str, str]]:
    for version, directory in directories(world, "cpu"):
        if version == 2:
            file, pair = "cpu.max", (world.read(f"{directory}/cpu.max") or "").split()
            quota, period = (integer(pair[0]), integer(pair[1])) if len(pair) == 2 else (None, None)
        else:
            file = "cpu.cfs_quota_us"
            quota, period = world.number(f"{directory}/{file}"), world.number(f"{directory}/cpu.cfs_period_us")
        if quota and period and period > 0 and 0 < quota / period < MOST_CPUS:
            yield quota / period, file, directory


def _darwin(world: World) -> tuple[Cpu, tuple[str, ...]]:
    names = (
        "machdep.cpu.brand_string",
        "hw.physicalcpu",
        "hw.logicalcpu",
        "hw.perflevel0.physicalcpu",
        *DARWIN_FEATURES,
    )
    said = fields(world.run(["sysctl", *names], world.timeout).out)
    name = said.get("machdep.cpu.brand_string")
    threads = integer(said.get("hw.logicalcpu"))
    features = ("asimd", *(short for long, short in DARWIN_FEATURES.items() if said.get(long) == "1"))
    bandwidth, source = known_bandwidth(name)
    return Cpu(
        name=name,
        architecture=world.architecture,
        cores=integer(said.get("hw.physicalcpu")),
        performance_cores=integer(said.get("hw.perflevel0.physicalcpu")),
        threads=threads,
        usable_cores=float(threads) if threads else None,
        features=features if name and name.startswith("Apple") else (),
        bandwidth=bandwidth,
        bandwidth_from=source,
    ), () if name else (N_("sysctl did not answer, so the CPU is not known"),)


def _psutil(world: World) -> tuple[Cpu, tuple[str, ...]]:
    """psutil's counts, each of which may be None; the name Windows keeps in the environment."""
    notes: tuple[str, ...] = ()
    try:
        psutil = world.psutil()
        cores, threads = psutil.cpu_count(logical=False), psutil.cpu_count(logical=True)
    except Exception as error:
        cores = threads = None
        notes = (N_("psutil could not read the CPU ({kind})", kind=type(error).__name__),)
    name = world.environ.get("PROCESSOR_IDENTIFIER")
    bandwidth, source = known_bandwidth(name)
    usable = float(threads) if threads and math.isfinite(threads) else None
    return Cpu(name, world.architecture, cores, threads, usable, bandwidth=bandwidth, bandwidth_from=source), notes
