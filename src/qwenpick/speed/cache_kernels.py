"""How llama.cpp attends to a cache of given types on a device: by a fused kernel, by way of a 16-bit copy, or on the CPU.

ggml-cuda/fattn.cu (HIP too): a default build has kernels for f16, bf16, q8_0 and q4_0, keys and values alike. Until September 2026
(ggml-org/llama.cpp#28079) others made the scheduler run attention on the CPU; since then they are converted to 16 bits first. iq4_nl has no kernel
in any build. ggml-metal: keys and values alike, no iq4_nl. ggml-sycl: no iq4_nl. ggml-vulkan: all, but bf16 beside another type.
"""

from __future__ import annotations

from typing import Literal

from qwenpick.memory.cache import KvCache
from qwenpick.speed.devices import Class, by_vulkan

Way = Literal["fused", "converted", "cpu"]
CONVERTS_FROM = 10850  # the first build of 9 September 2026, about: b10819 is of the 5th
BUILT = ("f32", "f16", "bf16", "q8_0", "q4_0")
NOT_GGML_CUDA: frozenset[Class] = frozenset({"apple", "apple-m5", "arc", "arc-xe2", "ascend", "other", "cpu"})

# Attention on the CPU. RTX 4080, 27B, pp512 with q5_1: 197 tokens/s where 1,511 are reached (ggml-org/llama.cpp#28456): 2.26 s more for 5.2e10 FLOP.
CPU_ATTENTION = 23e9  # FLOP/s
# GB10, 48 attention layers, hardly any context: 9.35 tokens/s where 27.05 are reached (am17an/llama.cpp#28): 70 ms more a step
CPU_HANDOVER = 1.46e-3  # seconds a layer, there and back


def way_of(cache: KvCache, kind: Class, build: int, *, every_pair: bool = False) -> Way:
    """How a build attends to the cache on a class of device; `every_pair`: it was built with GGML_CUDA_FA_QUANTS=all."""
    types = {cache.k, cache.v}
    if kind == "cpu" or kind in ("ascend", "other"):
        return "fused"
    if by_vulkan(kind):
        return "cpu" if "bf16" in types and len(types) > 1 else "fused"
    if "iq4_nl" in types:
        return "cpu"
    if kind in NOT_GGML_CUDA:
        return "cpu" if kind.startswith("apple") and len(types) > 1 else "fused"
    if every_pair or (len(types) == 1 and types <= set(BUILT)):
        return "fused"
    return "converted" if build >= CONVERTS_FROM else "cpu"
