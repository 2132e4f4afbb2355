"""The processor: cores, quota, affinity, instructions, and what bandwidth its memory has."""

from __future__ import annotations

import pytest

from qwenpick.machine.probe import CommandOutput
from qwenpick.machine.probe.bandwidth import known_bandwidth
from tests.machine.probe.conftest import Look

CPUS = {"/sys/devices/system/cpu/online": "0-3"}
HYPERTHREADED = "".join(
    f"processor\t: {i}\nmodel name\t: Intel(R) Xeon(R) Platinum 8480+\nphysical id\t: {i % 2}\ncore id\t: {i // 4}\n"
    "flags\t: avx2 avx512f amx_int8 foo\n\n"
    for i in range(8)
)


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n"}, 4),
        (
            {
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/cpu.max": "200000 100000\n",
                "/sys/fs/cgroup/a/b/cpu.max": "max 100000",
            },
            2,
        ),
        (
            {
                "/proc/self/cgroup": "3:cpu:/job\n",
                "/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "50000",
                "/sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000",
            },
            0.5,
        ),
        (
            {
                "/proc/self/cgroup": "3:cpu:/job\n",
                "/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "-1",
                "/sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000",
            },
            4,
        ),
        ({"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "garbage\n"}, 4),
        ({"/proc/self/status": "Name:\tpython\nCpus_allowed_list:\t0,2\n"}, 2),
        (
            {
                "/proc/self/status": "Cpus_allowed_list:\t0-2\n",
                "/proc/self/cgroup": "0::/\n",
                "/sys/fs/cgroup/cpu.max": "100000 100000",
            },
            1,
        ),
    ],
)  # C09
def test_usable_is_the_tightest_of_quota_and_affinity(look: Look, files: dict[str, str], cpus: float) -> None:
    machine = look({**CPUS, **files})
    assert machine.cpu.usable_cores == cpus and machine.cpu.threads == 4


def test_hyperthreads_are_no_cores_and_sockets_are_counted(look: Look) -> None:
    # 8 processors, 2 packages, core ids 0 and 1 in each: 4 cores
    cpu = look({"/proc/cpuinfo": HYPERTHREADED}).cpu
    assert (cpu.threads, cpu.cores, cpu.sockets) == (8, 4, 2)
    assert cpu.features == ("avx2", "avx512f", "amx_int8")


def test_an_arm_core_is_named_by_its_part_and_counted_by_sysfs(look: Look) -> None:
    topology = {f"/sys/devices/system/cpu/cpu{i}/topology/core_id": str(i) for i in range(4)}
    cpuinfo = (
        "processor\t: 0\nFeatures\t: fp asimd asimddp sve2 i8mm bf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n"
    )
    cpu = look({**CPUS, **topology, "/proc/cpuinfo": cpuinfo}, architecture="aarch64").cpu
    assert (cpu.name, cpu.cores, cpu.threads) == ("Arm Neoverse-V2", 4, 4)
    assert cpu.features == ("asimd", "asimddp", "sve2", "i8mm", "bf16")


def test_cores_that_nothing_tells_are_none_and_said(look: Look) -> None:
    machine = look({"/proc/cpuinfo": "processor\t: 0\nFeatures\t: asimd\n"})
    assert machine.cpu.cores is None and any("physical cores is not known" in note for note in machine.notes)


def test_performance_cores_of_a_hybrid_are_counted(look: Look) -> None:
    # cpu0 and cpu1 are the two threads of the one P-core, cpu2 and cpu3 are E-cores
    topology = {f"/sys/devices/system/cpu/cpu{i}/topology/core_id": str(max(0, i - 1)) for i in range(4)}
    assert look({**CPUS, **topology, "/sys/devices/cpu_core/cpus": "0-1"}).cpu.performance_cores == 1


def test_an_apple_chip_is_read_by_sysctl(look: Look) -> None:
    text = (
        "machdep.cpu.brand_string: Apple M3 Max\nhw.physicalcpu: 16\nhw.logicalcpu: 16\nhw.perflevel0.physicalcpu: 12\n"
        "hw.optional.arm.FEAT_I8MM: 1\nhw.optional.arm.FEAT_BF16: 1\n"
    )
    cpu = look(system="darwin", architecture="arm64", outputs={"sysctl": CommandOutput(text, 0)}).cpu
    assert (cpu.name, cpu.cores, cpu.performance_cores) == ("Apple M3 Max", 16, 12)
    assert cpu.features == ("asimd", "i8mm", "bf16")


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("AMD EPYC 7763 64-Core Processor", 204.8),
        ("AMD EPYC 9654 96-Core Processor", 460.8),
        ("AMD EPYC 9755 128-Core Processor", 576.0),
        ("Intel(R) Xeon(R) Platinum 8480+", 307.2),
        ("Intel(R) Xeon(R) Platinum 8568Y+", 358.4),
        ("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 140.8),
        ("AMD Ryzen 9 7950X 16-Core Processor", 83.2),
        ("AMD Ryzen 9 9950X 16-Core Processor", 89.6),
        ("AMD Ryzen 7 7840HS w/ Radeon 780M Graphics", 51.2),  # a laptop part: DDR5 or LPDDR5, unknown
        ("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S", 256.0),
        ("AMD Ryzen AI 9 HX 370 w/ Radeon 890M", 120.0),
        ("Intel(R) Core(TM) i9-14900K", 51.2),  # takes DDR4-3200 as well as DDR5-5600: the lower is assumed
        ("AMD EPYC", 51.2),  # a virtual machine that hides its model
        (None, 51.2),
    ],
)
def test_bandwidth_is_the_platforms_or_assumed(name: str | None, gigabytes: float) -> None:
    bandwidth, said = known_bandwidth(name)
    assert bandwidth == gigabytes * 1e9
    assert said.startswith("assumed" if gigabytes == 51.2 else "platform table")
