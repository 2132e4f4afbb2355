"""How much of a model's quality is left after quantization: weights by format and size, the key-value cache by family and format.

The table is a proposal from cited measurements, with an honest band; below 4 bits and 10B it is extrapolated and says `low` confidence. Its anchors:
perplexity of one family in one instrument, 0.8B to 397B (Thireus/GGUF-Tool-Suite@384c1f8); the vendor's int8, int4 and GGUF tables (Qwen docs:
Qwen2-72B 81.3 -> 80.7 in int8, 81.2 in GPTQ int4, 7B 66.9 -> 66.2, 64.1); FP8, NVFP4 and KL ladders of 8B to 27B (silybench, club-3090, Quesma,
malaiwah); NVFP4 as published of 27B (KL 0.039, 0.044) no worse than int4 (0.051, 0.063), which it is taken for from 14B on; 2-bit at 397B "not
visible", 1-bit +18 % error, 2-bit advised against below that (kaitchup). Total parameters set robustness, not active ones: 35B-A3B degrades like a
dense 27B.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from qwenpick.catalog.formats import GGUF_BITS
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.memory.quantization.gguf.dynamic import MIXES
from qwenpick.values import dataclass

Confidence = Literal["high", "medium", "low"]
CacheFamily = Literal["mha", "qkv-bias", "qk-norm", "hybrid"]

# upper edges in parameters of the classes <=2B, 3-5B, 7-10B, 14-40B, 70-130B; above: >=200B
SIZES = (2.5e9, 6e9, 12e9, 50e9, 160e9)

# % of the 16-bit task score kept, and the band around it, by class of size. 0 where the answer is broken text.
TABLE: Mapping[str, tuple[tuple[float, float], ...]] = {
    "16 bit": ((100, 0), (100, 0), (100, 0), (100, 0), (100, 0), (100, 0)),
    "8 bit": ((99, 2), (99.5, 1), (99.5, 0.5), (99.8, 0.3), (99.8, 0.3), (99.9, 0.2)),
    "6 bit": ((98.5, 1.5), (99, 1), (99.5, 0.5), (99.8, 0.3), (99.8, 0.3), (99.9, 0.2)),
    "5 bit": ((97, 2), (98.5, 1), (99, 0.7), (99.5, 0.5), (99.5, 0.5), (99.7, 0.3)),
    "Q5_0": ((95.5, 2.5), (97.5, 1.5), (98.7, 1), (99.3, 0.7), (99.3, 0.7), (99.6, 0.4)),  # between its neighbours: no scales of scales
    "Q4_K_M": ((93, 3), (96, 2), (98, 1), (99, 1), (99, 1), (99.5, 0.5)),
    "4.4 bit": ((91, 3), (95, 2), (97.5, 1), (98.5, 1), (98.5, 1), (99, 0.7)),
    "int4": ((88, 4), (94, 2), (96, 1.5), (98, 1), (99, 1), (99, 0.7)),
    "Q4_0": ((87, 4), (93, 2.5), (95.5, 2), (97.5, 1.5), (98, 1), (98.5, 1)),
    "nvfp4": ((85, 5), (92, 3), (95.5, 2), (98, 1.5), (98.5, 1), (99, 0.7)),
    "fp4": ((85, 5), (92, 3), (95.5, 2), (97.5, 1.5), (98, 1), (98.5, 1)),
    "Q3_K_M": ((80, 6), (89, 4), (93, 3), (96.5, 1.5), (97, 1.5), (98.5, 1)),
    "3.3 bit": ((68, 8), (82, 5), (90, 3), (95, 2), (95.5, 2), (98, 1.5)),
    "Q2_K": ((35, 15), (55, 10), (76, 8), (88, 5), (90, 5), (96, 2)),
    "2.3 bit": ((0, 0), (30, 15), (58, 10), (78, 8), (82, 8), (94, 4)),
    "1.8 bit": ((0, 0), (0, 0), (0, 0), (55, 10), (65, 10), (88, 6)),
}  # fmt: skip

_PLAIN: Mapping[str, str] = {
    **dict.fromkeys(("fp32", "bf16", "fp16", "F32", "F16", "BF16", "mlx-bf16"), "16 bit"),
    **dict.fromkeys(("Q8_0", "fp8", "fp8-online", "int8", "gptq-int8", "mxfp8", "mlx-8bit"), "8 bit"),
    **dict.fromkeys(("Q6_K", "mlx-6bit"), "6 bit"),
    **dict.fromkeys(("Q5_K_M", "Q5_K_S", "Q5_K", "mlx-5bit", "mlx-5bit-g32"), "5 bit"),
    **dict.fromkeys(("Q5_0", "Q5_1"), "Q5_0"),
    **dict.fromkeys(("Q4_K_M", "Q4_K"), "Q4_K_M"),
    **dict.fromkeys(("IQ4_XS", "IQ4_NL", "Q4_K_S", "mlx-4bit", "mlx-4bit-g32"), "4.4 bit"),
    **dict.fromkeys(("awq-int4", "gptq-int4", "autoround-int4"), "int4"),
    **dict.fromkeys(("Q4_0", "Q4_1", "nf4"), "Q4_0"),
    "nvfp4": "nvfp4",
    **dict.fromkeys(("mxfp4", "MXFP4_MOE", "MXFP4"), "fp4"),
    **dict.fromkeys(("Q3_K_M", "Q3_K_L", "Q3_K", "IQ3_M", "IQ3_S"), "Q3_K_M"),
    **dict.fromkeys(("Q3_K_S", "IQ3_XS", "IQ3_XXS", "mlx-3bit"), "3.3 bit"),
    **dict.fromkeys(("Q2_K", "Q2_K_S", "mlx-2bit"), "Q2_K"),
    **dict.fromkeys(("IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "TQ2_0"), "2.3 bit"),
    **dict.fromkeys(("IQ1_M", "IQ1_S", "TQ1_0", "Q2_0", "Q1_0"), "1.8 bit"),  # types without scales of scales: taken as low as any
}  # fmt: skip
# Unsloth's dynamic files: as good as the plain type they are named for; no test of ours tells them apart.
_EXTRA_LARGE = {
    "Q8_K_XL": "Q8_0",
    "Q6_K_XL": "Q6_K",
    "Q5_K_XL": "Q5_K_M",
    "Q4_K_XL": "Q4_K_M",
    "Q3_K_XL": "Q3_K_M",
    "Q2_K_XL": "Q2_K",
}
ROWS: Mapping[str, str] = {
    **_PLAIN,
    **{
        name: _PLAIN[_EXTRA_LARGE.get(plain, plain)]
        for name in GGUF_BITS
        if name.startswith("UD-") and (plain := name.removeprefix("UD-"))
    },
}

# The lowest row that each size class is recommended in; what is lower is experimental (kaitchup: Q2 advised against, Q4 very safe).
_ORDER = tuple(TABLE)
FLOORS = ("fp4", "fp4", "fp4", "3.3 bit", "3.3 bit", "2.3 bit")
SOURCE = "Thireus/GGUF-Tool-Suite@384c1f8, Qwen docs, Quesma, malaiwah, club-3090, kaitchup"

# % kept by the key-value cache (16 bits are 100), by family: the failures follow the bias of the key projection, not the size.
# qkv-bias: Qwen2.5-7B with int4 98/120 -> 0/120 (transformers#35185; llama.cpp#21385). hybrid: perplexity 6.9233 -> 6.9193 in q8_0, tail precision
# 88.9 % in q4_0 (Anbeeld, malaiwah docs/38). qk-norm: 30B-Coder with q8_0 within noise of f16 (pjazdzyk). mha: int8 "no significant degradation".
CACHE: Mapping[CacheFamily, Mapping[int, tuple[float, float]]] = {
    "mha": {8: (99.5, 0.5), 5: (96, 3), 4: (90, 8)},
    "qkv-bias": {8: (99, 1), 5: (90, 8), 4: (0, 0)},
    "qk-norm": {8: (99.8, 0.2), 5: (99, 1), 4: (95, 4)},
    "hybrid": {8: (99.9, 0.1), 5: (99, 1), 4: (96, 3)},
}
# From this share on a cache is one to recommend. So hybrids stand four bits: 35B-A3B with keys and values in q4_0 solves 110 of 150 at 262k tokens,
# as many as the 27B does in FP8 (club-3090's 8-pack)
STANDS = 96
# From this class of size on (14B) four bits do not: 27B agents solve 109 of 150 in int4 and 110 in FP8 (club-3090's 8-pack), "inside noise".
STURDY = 3
# abilities that low bits hurt first: quantizing them costs twice as much below 4.5 bits
_EXACTING = ("code", "agents", "reasoning")


@dataclass(frozen=True, slots=True)
class Retention:
    """The share of the 16-bit quality that is left, 0 to 1, with its band; `advised` says whether the format is one to recommend at this size.

    `exacting` says whether abilities that low bits hurt first lose more of it than an average test shows.
    """

    value: float
    low: float
    high: float
    confidence: Confidence
    advised: bool
    source: str
    exacting: bool = True


@lru_cache(maxsize=1024)
def retention(format_name: str, parameters_total: int) -> Retention:
    """What a storage format of the weights leaves at this size. Raises QwenpickError for a format without evidence.

    >>> retention("Q4_K_M", 8_000_000_000).value
    0.98
    """
    row = ROWS.get(MIXES[format_name][0] if format_name in MIXES else format_name)
    if row is None:
        raise QwenpickError(
            _(
                "nothing is known about the quality of '{format_name}'{near}",
                format_name=format_name,
                near=did_you_mean(format_name, ROWS),
            )
        )
    size = sum(parameters_total > edge for edge in SIZES)
    kept, band = TABLE[row][size]
    level = _ORDER.index(row)
    confidence: Confidence = "high" if level <= _ORDER.index("5 bit") else "medium"
    if level >= _ORDER.index("Q2_K") or (level >= _ORDER.index("Q3_K_M") and size <= 2):
        confidence = "low"
    return Retention(
        kept / 100,
        max(0.0, kept - band) / 100,
        min(100.0, kept + band) / 100,
        confidence,
        level <= _ORDER.index(FLOORS[size]),
        SOURCE,
        level > _ORDER.index("fp4") or size < STURDY,
    )


def cache_retention(family: CacheFamily, keys: float, values: float) -> Retention:
    """What a cache of so many bits a key and a value (8.5 for q8_0, 4.5 for q4_0) leaves in a family of models.

    Keys are the sensitive half: a cache counts as its values do a width up, at most as its keys. 27B, precision in the tail: 93.2 % with q5_0, 92.7
    with values in q4_1, 88.9 with q4_0, 94.3 with q8_0 and values in q6_0 (Anbeeld).
    """
    widths = (4, 5, 8, 16)
    k, v = (3 if bits >= 16 else 2 if bits >= 7 else 1 if bits >= 5 else 0 for bits in (keys, values))
    width = widths[min(k, v + 1)]
    if min(k, v) == 3:
        return Retention(1.0, 1.0, 1.0, "high", True, "16 bits are the reference")
    kept, band = CACHE[family][min(width, 8)]
    source = "transformers#35185, llama.cpp#21385, Anbeeld, malaiwah docs/38, pjazdzyk, QwenLM/Qwen README"
    return Retention(kept / 100, (kept - band) / 100, min(100.0, kept + band) / 100, "medium", kept >= STANDS, source)


def for_task(kept: Retention, weights: Mapping[str, float]) -> float:
    """The share left in a task: exacting abilities (code, agents, reasoning) lose up to twice as much as an average test shows.

    NVFP4 8B: GSM8K 91.8 -> 86.6 where MMLU-STEM goes 71.8 -> 69.1; an 80B-A3B loses 1 % on average and a third of LiveCodeBench.

    >>> round(for_task(retention("Q4_K_M", 8_000_000_000), {"agents": 0.6, "code": 0.3, "general": 0.1}), 3)
    0.962
    """
    exacting = sum(weight for ability, weight in weights.items() if ability in _EXACTING) if kept.exacting else 0.0
    return max(0.0, 1 - (1 - kept.value) * (1 + exacting))
