"""RAM that this process may use, under every kind of cgroup (C01 to C08)."""

from __future__ import annotations

from types import SimpleNamespace

from qwenpick.machine.hardware import Machine
from qwenpick.machine.probe import CommandOutput
from qwenpick.units import GIB, KIB
from tests.machine.probe.conftest import Look

V2 = {
    "/proc/self/cgroup": "0::/user.slice/job\n",
    "/proc/self/mountinfo": "31 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
}
V1 = {
    "/proc/self/cgroup": "9:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n",
    "/proc/self/mountinfo": "40 32 0:35 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
}
JOB, SLICE, MEMORY = "/sys/fs/cgroup/user.slice/job", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup/memory"
TOTAL, FREE = 131072000 * KIB, 120000000 * KIB  # what the recorded /proc/meminfo says


def room(machine: Machine) -> tuple[float, float]:
    return (machine.ram_total or 0) / GIB, (machine.ram_free or 0) / GIB


def test_without_a_limit_it_is_memtotal_and_memavailable_and_never_swap(look: Look) -> None:
    machine = look()
    assert (machine.ram_total, machine.ram_free, machine.ram_installed) == (TOTAL, FREE, TOTAL)
    assert machine.sources["ram_total"] == "MemTotal in /proc/meminfo"


def test_a_v2_limit_is_the_total(look: Look) -> None:  # C01
    machine = look(
        {
            **V2,
            f"{JOB}/memory.max": str(8 * GIB),
            f"{JOB}/memory.current": str(3 * GIB),
            f"{JOB}/memory.stat": "anon 1\n",
        }
    )
    assert room(machine) == (8, 5) and machine.ram_installed == TOTAL
    assert machine.sources["ram_total"] == f"cgroup limit memory.max of {JOB}"


def test_a_soft_v2_limit_counts(look: Look) -> None:  # C01
    assert room(
        look({**V2, f"{JOB}/memory.max": "max", f"{JOB}/memory.high": str(6 * GIB), f"{JOB}/memory.current": "0"})
    ) == (6, 6)


def test_an_ancestors_limit_counts(look: Look) -> None:  # C02
    limits = {f"{JOB}/memory.max": "max", f"{JOB}/memory.current": str(GIB), f"{SLICE}/memory.max": str(16 * GIB)}
    assert room(look({**V2, **limits, f"{SLICE}/memory.current": str(10 * GIB)})) == (16, 6)


def test_total_and_free_may_be_bounded_by_different_cgroups(look: Look) -> None:  # C02
    limits = {
        f"{JOB}/memory.max": str(8 * GIB),
        f"{JOB}/memory.current": str(GIB),
        f"{SLICE}/memory.max": str(16 * GIB),
    }
    assert room(look({**V2, **limits, f"{SLICE}/memory.current": str(14 * GIB)})) == (8, 2)


def test_a_v1_limit_is_the_total_where_the_container_sees_its_own_root(look: Look) -> None:  # C03
    files = {f"{MEMORY}/memory.limit_in_bytes": str(4 * GIB), f"{MEMORY}/memory.usage_in_bytes": str(GIB)}
    assert room(look({**V1, **files})) == (4, 3)


def test_a_v1_ancestor_that_cannot_be_seen_counts(look: Look) -> None:  # C03
    files = {
        f"{MEMORY}/memory.limit_in_bytes": "9223372036854771712",
        f"{MEMORY}/memory.usage_in_bytes": str(GIB),
        f"{MEMORY}/memory.stat": f"hierarchical_memory_limit {2 * GIB}\ntotal_inactive_file {GIB // 2}\n",
    }
    assert room(look({**V1, **files})) == (2, 1.5)


def test_v1s_largest_number_is_no_limit(look: Look) -> None:  # C04
    files = {
        f"{MEMORY}/memory.limit_in_bytes": "9223372036854771712",
        f"{MEMORY}/memory.usage_in_bytes": str(100 * GIB),
    }
    machine = look({**V1, **files})
    assert (machine.ram_total, machine.ram_free) == (TOTAL, FREE)


