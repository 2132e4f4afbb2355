"""What a GPU's driver and libraries take on top of llama.cpp's buffers: context, cuBLAS workspace, memory pool, kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import N_
from qwenpick.units import GIB, MIB

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Device

# (bytes, where seen) by CUDA compute capability: the driver's peak for the process less all buffers
_HOPPER = (608 * MIB, N_("measured on H200, driver 580, CUDA 13: 595-625 MiB"))
_BLACKWELL = (
    450 * MIB,
    N_("public reports of RTX 50 and RTX PRO Blackwell, 2026: 250-650 MiB beside llama.cpp's buffers"),
)
# A context grows with the chip's multiprocessors: RTX 5060 Laptop (26 of them) 167-189 MiB, RTX 5060 Ti (36) 233, RTX 5090 (170) 293-460
_SMALL_BLACKWELL = (
    260 * MIB,
    N_("public reports of RTX 5060 Ti and 5060 Laptop, 2026: 170-235 MiB beside llama.cpp's buffers"),
)
_SMALLEST_BLACKWELL = 200 * MIB, _SMALL_BLACKWELL[1]
SMALL, SMALLEST = 20 * GIB, 10 * GIB  # chips beside less memory have 26 to 84 and 20 to 36 multiprocessors
_SPARK = (750 * MIB, N_("public logs of GB10, 2025-2026: about 750 MiB"))
_ADA = (450 * MIB, N_("public logs of RTX 4090, 2025: about 450 MiB"))
_AMPERE = (
    500 * MIB,
    N_("public reports of A100, RTX 3080, 3090 and V100, 2026: 500-600 MiB beside llama.cpp's buffers"),
)
_OLDER = (450 * MIB, N_("as Ada: no logs"))
_UNKNOWN = (608 * MIB, N_("as H200: compute capability not known"))
_OTHER_VENDORS = (300 * MIB, N_("no measurements: HIP, SYCL and Vulkan keep less than CUDA"))
_RADV = (
    32 * MIB,
    N_("public reports of RX 7900 XTX and R9700 over Vulkan, 2026: next to nothing beside llama.cpp's buffers"),
)
_METAL = (128 * MIB, N_("no measurements: Metal keeps pipelines and a residency set only"))

# More on H200 where a prompt runs through 16-bit weights or routed experts: dequantized copies and cuBLAS workspaces (705-720 MiB in all)
POOL = 110 * MIB


def driver_bytes(device: Device, pool: int, backend: str = "") -> int:
    """Bytes that a GPU's driver takes, with the `pool` that CUDA and cuBLAS keep for a model."""
    size, _unused = _base(device, backend)
    return size + pool if device.vendor == "nvidia" else size


def driver_source(device: Device, pool: int, backend: str) -> str:
    """Where that was seen."""
    _unused, source = _base(device, backend)
    if not pool or device.vendor != "nvidia":
        return source
    return N_(
        "{source}; + {pool} MiB pool (16-bit weights, experts, or scores without flash attention)",
        source=source,
        pool=pool // MIB,
    )


def _base(device: Device, backend: str) -> tuple[int, str]:
    if device.vendor == "apple":
        return _METAL
    if device.vendor == "amd" and backend.casefold().startswith("vulkan"):
        return _RADV
    if device.vendor != "nvidia":
        return _OTHER_VENDORS
    if device.capability is None:
        return _UNKNOWN
    if device.capability == (12, 1):
        return _SPARK
    if device.capability >= (10, 0):
        size = device.total or SMALL
        return _SMALLEST_BLACKWELL if size < SMALLEST else _SMALL_BLACKWELL if size < SMALL else _BLACKWELL
    if device.capability >= (9, 0):
        return _HOPPER
    if device.capability >= (8, 9):
        return _ADA
    return _AMPERE if device.capability >= (7, 0) else _OLDER
