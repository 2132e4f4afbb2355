"""End to end: the real binding loads a library named libnvidia-ml.so.1, and the command line prints what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qwenpick.units import MIB

COMPILER = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the library's name and LD_LIBRARY_PATH are Linux's"),
    pytest.mark.skipif(COMPILER is None, reason="no C compiler here to build the stub library with"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("driver")
    source = Path(__file__).with_name("stub_nvml.c")
    command = [
        str(COMPILER),
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-Werror",
        "-o",
        str(directory / "libnvidia-ml.so.1"),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return directory


def machine(library: Path, **environ: str) -> tuple[dict[str, Any], int]:
    """What `qwenpick machine --json` prints on a box with that library, and its exit code."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("VISIBLE_DEVICES")}
    done = subprocess.run(
        [sys.executable, "-m", "qwenpick", "machine", "--json"],
        env={**clean, "LD_LIBRARY_PATH": str(library), "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)["machine"]
    return document, done.returncode


def test_the_driver_is_read_through_its_library(library: Path) -> None:
    box, code = machine(library)
    good, lost = box["devices"]
    assert (good["name"], good["gpu"], good["total"], good["free"]) == ("NVIDIA L40S", "l40s", 46068 * MIB, 45000 * MIB)
    assert (good["reserved"], good["memory_from"], good["ecc"]) == (568 * MIB, "NVML memory v2", True)
    assert (good["pci_id"], good["pci_bus"], good["compute_capability"]) == (
        "10de:26b9/10de:1851",
        "0000:c1:00.0",
        "8.9",
    )
    assert (box["driver"], box["cuda"]) == ("580.159.04", "13.0")
    assert lost["total"] is None and box["unreadable"] == ["GPU 1: the GPU is lost (it fell off the bus)"]
    assert code == 3  # there is hardware that could not be read


def test_a_call_that_the_library_lacks_costs_one_value(library: Path) -> None:
    box, _ = machine(library)  # the stub has no nvmlDeviceGetComputeRunningProcesses
    assert box["devices"][0]["used_by"] == []


def test_the_environment_hides_devices_of_a_real_binding(library: Path) -> None:
    box, _ = machine(library, CUDA_VISIBLE_DEVICES="")
    assert box["devices"] == [] and len(box["hidden"]) == 2