HYBRID = {
    "/proc/self/cgroup": "4:memory:/job\n0::/job\n",
    "/proc/self/mountinfo": (
        "40 32 0:35 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    ),
}


def test_in_a_hybrid_the_v1_limit_counts(look: Look) -> None:  # C05
    files = {f"{MEMORY}/job/memory.limit_in_bytes": str(4 * GIB), f"{MEMORY}/job/memory.usage_in_bytes": "0"}
    assert room(look({**HYBRID, **files, "/sys/fs/cgroup/unified/job/cgroup.procs": ""})) == (4, 4)


def test_without_mountinfo_the_usual_places_are_read(look: Look) -> None:  # C05
    files = {
        "/proc/self/cgroup": "0::/\n",
        "/sys/fs/cgroup/memory.max": str(8 * GIB),
        "/sys/fs/cgroup/memory.current": "0",
    }
    assert room(look(files)) == (8, 8)


def test_a_path_above_the_namespace_falls_back_to_the_mount(look: Look) -> None:  # C05
    files = {
        **V2,
        "/proc/self/cgroup": "0::/../../other\n",
        "/sys/fs/cgroup/memory.max": str(8 * GIB),
        "/sys/fs/cgroup/memory.current": "0",
    }
    assert room(look(files)) == (8, 8)


def test_files_that_cannot_be_read_are_no_limit(look: Look) -> None:  # C06
    machine = look({**V2, f"{JOB}/memory.max/directory": "reading this fails", f"{JOB}/memory.high": "nonsense"})
    assert (machine.ram_total, machine.ram_free) == (TOTAL, FREE)


def test_a_limit_whose_use_is_unknown_bounds_the_free(look: Look) -> None:  # C06
    machine = look({**V2, f"{JOB}/memory.max": str(8 * GIB)})
    assert room(machine) == (8, 8)  # free is at most the total


def test_page_cache_that_nobody_reads_is_not_held(look: Look) -> None:  # C07
    files = {
        f"{JOB}/memory.max": str(8 * GIB),
        f"{JOB}/memory.current": str(8 * GIB),
        f"{JOB}/memory.stat": f"anon 1\ninactive_file {6 * GIB}\n",
    }
    assert room(look({**V2, **files})) == (8, 6)


def test_a_limit_above_the_ram_is_none(look: Look) -> None:  # C08
    machine = look({**V2, f"{JOB}/memory.max": str(500 * GIB), f"{JOB}/memory.current": str(GIB)})
    assert (machine.ram_total, machine.ram_free) == (TOTAL, FREE)


def test_a_cgroup_over_its_limit_has_nothing_free(look: Look) -> None:
    files = {f"{JOB}/memory.max": str(2 * GIB), f"{JOB}/memory.current": str(3 * GIB)}
    assert room(look({**V2, **files})) == (2, 0)


def test_an_old_kernel_without_memavailable_is_estimated(look: Look) -> None:
    meminfo = "MemTotal: 1000000 kB\nMemFree: 100000 kB\nBuffers: 50000 kB\nCached: 400000 kB\nShmem: 30000 kB\n"
    machine = look({"/proc/meminfo": meminfo})
    assert machine.ram_free == (100000 + 50000 + 400000 - 30000) * KIB
    assert "has no MemAvailable" in machine.sources["ram_free"]


def test_ram_that_nothing_tells_is_none_and_says_so(look: Look) -> None:
    machine = look({"/proc/meminfo": ""}, psutil=lambda: SimpleNamespace())
    assert machine.ram_total is None and machine.ram_free is None
    assert any("/proc/meminfo could not be read" in note for note in machine.notes)


def test_macos_counts_the_pages_it_can_give_up(look: Look) -> None:
    vm_stat = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free: 100000.\nPages active: 900000.\n"
        "Pages inactive: 200000.\nPages speculative: 5000.\nPages purgeable: 1000.\n"
    )
    machine = look(
        system="darwin", outputs={"sysctl": CommandOutput(f"{16 * GIB}\n", 0), "vm_stat": CommandOutput(vm_stat, 0)}
    )
    assert (machine.ram_total, machine.ram_free) == (16 * GIB, 306000 * 16384)


def test_windows_asks_psutil(look: Look) -> None:
    memory = SimpleNamespace(total=32 * GIB, available=20 * GIB)
    fake = SimpleNamespace(virtual_memory=lambda: memory, cpu_count=lambda logical: 8 * (1 + logical))
    machine = look(system="windows", psutil=lambda: fake)
    assert room(machine) == (32, 20) and (machine.cpu.cores, machine.cpu.threads) == (8, 16)
