"""Whatever a driver, a file or a tool says, the probe gives a machine: JSON-serialisable, nothing negative, nothing free beyond its total."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwenpick.catalog import Catalog
from qwenpick.machine.probe import CommandOutput, World, probe
from qwenpick.units import MIB
from tests.machine.probe.recorded import Card, FakeNvml, check_sane, error, plant

JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.binary(max_size=8),
    st.lists(st.integers(-5, 5), max_size=3), st.just(object()), st.sampled_from([1, 3, 4, 6, 9, 12, 15, 18, 99, 999]).map(error),
    st.sampled_from([OSError("x"), AttributeError("x"), UnicodeDecodeError("utf-8", b"x", 0, 1, "x"), ValueError("x")]),
)  # fmt: skip
MEMORY = st.one_of(
    JUNK.filter(lambda junk: isinstance(junk, Exception)),
    st.tuples(st.integers(-(2**40), 2**50), st.integers(-(2**40), 2**50)).map(
        lambda pair: (pair[0] / MIB, pair[1] / MIB)
    ),
    st.tuples(st.integers(0, 200_000), st.integers(0, 200_000)),
)
CARDS = st.builds(
    Card, name=JUNK, memory=MEMORY, memory_v2=JUNK, capability=JUNK, uuid=JUNK, bus=JUNK, device_id=JUNK, handle=JUNK, ecc=JUNK,
    processes=st.one_of(JUNK, st.lists(st.builds(SimpleNamespace, pid=JUNK, usedGpuMemory=JUNK), max_size=2)),
    mig=st.one_of(st.none(), st.dictionaries(st.integers(0, 3), st.builds(Card, name=JUNK, memory=MEMORY, uuid=JUNK), max_size=2)),
)  # fmt: skip
NUMBERS = st.one_of(st.integers(-(2**65), 2**65).map(str), st.text(max_size=12), st.just("max"))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    cards=st.lists(CARDS, max_size=3), init=JUNK, count=st.one_of(st.none(), JUNK), version=JUNK,
    visible=st.one_of(st.none(), st.text(max_size=10), st.just("0,1"), st.just("GPU-")),
)  # fmt: skip
def test_no_answer_of_nvml_breaks_the_probe(
    catalog: Catalog, cards: list[Card], init: Any, count: Any, version: Any, visible: str | None
) -> None:
    nvml = FakeNvml(*cards, init=init, count=count, driver=version, cuda=version)
    environ = {"HOME": "/h"} if visible is None else {"HOME": "/h", "CUDA_VISIBLE_DEVICES": visible}
    world = World(Path("/nowhere"), environ, "linux", nvml=lambda: nvml, run=mute, timeout=1.0)
    check_sane(probe(catalog, world))


def mute(command: Sequence[str], timeout: float) -> CommandOutput:
    return CommandOutput(problem=f"{command[0]} is not installed")


FILES = (
    "/proc/meminfo", "/proc/cpuinfo", "/proc/self/cgroup", "/proc/self/mountinfo", "/proc/self/status", "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/cpu.max", "/sys/devices/system/cpu/online",
    "/sys/class/drm/card0/device/mem_info_vram_total", "/sys/class/drm/card0/device/mem_info_vram_used",
    "/sys/class/drm/card0/device/mem_info_gtt_total",
    "/sys/class/drm/card0/lmem_total_bytes", "/sys/class/drm/card0/device/tile0/physical_vram_size_bytes", "/proc/device-tree/model",
    "/sys/class/kfd/kfd/topology/nodes/1/properties",
)  # fmt: skip
LINES = st.one_of(
    NUMBERS,
    st.builds("MemTotal: {} kB\nMemAvailable: {} kB".format, NUMBERS, NUMBERS),
    st.builds("inactive_file {}".format, NUMBERS),
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    contents=st.dictionaries(st.sampled_from(FILES), LINES, max_size=12),
    vendor=st.sampled_from(["0x1002", "0x8086", "0x10de", "junk"]),
)
def test_no_content_of_a_file_breaks_the_probe(catalog: Catalog, contents: dict[str, str], vendor: str) -> None:
    chip = {"/sys/class/drm/card0/device/vendor": vendor, "/sys/class/drm/card0/device/device": "0x744c"}
    with tempfile.TemporaryDirectory() as directory:
        plant(
            Path(directory),
            {**chip, **{name: text.encode("utf-8", "replace").decode() for name, text in contents.items()}},
        )
        world = World(Path(directory), {"HOME": "/h"}, "linux", nvml=unavailable, psutil=unavailable, run=mute)
        check_sane(probe(catalog, world))


def unavailable() -> Any:
    raise ImportError


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    system=st.sampled_from(["darwin", "windows", "linux"]),
    out=st.one_of(
        st.text(max_size=60),
        st.builds("hw.memsize: {0}\nmachdep.cpu.brand_string: Apple M3\nhw.optional.arm64: 1\niogpu.wired_limit_mb: {0}".format, NUMBERS),
        st.builds('{{"adapters": {{"Name": "x", "AdapterRAM": {0}}}, "registry": [{0}]}}'.format, st.integers(-(2**65), 2**65)),
        st.builds("| 0 910B | OK | 1 |\n| 0 | 0000:C1:00.0 | 0 {0} / {1} |".format, st.integers(0, 2**65), st.integers(0, 2**65)),
        st.builds("0, GPU-1, 0:1:0, {0}, {0}, x, {0}, {0}, {0}, {0}".format, NUMBERS),
    ),
)  # fmt: skip
def test_no_output_of_a_tool_breaks_the_probe(catalog: Catalog, system: str, out: str) -> None:
    run: Callable[[Sequence[str], float], CommandOutput] = lambda command, timeout: CommandOutput(out, 0)  # noqa: E731
    with tempfile.TemporaryDirectory() as directory:
        plant(Path(directory), {"/dev/davinci_manager": "", "/dev/nvidiactl": ""})
        world = World(Path(directory), {"HOME": "/h"}, system, nvml=unavailable, psutil=unavailable, run=run)
        check_sane(probe(catalog, world))
