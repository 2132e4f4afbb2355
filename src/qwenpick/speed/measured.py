"""The measured constants, as `tools/fit_speed.py --write` fits them to public runs. docs/speed.md says how, and how well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.speed.constants import Common, Decode, Prefill, Spread

if TYPE_CHECKING:
    from qwenpick.speed.devices import Class

DEFAULT_DECODE = Decode(300e-6, 40e-6, 20e-6, 40e-6, 0.75, 0.5, 0.4, 1.0)  # the centre that every fit is pulled to
DEFAULT_PREFILL = Prefill(0.3, 0.15, 0.2, 50e-6, 2.0)
DEFAULT_DECODE_SPREAD = Spread(0.5, 1.6)  # for classes that nothing was measured on
DEFAULT_PREFILL_SPREAD = Spread(0.35, 2.2)

COMMON_CENTRE = Common(0.75, 10e-6, 45e-6, 3.5, 0.35, 0.5, 450e-6, 2.0)
UNPACK_CENTRE: dict[str, float] = {
    "Q2": 19, "Q3": 24, "IQ1": 24, "IQ2": 24, "IQ3": 24, "IQ4": 14, "Q4_K": 14, "Q4": 8, "MXFP4": 14, "Q5": 12, "Q6": 18, "Q8": 8,
}  # fmt: skip
FORMAT_CENTRE: dict[str, float] = {
    "fp8": 0.9,
    "gptq-int8": 0.9,
    "int8": 0.9,
    "gptq-int4": 0.8,
    "awq-int4": 0.8,
    "nvfp4": 0.8,
}

# -- fitted ----------------------------------------------------------------------------------------------------

COMMON = Common(0.608, 1.23e-05, 3.27e-05, 4.24, 0.416, 0.548, 0.000423, 3.05)
MTP_SPREAD = Spread(0.502, 1.64)
UNPACK: dict[str, float] = {
    "Q2": 10,
    "Q3": 10,
    "IQ1": 7.74,
    "IQ2": 7.63,
    "IQ3": 9.99,
    "IQ4": 10,
    "Q4_K": 6.75,
    "Q4": 4.83,
    "MXFP4": 9.82,
    "Q5": 6.49,
    "Q6": 9.49,
    "Q8": 5.84,
}
FORMAT_SHARE: dict[str, float] = {
    "fp8": 0.95,
    "gptq-int8": 0.879,
    "int8": 0.9,
    "gptq-int4": 0.95,
    "awq-int4": 0.784,
    "nvfp4": 0.796,
}
DECODE: dict[tuple[str, Class], Decode] = {
    ("llamacpp", "ada"): Decode(0.000302, 4.38e-05, 2.22e-05, 6.99e-05, 0.913, 0.444, 0.586, 0.816),
    ("llamacpp", "amd-apu"): Decode(0.000356, 5.72e-05, 0.00017, 3.42e-05, 0.889, 0.605, 0.804, 1),
    ("llamacpp", "amd-apu-vulkan"): Decode(0.000324, 3.74e-05, 0.000111, 2.62e-05, 0.885, 0.542, 0.736, 1),
    ("llamacpp", "ampere"): Decode(0.000277, 3.61e-05, 2.01e-05, 7.53e-05, 0.95, 0.529, 0.787, 0.956),
    ("llamacpp", "apple"): Decode(0.00034, 9.92e-05, 4.14e-05, 5.22e-05, 0.809, 0.406, 0.15, 1),
    ("llamacpp", "apple-m5"): Decode(0.000337, 8.72e-05, 3.48e-05, 4.6e-05, 0.829, 0.499, 0.155, 1),
    ("llamacpp", "arc"): Decode(0.000304, 4.35e-05, 2e-05, 4.36e-05, 0.751, 0.409, 0.4, 1),
    ("llamacpp", "blackwell"): Decode(0.000288, 3.28e-05, 2.11e-05, 5.31e-05, 0.95, 0.506, 0.576, 0.777),
    ("llamacpp", "hopper"): Decode(0.000312, 3.04e-05, 1.92e-05, 2.5e-05, 0.774, 0.671, 0.506, 2.14),
    ("llamacpp", "pascal"): Decode(0.000302, 3.96e-05, 2.09e-05, 5.05e-05, 0.36, 0.532, 0.579, 0.983),
    ("llamacpp", "rdna"): Decode(0.000344, 5.54e-05, 0.00013, 3.58e-05, 0.848, 0.515, 0.758, 1),
    ("llamacpp", "rdna-vulkan"): Decode(0.000312, 4.06e-05, 9.07e-05, 3.31e-05, 0.904, 0.55, 0.766, 1),
    ("llamacpp", "spark"): Decode(0.000277, 3.01e-05, 1.97e-05, 4.25e-05, 0.776, 0.813, 0.585, 0.963),
    ("llamacpp", "turing"): Decode(0.000284, 3.28e-05, 2.05e-05, 5.05e-05, 0.95, 0.532, 0.582, 0.677),
    ("mlx", "apple"): Decode(0.000282, 3.31e-05, 2.74e-05, 3.85e-05, 0.76, 0.601, 0.808, 1),
    ("mlx", "apple-m5"): Decode(0.000313, 4.81e-05, 2.81e-05, 4.07e-05, 0.777, 0.587, 0.668, 1),
    ("sglang", "blackwell"): Decode(0.000473, 7.95e-05, 2.06e-05, 3.51e-05, 0.575, 0.857, 0.571, 1),
    ("sglang", "hopper"): Decode(0.000451, 5.28e-05, 1.88e-05, 3.4e-05, 0.422, 0.924, 0.656, 1),
    ("transformers", "a100"): Decode(0.0003, 0.00082, 2e-05, 4e-05, 0.554, 0.5, 0.174, 1),
    ("transformers", "hopper"): Decode(0.0003, 0.000613, 2e-05, 4e-05, 0.568, 0.5, 0.19, 1),
    ("vllm", "a100"): Decode(0.000589, 0.000116, 1.87e-05, 2.57e-05, 0.873, 0.949, 0.871, 1),
    ("vllm", "ada"): Decode(0.000382, 3.66e-05, 1.7e-05, 2.45e-05, 0.95, 0.915, 0.706, 1),
    ("vllm", "ampere"): Decode(0.000393, 3.76e-05, 1.72e-05, 2.54e-05, 0.95, 0.944, 0.704, 1),
    ("vllm", "blackwell"): Decode(0.00042, 3.34e-05, 1.84e-05, 2.41e-05, 0.95, 0.95, 0.95, 1),
    ("vllm", "hopper"): Decode(0.000485, 4.67e-05, 1.87e-05, 2.2e-05, 0.847, 0.95, 0.654, 1),
}
PREFILL: dict[tuple[str, Class], Prefill] = {
    ("llamacpp", "ada"): Prefill(0.4, 0.0339, 0.255, 6.9e-05, 1.56),
    ("llamacpp", "amd-apu"): Prefill(0.623, 0.0764, 0.236, 5.39e-05, 4.1),
    ("llamacpp", "amd-apu-vulkan"): Prefill(0.502, 0.0737, 0.126, 5.31e-05, 2.65),
    ("llamacpp", "ampere"): Prefill(0.239, 0.0206, 0.551, 7.22e-05, 2),
    ("llamacpp", "apple"): Prefill(0.836, 0.163, 0.412, 5.44e-05, 1.89),
    ("llamacpp", "apple-m5"): Prefill(0.815, 0.163, 0.403, 5.32e-05, 1.92),
    ("llamacpp", "arc"): Prefill(0.114, 0.0428, 0.197, 5.04e-05, 2),
    ("llamacpp", "blackwell"): Prefill(0.372, 0.0175, 0.31, 7.03e-05, 1.6),
    ("llamacpp", "hopper"): Prefill(0.0662, 0.0267, 0.267, 0.000112, 0.819),
    ("llamacpp", "pascal"): Prefill(0.251, 0.0308, 0.309, 6.95e-05, 1.42),
    ("llamacpp", "rdna"): Prefill(0.628, 0.0369, 0.184, 5.28e-05, 3.3),
    ("llamacpp", "rdna-vulkan"): Prefill(0.341, 0.0701, 0.193, 5.38e-05, 2.46),
    ("llamacpp", "spark"): Prefill(0.251, 0.0308, 0.309, 6.95e-05, 1.42),
    ("llamacpp", "turing"): Prefill(0.251, 0.0308, 0.309, 6.95e-05, 1.42),
    ("mlx", "apple"): Prefill(0.851, 0.665, 0.386, 4.97e-05, 2.02),
    ("mlx", "apple-m5"): Prefill(0.748, 0.545, 0.354, 4.98e-05, 2.02),
    ("sglang", "blackwell"): Prefill(0.48, 0.117, 0.315, 5.12e-05, 2.17),
    ("sglang", "hopper"): Prefill(0.376, 0.104, 0.623, 5.24e-05, 2.01),
    ("transformers", "a100"): Prefill(0.0384, 0.15, 0.0435, 5e-05, 2),
    ("transformers", "hopper"): Prefill(0.0469, 0.15, 0.0272, 5e-05, 2),
    ("vllm", "a100"): Prefill(0.372, 0.117, 0.304, 5.12e-05, 2.17),
    ("vllm", "ada"): Prefill(0.48, 0.117, 0.315, 5.12e-05, 2.17),
    ("vllm", "ampere"): Prefill(0.48, 0.117, 0.315, 5.12e-05, 2.17),
    ("vllm", "blackwell"): Prefill(0.809, 0.113, 0.319, 5.11e-05, 2.47),
    ("vllm", "hopper"): Prefill(0.488, 0.0796, 0.312, 5.36e-05, 2.27),
}
DECODE_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.722, 1.26),
    ("llamacpp", "amd-apu"): Spread(0.63, 1.16),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.766, 1.25),
    ("llamacpp", "ampere"): Spread(0.579, 1.18),
    ("llamacpp", "apple"): Spread(0.482, 1.21),
    ("llamacpp", "blackwell"): Spread(0.816, 1.13),
    ("llamacpp", "hopper"): Spread(0.848, 1.31),
    ("llamacpp", "pascal"): Spread(0.513, 1.14),
    ("llamacpp", "rdna"): Spread(0.355, 1.31),
    ("llamacpp", "spark"): Spread(0.891, 1.25),
    ("mlx", "apple"): Spread(0.631, 1.21),
    ("mlx", "apple-m5"): Spread(0.088, 1.18),
    ("sglang", "blackwell"): Spread(0.573, 1.34),
    ("sglang", "hopper"): Spread(0.513, 1.57),
    ("transformers", "a100"): Spread(0.791, 1.27),
    ("transformers", "hopper"): Spread(0.287, 1.17),
    ("vllm", "a100"): Spread(0.763, 1.18),
    ("vllm", "blackwell"): Spread(0.777, 2.21),
    ("vllm", "hopper"): Spread(0.648, 1.62),
}
PREFILL_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.819, 1.53),
    ("llamacpp", "amd-apu"): Spread(0.46, 1.96),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.465, 2),
    ("llamacpp", "ampere"): Spread(0.535, 1.71),
    ("llamacpp", "apple"): Spread(0.642, 1.15),
    ("llamacpp", "blackwell"): Spread(0.369, 1.83),
    ("llamacpp", "hopper"): Spread(0.589, 1.32),
    ("llamacpp", "rdna"): Spread(0.032, 2.26),
    ("mlx", "apple"): Spread(0.951, 1.12),
}
