"""Which build of llama.cpp a box needs, and where it comes from: one without its GPU's backend runs all on the CPU, and only its log says so.

Files: llama.cpp .github/workflows/release.yml and docs/install.md (2026-11); winget's build is Vulkan's (llama.cpp issue 8188), brew's
for Linux has no CUDA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Device

RELEASES = "https://github.com/ggml-org/llama.cpp/releases"
_BREW, _WINGET = "`brew install llama.cpp`", "`winget install llama.cpp`"
_DOCS = "https://github.com/ggml-org/llama.cpp/blob/master/docs"
_FILES = {
    "amd": {"linux": "ubuntu-rocm", "windows": "win-hip-radeon"},
    "intel": {"linux": "ubuntu-sycl", "windows": "win-sycl"},
}
# what its builds with ROCm are compiled for (release.yml, gpu_targets); others of AMD's have Vulkan
_TARGETS = {
    "linux": "gfx908 gfx90a gfx942 gfx1030 gfx1100 gfx1101 gfx1102 gfx1150 gfx1151 gfx1200 gfx1201".split(),
    "windows": "gfx1030 gfx1031 gfx1032 gfx1100 gfx1101 gfx1102 gfx1150 gfx1151 gfx1200 gfx1201".split(),
}
# The oldest GPUs that a CUDA still compiles for: 13 from Turing, 12 from Maxwell on (release notes of CUDA 13.0 and 12.0)
_CUDA_13, _CUDA_12 = (7, 5), (5, 0)


def llamacpp_build(devices: tuple[Device, ...], system: str, backend: str) -> str:
    """Where a llama-server that uses these GPUs is got; any build where there are none. GPUs of several makers have Vulkan in common."""
    vendors = {device.vendor for device in devices}
    vendor = devices[0].vendor if devices else ""
    if system == "darwin":
        return _BREW
    unbuilt = vendor == "amd" and any(
        (d.compute_capability or "gfx1100") not in _TARGETS.get(system, ()) for d in devices
    )
    if unbuilt or len(vendors) > 1 or (vendor and backend.casefold().startswith("vulkan")):
        return f"`llama-*-bin-{'win' if system == 'windows' else 'ubuntu'}-vulkan-*`, {RELEASES}"
    if vendor == "nvidia":
        return _cuda(min(device.capability or _CUDA_13 for device in devices), system)
    if file := _FILES.get(vendor, {}).get(system):
        return _("`llama-*-bin-{file}-*`, or `-vulkan-*`, of {releases}", file=file, releases=RELEASES)
    if vendor:
        return _("a build for this GPU: {docs}/build.md", docs=_DOCS)
    return f"{_WINGET if system == 'windows' else _BREW}, {RELEASES}"


def _cuda(capability: tuple[int, int], system: str) -> str:
    """Of the CUDA that the oldest of the cards needs."""
    if capability < _CUDA_12:
        return _("a build of your own with CUDA 11, the last that knows these cards: {docs}/build.md", docs=_DOCS)
    if system == "windows":
        return _(
            "`llama-*-bin-win-cuda-{cuda}*` and the `cudart-*` beside it, {releases} ({winget} has no CUDA)",
            cuda="12" if capability < _CUDA_13 else "13",
            releases=RELEASES,
            winget=_WINGET,
        )
    return _(
        "a build with {cuda}, as conda-forge's: {docs}/install.md (brew's and llama.cpp's own for Linux have none)",
        cuda="CUDA 12" if capability < _CUDA_13 else "CUDA",
        docs=_DOCS,
    )
