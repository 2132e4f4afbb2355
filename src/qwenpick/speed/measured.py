"""The measured constants, as `tools/fit_speed.py --write` fits them to public runs. docs/speed.md says how, and how well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.speed.constants import Common, Decode, Prefill, Spread

if TYPE_CHECKING:
    from qwenpick.speed.devices import Class

DEFAULT_DECODE = Decode(300e-6, 40e-6, 20e-6, 40e-6, 0.75, 0.5, 0.4, 1.0)  # the centre that every fit is pulled to
DEFAULT_PREFILL = Prefill(0.3, 0.15, 0.2, 50e-6, 2.0, 1.0)
DEFAULT_DECODE_SPREAD = Spread(0.5, 1.6)  # for classes that nothing was measured on
DEFAULT_PREFILL_SPREAD = Spread(0.35, 2.2)

COMMON_CENTRE = Common(0.75, 10e-6, 45e-6, 3.5, 0.5, 450e-6, 2.0)
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

COMMON = Common(0.602, 1.27e-05, 3.05e-05, 4.23, 0.536, 0.000418, 3.21)
MTP_SPREAD = Spread(0.509, 1.66)
UNPACK: dict[str, float] = {
    "Q2": 10,
    "Q3": 10,
    "IQ1": 7.75,
    "IQ2": 7.64,
    "IQ3": 9.99,
    "IQ4": 10,
    "Q4_K": 6.78,
    "Q4": 4.84,
    "MXFP4": 9.82,
    "Q5": 6.51,
    "Q6": 9.51,
    "Q8": 5.86,
}
FORMAT_SHARE: dict[str, float] = {
    "fp8": 0.95,
    "gptq-int8": 0.874,
    "int8": 0.9,
    "gptq-int4": 0.95,
    "awq-int4": 0.809,
    "nvfp4": 0.815,
}
DECODE: dict[tuple[str, Class], Decode] = {
    ("llamacpp", "ada"): Decode(0.000302, 4.38e-05, 2.22e-05, 6.96e-05, 0.913, 0.441, 0.585, 0.812),
    ("llamacpp", "amd-apu"): Decode(0.000367, 5.88e-05, 0.000171, 3.76e-05, 0.892, 0.617, 0.805, 1),
    ("llamacpp", "amd-apu-vulkan"): Decode(0.000342, 4.46e-05, 0.000121, 3.16e-05, 0.899, 0.615, 0.708, 1),
    ("llamacpp", "ampere"): Decode(0.000277, 3.61e-05, 2e-05, 7.49e-05, 0.95, 0.526, 0.787, 0.951),
    ("llamacpp", "apple"): Decode(0.00034, 9.92e-05, 4.14e-05, 5.22e-05, 0.809, 0.406, 0.15, 1),
    ("llamacpp", "apple-m5"): Decode(0.000337, 8.72e-05, 3.48e-05, 4.6e-05, 0.831, 0.499, 0.155, 1),
    ("llamacpp", "arc"): Decode(0.000299, 3.76e-05, 2.1e-05, 3.72e-05, 0.738, 0.317, 0.42, 1),
    ("llamacpp", "blackwell"): Decode(0.000287, 3.28e-05, 2.1e-05, 5.27e-05, 0.95, 0.504, 0.576, 0.772),
    ("llamacpp", "cpu"): Decode(0.000305, 4.21e-05, 2.15e-05, 4.16e-05, 0.645, 0.158, 0.429, 1),
    ("llamacpp", "hopper"): Decode(0.000312, 3.04e-05, 1.91e-05, 2.5e-05, 0.774, 0.668, 0.508, 2.13),
    ("llamacpp", "pascal"): Decode(0.000301, 3.95e-05, 2.09e-05, 5.01e-05, 0.36, 0.529, 0.579, 0.976),
    ("llamacpp", "rdna"): Decode(0.000353, 5.8e-05, 0.000137, 4.16e-05, 0.862, 0.572, 0.737, 1),
    ("llamacpp", "rdna-vulkan"): Decode(0.000325, 4.51e-05, 9.68e-05, 3.82e-05, 0.927, 0.602, 0.745, 1),
    ("llamacpp", "spark"): Decode(0.000277, 3.01e-05, 1.97e-05, 4.23e-05, 0.776, 0.81, 0.584, 0.957),
    ("llamacpp", "turing"): Decode(0.000283, 3.24e-05, 2.05e-05, 4.98e-05, 0.95, 0.536, 0.581, 0.672),
    ("mlx", "apple"): Decode(0.000282, 3.31e-05, 2.74e-05, 3.85e-05, 0.76, 0.601, 0.808, 1),
    ("mlx", "apple-m5"): Decode(0.000313, 4.81e-05, 2.81e-05, 4.07e-05, 0.777, 0.587, 0.668, 1),
    ("sglang", "blackwell"): Decode(0.000413, 6.28e-05, 2.38e-05, 4.71e-05, 0.492, 0.835, 0.513, 1),
    ("sglang", "hopper"): Decode(0.000413, 5.09e-05, 2.11e-05, 3.81e-05, 0.411, 0.911, 0.599, 1),
    ("transformers", "a100"): Decode(0.0003, 0.00082, 2e-05, 4e-05, 0.554, 0.5, 0.174, 1),
    ("transformers", "hopper"): Decode(0.0003, 0.000613, 2e-05, 4e-05, 0.568, 0.5, 0.19, 1),
    ("vllm", "a100"): Decode(0.000384, 4.8e-05, 2.09e-05, 3.87e-05, 0.574, 0.705, 0.617, 1),
    ("vllm", "ada"): Decode(0.00034, 3.12e-05, 1.88e-05, 2.85e-05, 0.95, 0.88, 0.633, 1),
    ("vllm", "ampere"): Decode(0.000358, 3.32e-05, 1.94e-05, 2.96e-05, 0.95, 0.91, 0.631, 1),
    ("vllm", "blackwell"): Decode(0.000389, 3.21e-05, 2.19e-05, 3.07e-05, 0.95, 0.95, 0.95, 1),
    ("vllm", "hopper"): Decode(0.000439, 4.34e-05, 2.09e-05, 2.57e-05, 0.816, 0.95, 0.584, 1),
    ("vllm-v0", "a100"): Decode(0.000737, 0.00012, 2e-05, 4e-05, 0.928, 0.5, 0.95, 1),
}
PREFILL: dict[tuple[str, Class], Prefill] = {
    ("llamacpp", "ada"): Prefill(0.405, 0.0342, 0.256, 6.41e-05, 1.53, 1.14),
    ("llamacpp", "amd-apu"): Prefill(0.625, 0.0909, 0.235, 5.44e-05, 3.91, 0.591),
    ("llamacpp", "amd-apu-vulkan"): Prefill(0.502, 0.081, 0.125, 5.39e-05, 2.39, 0.794),
    ("llamacpp", "ampere"): Prefill(0.242, 0.0206, 0.543, 6.76e-05, 1.71, 0.935),
    ("llamacpp", "apple"): Prefill(0.837, 0.163, 0.412, 5.44e-05, 1.92, 0.979),
    ("llamacpp", "apple-m5"): Prefill(0.815, 0.163, 0.403, 5.31e-05, 1.94, 0.979),
    ("llamacpp", "arc"): Prefill(0.118, 0.0454, 0.207, 5.05e-05, 1.51, 1),
    ("llamacpp", "blackwell"): Prefill(0.379, 0.0176, 0.308, 6.52e-05, 1.55, 1.14),
    ("llamacpp", "cpu"): Prefill(0.347, 0.0725, 0.219, 5.03e-05, 1.32, 1),
    ("llamacpp", "hopper"): Prefill(0.0659, 0.026, 0.266, 8.25e-05, 0.776, 2.54),
    ("llamacpp", "pascal"): Prefill(0.253, 0.0307, 0.307, 6.46e-05, 1.36, 1.14),
    ("llamacpp", "rdna"): Prefill(0.633, 0.0432, 0.183, 5.32e-05, 3.15, 0.658),
    ("llamacpp", "rdna-vulkan"): Prefill(0.342, 0.0817, 0.191, 5.41e-05, 2.36, 0.658),
    ("llamacpp", "spark"): Prefill(0.253, 0.0307, 0.307, 6.46e-05, 1.36, 1.14),
    ("llamacpp", "turing"): Prefill(0.253, 0.0307, 0.307, 6.46e-05, 1.36, 1.14),
    ("mlx", "apple"): Prefill(0.851, 0.665, 0.386, 4.97e-05, 2.02, 1),
    ("mlx", "apple-m5"): Prefill(0.748, 0.545, 0.353, 4.98e-05, 2.02, 1),
    ("sglang", "blackwell"): Prefill(0.503, 0.113, 0.302, 5.14e-05, 2.19, 1),
    ("sglang", "hopper"): Prefill(0.4, 0.106, 0.623, 5.25e-05, 2.04, 1),
    ("transformers", "a100"): Prefill(0.0384, 0.15, 0.0435, 5e-05, 2, 1),
    ("transformers", "hopper"): Prefill(0.0469, 0.15, 0.0272, 5e-05, 2, 1),
    ("vllm", "a100"): Prefill(0.503, 0.113, 0.302, 5.14e-05, 2.19, 1),
    ("vllm", "ada"): Prefill(0.503, 0.113, 0.302, 5.14e-05, 2.19, 1),
    ("vllm", "ampere"): Prefill(0.503, 0.113, 0.302, 5.14e-05, 2.19, 1),
    ("vllm", "blackwell"): Prefill(0.844, 0.113, 0.306, 5.12e-05, 2.5, 1),
    ("vllm", "hopper"): Prefill(0.504, 0.0807, 0.298, 5.38e-05, 2.28, 1),
    ("vllm-v0", "a100"): Prefill(0.305, 0.15, 0.341, 4.98e-05, 2, 1),
}
DECODE_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.721, 1.26),
    ("llamacpp", "amd-apu"): Spread(0.63, 1.17),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.766, 1.24),
    ("llamacpp", "ampere"): Spread(0.577, 1.18),
    ("llamacpp", "apple"): Spread(0.482, 1.21),
    ("llamacpp", "blackwell"): Spread(0.815, 1.13),
    ("llamacpp", "cpu"): Spread(0.581, 1.29),
    ("llamacpp", "hopper"): Spread(0.845, 1.31),
    ("llamacpp", "pascal"): Spread(0.513, 1.14),
    ("llamacpp", "rdna"): Spread(0.363, 1.33),
    ("llamacpp", "spark"): Spread(0.891, 1.25),
    ("llamacpp", "turing"): Spread(0.951, 2.79),
    ("mlx", "apple"): Spread(0.631, 1.21),
    ("mlx", "apple-m5"): Spread(0.088, 1.18),
    ("sglang", "blackwell"): Spread(0.575, 1.4),
    ("sglang", "hopper"): Spread(0.523, 1.6),
    ("transformers", "a100"): Spread(0.791, 1.27),
    ("transformers", "hopper"): Spread(0.287, 1.17),
    ("vllm", "a100"): Spread(0.792, 1.05),
    ("vllm", "blackwell"): Spread(0.756, 2.35),
    ("vllm", "hopper"): Spread(0.597, 1.57),
    ("vllm-v0", "a100"): Spread(0.791, 1.18),
}
PREFILL_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.823, 1.53),
    ("llamacpp", "amd-apu"): Spread(0.406, 1.8),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.468, 2.21),
    ("llamacpp", "ampere"): Spread(0.513, 1.7),
    ("llamacpp", "apple"): Spread(0.636, 1.22),
    ("llamacpp", "blackwell"): Spread(0.376, 1.86),
    ("llamacpp", "cpu"): Spread(0.495, 2.92),
    ("llamacpp", "hopper"): Spread(0.559, 2.5),
    ("llamacpp", "rdna"): Spread(0.032, 2.26),
    ("mlx", "apple"): Spread(0.951, 1.12),
}
