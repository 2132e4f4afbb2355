"""What of a device decides speed: its bandwidth, its rates, and the class whose measured efficiency applies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from qwenpick.machine.mig import compute_share
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Gpu
    from qwenpick.catalog.schema import Rates
    from qwenpick.machine.hardware import Cpu, Device

Class = Literal[
    "pascal",
    "volta",
    "turing",
    "ampere",
    "ada",
    "blackwell",
    "a100",
    "hopper",
    "h20",
    "spark",
    "rdna",
    "rdna-vulkan",
    "cdna",
    "amd-apu",
    "amd-apu-vulkan",
    "apple",
    "apple-m5",
    "arc",
    "arc-vulkan",
    "arc-xe2",
    "arc-xe2-vulkan",
    "ascend",
    "other",
    "cpu",
]

# Operations per byte of bandwidth where no datasheet rate is known (FP16 matrix rate / memory bandwidth of the class):
# Apple states none (M1 Max 10.4 TFLOP/s at 400 GB/s by its FP32 rate, M3 Ultra 28 at 819, M4 Max 18 at 546; M5's matrix units about four times that).
FLOP_PER_BYTE: dict[Class, float] = {
    "pascal": 20, "volta": 100, "turing": 90, "ampere": 75, "ada": 160, "blackwell": 110, "a100": 150, "hopper": 250, "h20": 37, "spark": 400,
    "rdna": 120, "rdna-vulkan": 120, "cdna": 200, "amd-apu": 230, "amd-apu-vulkan": 230,
    "apple": 30, "apple-m5": 120, "arc": 200, "arc-vulkan": 200, "arc-xe2": 200, "arc-xe2-vulkan": 200, "ascend": 200, "other": 60, "cpu": 10,
}  # fmt: skip

# Vector rate / INT8 matrix rate by generation: dequantization and mat-vec kernels run there (4090: 661 TOP/s and 82.6 TFLOP/s FP32; A100: 624 and
# 19.5; H100: 1979 and 67; H20: 296 and 44; RTX 2080: 161 and 10).
VECTOR_PER_INT8: dict[Class, float] = {
    "turing": 1 / 16,
    "ampere": 1 / 8,
    "ada": 1 / 8,
    "blackwell": 1 / 8,
    "a100": 1 / 32,
    "hopper": 1 / 30,
    "h20": 1 / 7,
    "spark": 1 / 8,
}


# GTX 10 and P40 run 16 bits at a 64th of the rate of 32; GP100 at twice that rate
PASCAL_FP32_PER_FP16 = {False: 64, True: 0.5}
PASCAL_DP4A = 4  # operations of 8 bits for one of 32 (P40: 47 TOP/s and 11.8 TFLOP/s)
VOLTA_FP32 = 1 / 8  # of the tensor cores' rate (V100: 125 and 15.7 TFLOP/s)

CUT = 100  # operations for a byte of bandwidth, below which a Hopper is an H20
PCIE = 20e9  # bytes/s that llama.cpp's copies reach over PCIe 4.0 x16 (31.5 GB/s by the standard)


@dataclass(frozen=True, slots=True)
class Place:
    """Where layers run: bandwidth in bytes/s, rates in FLOP/s (OP/s).

    `rate` is that of 16-bit matrices, `int8` of the integer matrix units where llama.cpp has kernels for them, `vector` that of the units outside
    (None: not known to be a limit). `link` is bytes/s to other devices, `nvlink` whether that is NVLink.
    """

    kind: Class
    name: str
    bandwidth: float
    rate: float
    vector: float | None = None
    int8: float | None = None
    link: float = PCIE
    nvlink: bool = False


def by_vulkan(kind: Class) -> bool:
    """Whether llama.cpp's Vulkan backend runs there."""
    return kind.endswith("-vulkan")


def class_of(device: Device, gpu: Gpu | None) -> Class:
    """The efficiency class of a device, from its vendor, compute capability, and whether memory is unified."""
    capability = (gpu.compute_capability if gpu else None) or device.compute_capability or ""
    match device.vendor:
        case "nvidia":
            unified = gpu.unified and gpu.segment == "soc" if gpu else device.unified
            return (
                "spark"
                if unified
                else _nvidia(capability, bool(gpu and gpu.segment == "datacenter"), bool(gpu and _cut(gpu)))
            )
        case "amd":
            if device.unified or device.kind == "igpu" or bool(gpu and gpu.unified):
                return "amd-apu"
            if capability.startswith("gfx"):  # a Radeon PRO V620 stands in servers and is an RX 6900 XT
                return "cdna" if capability.startswith("gfx9") else "rdna"
            return "cdna" if gpu and gpu.segment == "datacenter" else "rdna"
        case "apple":
            generation = ((gpu.generation if gpu else None) or device.name).replace("Apple ", "")
            return "apple-m5" if generation[:2] >= "M5" else "apple"
        case "intel":
            return "arc-xe2" if ((gpu.generation if gpu else None) or "").startswith(("Xe2", "Xe3")) else "arc"
        case "ascend":
            return "ascend"
        case _:
            return "other"


