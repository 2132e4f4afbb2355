"""How much of an accelerator's memory its driver gives out, and how much of the RAM a part with unified memory may use."""

from __future__ import annotations

from qwenpick.catalog.schema import Gpu
from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_
from qwenpick.units import GIB

# Metal's recommendedMaxWorkingSetSize as a share of RAM: the lowest seen in public logs up to 2026-11, so macOS 13-15 mostly.
METAL_SHARE_SMALL, METAL_SHARE_LARGE, METAL_SMALL_RAM = 2 / 3, 3 / 4, 32 * GIB
METAL_SEEN = {16 * GIB: 11453251584, 48 * GIB: 40200896512, 256 * GIB: 223338299392, 512 * GIB: 498216206336}
METAL_SHARE_NEWER = {16 * GIB: 0.74, 32 * GIB: 0.78, 64 * GIB: 0.81, 128 * GIB: 0.84}  # macOS 15-26, M3 to M5 Max

# A Mac of 64 GB had 17 GB in use with all programs quit and 34 GB with the usual ones (github.com/ddalcu/mlx-serve issue 440): between them, and 5 %
# for what engines keep of earlier prompts. Larger ones are not filled in proportion: half of that share beyond, our estimate.
MAC_KEEPS, MAC_KEEPS_BEYOND, MAC_LARGE = 0.45, 0.2, 64 * GIB

# GB10: MemTotal 127600748 kB of 128 GiB (driver 580). The rest is the firmware's.
NVIDIA_UNIFIED_SHARE = 127600748 * 1024 / (128 * GIB)
STRIX_HALO_SHARE = 0.75  # the largest BIOS carve-out: 96 of 128 GiB
INTEGRATED_SHARE = 0.5  # amdgpu's GTT default, and Intel's: half of RAM
DISCRETE_SHARE = 0.995  # GeForce RTX 50 reports 32607 of 32768 MiB and so on down: nothing without ECC reports less


def usable_memory(gpu: Gpu) -> tuple[int, str | None]:
    """Bytes that the driver would report as total, and the assumption where it is one. Unified memory: of the RAM it is sold with."""
    if gpu.unified:
        return unified_memory(gpu, sold_memory(gpu, "--ram"))
    if gpu.usable_bytes:
        return gpu.usable_bytes, None
    return round(sold_memory(gpu, "--vram") * DISCRETE_SHARE), N_(
        "assuming 99.5% of the nominal memory is usable (what its driver reports is not known)"
    )


def unified_memory(gpu: Gpu, ram: int) -> tuple[int, str]:
    """Bytes of `ram` that the GPU may use, and why that many."""
    if gpu.vendor == "apple":
        return metal_working_set(ram)
    if gpu.vendor == "nvidia":
        return round(ram * NVIDIA_UNIFIED_SHARE), N_(
            "unified memory: the GPU may use all RAM that the system sees (GB10 sees 95%)"
        )
    if gpu.segment == "datacenter":
        return ram, N_("unified memory: CPU and GPU share all of it")
    if gpu.compute_capability == "gfx1151":
        return round(ram * STRIX_HALO_SHARE), (
            N_(
                "assuming three quarters of RAM (96 of 128 GiB): the driver gives half until the BIOS setting or ttm.pages_limit is raised"
            )
        )
    return round(ram * INTEGRATED_SHARE), N_("assuming half of RAM: the driver's default for integrated graphics")


def mac_keeps(ram: int) -> int:
    """Bytes of a Mac's one memory that macOS and the usual programs hold, which a model that shares it cannot have.

    >>> [round(mac_keeps(size * GIB) / GIB, 1) for size in (16, 64, 128)]
    [7.2, 28.8, 41.6]
    """
    return round(MAC_KEEPS * min(ram, MAC_LARGE) + MAC_KEEPS_BEYOND * max(0, ram - MAC_LARGE))


def metal_working_set(ram: int) -> tuple[int, str]:
    """Bytes that Metal lets the GPU use of `ram`, conservatively, and what newer macOS gives.

    >>> metal_working_set(64 * GIB)[0] / GIB
    48.0
    """
    share = METAL_SHARE_SMALL if ram <= METAL_SMALL_RAM else METAL_SHARE_LARGE
    working_set = METAL_SEEN.get(ram, int(ram * share))
    newer = METAL_SHARE_NEWER.get(ram)
    more = N_("; newer versions {newer:.0%}", newer=newer) if newer else ""
    return (
        working_set,
        N_(
            "macOS lets the GPU use {working_set:.0%} of RAM{more} (iogpu.wired_limit_mb raises it)",
            working_set=working_set / ram,
            more=more,
        ),
    )


def sold_memory(gpu: Gpu, option: str) -> int:
    """Its nominal memory. Raises QwenpickError that asks for `option` where nobody states it."""
    if gpu.memory_bytes is None:
        raise QwenpickError(
            N_(
                "how much memory a {id} has depends on the machine; give {option}, e.g. {option} 32GiB",
                id=gpu.id,
                option=option,
            )
        )
    return gpu.memory_bytes
