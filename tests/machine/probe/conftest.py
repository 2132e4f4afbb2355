"""`look`: probe a recorded box."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import Machine
from qwenpick.machine.probe import CommandOutput, World, probe
from tests.machine.probe.recorded import CPUINFO, MEMINFO_128, check_sane, no_nvml, plant, said

Look = Callable[..., Machine]


@pytest.fixture
def look(tmp_path: Path, catalog: Catalog) -> Look:
    """Probe a recorded box: 125 GiB of RAM and an EPYC unless the files say otherwise, no tool and no NVML unless given."""

    def probe_recorded(
        files: Mapping[str, str] = {},
        *,
        nvml: Any = None,
        loader: Callable[[], Any] | None = None,
        outputs: Mapping[str, CommandOutput] = {},
        environ: Mapping[str, str] = {},
        timeout: float = 5.0,
        **options: Any,
    ) -> Machine:
        plant(tmp_path, {"/proc/meminfo": MEMINFO_128, "/proc/cpuinfo": CPUINFO, **files})
        world = World(
            root=tmp_path,
            environ={"HOME": "/home/me", **environ},
            system=options.pop("system", "linux"),
            architecture=options.pop("architecture", "x86_64"),
            run=options.pop("run", None) or said(outputs),
            nvml=loader or (no_nvml if nvml is None else lambda: nvml),
            timeout=timeout,
            **options,
        )
        machine = probe(catalog, world)
        check_sane(machine)
        return machine

    return probe_recorded