def _nvidia(capability: str, datacenter: bool, cut: bool) -> Class:
    """The generation by compute capability; where that is not known, the newest with rows."""
    try:
        version = float(capability)
    except ValueError:
        return "hopper" if datacenter else "blackwell"
    if version < 7:
        return "pascal"
    if version < 7.5:
        return "volta"
    if version < 8:
        return "turing"
    if version == 8.0:
        return "a100"
    if 9 <= version < 11:  # H100, H200, B200
        return "h20" if cut else "hopper"
    if version < 8.9:
        return "ampere"
    return "ada" if version < 12 else "blackwell"


def _cut(gpu: Gpu) -> bool:
    """Whether a Hopper has its whole memory beside a sixth of its units (H20: 37 operations a byte, H100 295): they do not fill the bandwidth."""
    rate = gpu.rates.fp16
    return bool(rate and gpu.bandwidth and rate < CUT * gpu.bandwidth)


def place_of(device: Device, gpus: Mapping[str, Gpu], ram: float | None = None, vulkan: bool = False) -> Place | None:
    """The device as a place to run layers (by llama.cpp's Vulkan backend, if so); None where its bandwidth is not known.

    An integrated GPU without a bandwidth of its own reads what the RAM gives: `ram` bytes/s.
    """
    gpu = gpus.get(device.gpu) if device.gpu else None
    shares_ram = device.unified or device.kind == "igpu" or bool(gpu and gpu.unified)
    bandwidth = device.bandwidth or (gpu.bandwidth if gpu else None) or (ram if shares_ram else None)
    if not bandwidth:
        return None
    kind = _over_vulkan(class_of(device, gpu)) if vulkan else class_of(device, gpu)
    rates = gpu.rates if gpu else None
    rate = _matrix_rate(kind, rates, (gpu.compute_capability if gpu else None) or "") or bandwidth * FLOP_PER_BYTE[kind]
    share = compute_share(device)
    rate *= share
    vector, int8 = _units(kind, rates, rate, share)
    nvlink = gpu.nvlink_bandwidth if gpu and gpu.segment == "datacenter" else None
    return Place(
        kind,
        device.name,
        bandwidth,
        rate,
        vector,
        int8,
        nvlink or PCIE,
        nvlink is not None,
    )


def _units(kind: Class, rates: Rates | None, rate: float, share: float = 1.0) -> tuple[float | None, float | None]:
    """(vector, INT8 matrix) operations/s of a `share` of the card, where they are known to be a limit."""
    if kind == "pascal":
        return rate, PASCAL_DP4A * rate
    if kind == "volta":
        return rate * VOLTA_FP32, None
    if per_int8 := VECTOR_PER_INT8.get(kind):
        # B300's integer units are few: the 16-bit ones do their work
        int8 = max(share * rates.int8 if rates and rates.int8 else 2 * rate, rate)
        return int8 * per_int8, int8
    return None, None


def _matrix_rate(kind: Class, rates: Rates | None, capability: str) -> float | None:
    """FLOP/s of 16-bit matrices: of the matrix units, or on AMD of the vector units where the table knows no others. Pascal multiplies in 32 bits.

    Some are fitted (tools/fit_speed.py) against something else: GB10 against its bandwidth, AMD's graphics in the CPU and RDNA 4 with ROCm against
    their vector rate, since llama.cpp's kernels there reach no more (Radeon AI PRO R9700: 1,083 tokens/s measured, 1,698 from its 191 TFLOP/s).
    """
    if rates is None or kind == "spark":
        return None
    if rates.fp16_vector and (
        kind in ("amd-apu", "amd-apu-vulkan") or (capability.startswith("gfx12") and not by_vulkan(kind))
    ):
        return rates.fp16_vector
    if kind == "pascal":
        return rates.fp16_vector * PASCAL_FP32_PER_FP16[capability == "6.0"] if rates.fp16_vector else None
    if kind.startswith("arc"):
        return rates.fp16 or (rates.int8 / 2 if rates.int8 else None)
    return rates.fp16 or rates.fp16_vector


_VULKAN: dict[Class, Class] = {
    "rdna": "rdna-vulkan",
    "cdna": "rdna-vulkan",
    "amd-apu": "amd-apu-vulkan",
    "arc": "arc-vulkan",
    "arc-xe2": "arc-xe2-vulkan",
}


def _over_vulkan(kind: Class) -> Class:
    return _VULKAN.get(kind, kind)


def processor(cpu: Cpu | None) -> Place | None:
    """The CPU with its RAM as a place to run layers; None where the RAM's bandwidth is not known."""
    if cpu is None or not cpu.bandwidth:
        return None
    rate = (cpu.usable_cores or cpu.cores or 8) * _flop_per_core(cpu.features)
    return Place("cpu", cpu.name or "CPU", cpu.bandwidth, rate, vector=rate)


@lru_cache(maxsize=64)
def _flop_per_core(features: tuple[str, ...]) -> float:
    """FLOP/s of one core at about 3.5 GHz: 32 a cycle with AVX2 (two 8-wide FMAs), 64 with AVX-512, 512 with AMX's BF16 tiles; 32 on NEON."""
    if any(f.startswith("amx") for f in features):
        return 512 * 2.5e9
    return 64 * 3.2e9 if any(f.startswith(("avx512", "avx-512")) for f in features) else 32 * 3.5e9
