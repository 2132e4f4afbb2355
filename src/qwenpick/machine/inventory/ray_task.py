"""What runs on each Ray node: the probe where qwenpick is installed there, else what the standard library and nvidia-smi say.

It imports nothing of qwenpick at the top, since a node may not have it: Ray gets this module by value.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

HIDING = (
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "ONEAPI_DEVICE_SELECTOR",
    "ASCEND_RT_VISIBLE_DEVICES",
)
COLUMNS = "name,memory.total,memory.free"
SECONDS = 20


def look() -> dict[str, Any]:
    """`{"machine": …}` as `qwenpick machine --save` writes it, or `{"gpus": [[name, MiB, free MiB], …], "ram_kib", "ram_free_kib"}`."""
    # Ray hides GPUs from a task that asks for none
    shown = {name: text for name, text in os.environ.items() if name not in HIDING}
    try:
        from qwenpick.machine.file import to_json
        from qwenpick.machine.probe import World, probe

        return {"machine": to_json(probe(world=World(environ=shown)))}
    except ImportError:
        return {"gpus": _smi(shown), **_memory()}


def _smi(environ: dict[str, str]) -> list[list[str]]:
    try:
        asked = subprocess.run(
            ["nvidia-smi", f"--query-gpu={COLUMNS}", "--format=csv,noheader,nounits"],  # noqa: S607 - where it lies differs
            capture_output=True, text=True, timeout=SECONDS, check=True, env=environ,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[word.strip() for word in line.split(",")] for line in asked.stdout.splitlines()]
    return [row for row in rows if len(row) == 3]


def _memory() -> dict[str, int]:
    found = {}
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123 - the standard library alone
            for line in file:
                name, _colon, amount = line.partition(":")
                if name in ("MemTotal", "MemAvailable"):
                    found["ram_kib" if name == "MemTotal" else "ram_free_kib"] = int(amount.split()[0])
    except (OSError, ValueError, IndexError):
        return {}
    return found
