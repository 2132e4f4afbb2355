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

# How many times as long transformers' host takes per layer of a quantized model as of a BF16 one: medians over the vendor's tables, 1 prompt token
# (Qwen2 and Qwen2.5 on A100; FP8 Qwen3 on H20)
HOST: dict[str, float] = {"gptq-int8": 1.35, "awq-int4": 1.28, "fp8": 2.4}

COMMON_CENTRE = Common(0.75, 8e-6, 25e-6, 3.5, 0.5, 450e-6, 2.0)
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

COMMON = Common(0.618, 9.95e-06, 1.7e-05, 4.21, 0.57, 0.000418, 3.37)
MTP_SPREAD = Spread(0.506, 1.7)
UNPACK: dict[str, float] = {
    "Q2": 10,
    "Q3": 10,
    "IQ1": 7.72,
    "IQ2": 7.14,
    "IQ3": 9.99,
    "IQ4": 10,
    "Q4_K": 6.78,
    "Q4": 4.84,
    "MXFP4": 9.82,
    "Q5": 6.5,
    "Q6": 9.5,
    "Q8": 5.86,
}
FORMAT_SHARE: dict[str, float] = {
    "fp8": 0.95,
    "gptq-int8": 0.865,
    "int8": 0.9,
    "gptq-int4": 0.95,
    "awq-int4": 0.755,
    "nvfp4": 0.765,
}
DECODE: dict[tuple[str, Class], Decode] = {
    ("llamacpp", "ada"): Decode(0.000304, 4.38e-05, 2.23e-05, 6.94e-05, 0.918, 0.437, 0.579, 0.814),
    ("llamacpp", "amd-apu"): Decode(0.000367, 5.92e-05, 0.000173, 3.94e-05, 0.892, 0.621, 0.805, 1),
    ("llamacpp", "amd-apu-vulkan"): Decode(0.000347, 4.82e-05, 0.000128, 3.48e-05, 0.907, 0.659, 0.696, 1),
    ("llamacpp", "ampere"): Decode(0.000278, 3.59e-05, 2.01e-05, 7.45e-05, 0.95, 0.517, 0.787, 0.967),
    ("llamacpp", "apple"): Decode(0.00034, 9.92e-05, 4.14e-05, 5.22e-05, 0.809, 0.406, 0.15, 1),
    ("llamacpp", "apple-m5"): Decode(0.000337, 8.73e-05, 3.48e-05, 4.6e-05, 0.818, 0.499, 0.155, 1),
    ("llamacpp", "arc"): Decode(0.000299, 3.78e-05, 2.1e-05, 3.75e-05, 0.738, 0.318, 0.42, 1),
    ("llamacpp", "blackwell"): Decode(0.00029, 3.28e-05, 2.11e-05, 5.33e-05, 0.95, 0.493, 0.574, 0.775),
    ("llamacpp", "cpu"): Decode(0.000305, 4.21e-05, 2.15e-05, 4.16e-05, 0.645, 0.156, 0.429, 1),
    ("llamacpp", "hopper"): Decode(0.000313, 3.04e-05, 1.92e-05, 2.49e-05, 0.774, 0.664, 0.506, 2.14),
    ("llamacpp", "pascal"): Decode(0.000302, 3.94e-05, 2.09e-05, 5.01e-05, 0.36, 0.525, 0.577, 0.983),
    ("llamacpp", "rdna"): Decode(0.000356, 6.03e-05, 0.000154, 4.79e-05, 0.874, 0.532, 0.735, 1),
    ("llamacpp", "rdna-vulkan"): Decode(0.000329, 4.77e-05, 0.000104, 4.29e-05, 0.945, 0.573, 0.743, 1),
    ("llamacpp", "spark"): Decode(0.000278, 3.01e-05, 1.97e-05, 4.22e-05, 0.777, 0.808, 0.582, 0.964),
    ("llamacpp", "turing"): Decode(0.000285, 3.23e-05, 2.06e-05, 4.98e-05, 0.95, 0.531, 0.579, 0.674),
    ("mlx", "apple"): Decode(0.000282, 3.31e-05, 2.74e-05, 3.85e-05, 0.76, 0.601, 0.808, 1),
    ("mlx", "apple-m5"): Decode(0.000313, 4.81e-05, 2.81e-05, 4.07e-05, 0.777, 0.587, 0.668, 1),
    ("sglang", "blackwell"): Decode(0.000402, 5.63e-05, 2.26e-05, 4.41e-05, 0.482, 0.859, 0.507, 1),
    ("sglang", "hopper"): Decode(0.000406, 5.04e-05, 2.02e-05, 3.75e-05, 0.408, 0.907, 0.592, 1),
    ("transformers", "a100"): Decode(0.0003, 0.00082, 2e-05, 4e-05, 0.554, 0.5, 0.174, 1),
    ("transformers", "hopper"): Decode(0.0003, 0.000613, 2e-05, 4e-05, 0.568, 0.5, 0.19, 1),
    ("vllm", "a100"): Decode(0.000374, 4.55e-05, 2.01e-05, 3.75e-05, 0.558, 0.69, 0.605, 1),
    ("vllm", "ada"): Decode(0.000337, 3.08e-05, 1.84e-05, 2.81e-05, 0.95, 0.881, 0.621, 1),
    ("vllm", "ampere"): Decode(0.000334, 3.02e-05, 1.82e-05, 2.8e-05, 0.95, 0.923, 0.62, 1),
    ("vllm", "blackwell"): Decode(0.000378, 2.97e-05, 2.05e-05, 2.88e-05, 0.95, 0.95, 0.95, 1),
    ("vllm", "hopper"): Decode(0.000431, 4.26e-05, 2.01e-05, 2.5e-05, 0.809, 0.95, 0.575, 1),
    ("vllm-v0", "a100"): Decode(0.000734, 0.00012, 2e-05, 4e-05, 0.928, 0.5, 0.95, 1),
}
PREFILL: dict[tuple[str, Class], Prefill] = {
    ("llamacpp", "ada"): Prefill(0.42, 0.0341, 0.253, 6.42e-05, 1.55, 1.14),
    ("llamacpp", "amd-apu"): Prefill(0.625, 0.0908, 0.235, 5.45e-05, 3.9, 0.593),
    ("llamacpp", "amd-apu-vulkan"): Prefill(0.502, 0.0809, 0.125, 5.4e-05, 2.39, 0.837),
    ("llamacpp", "ampere"): Prefill(0.242, 0.0206, 0.542, 6.76e-05, 1.71, 0.936),
    ("llamacpp", "apple"): Prefill(0.837, 0.163, 0.412, 5.44e-05, 1.92, 0.979),
    ("llamacpp", "apple-m5"): Prefill(0.815, 0.163, 0.403, 5.31e-05, 1.94, 0.979),
    ("llamacpp", "arc"): Prefill(0.0787, 0.0308, 0.209, 5.07e-05, 1.52, 1),
    ("llamacpp", "blackwell"): Prefill(0.379, 0.0175, 0.307, 6.52e-05, 1.55, 1.14),
    ("llamacpp", "cpu"): Prefill(0.334, 0.0578, 0.222, 5.04e-05, 1.34, 1),
    ("llamacpp", "hopper"): Prefill(0.0659, 0.026, 0.265, 8.24e-05, 0.778, 2.54),
    ("llamacpp", "pascal"): Prefill(0.255, 0.0305, 0.306, 6.45e-05, 1.36, 1.14),
    ("llamacpp", "rdna"): Prefill(0.635, 0.0338, 0.183, 5.34e-05, 3.11, 0.672),
    ("llamacpp", "rdna-vulkan"): Prefill(0.359, 0.0555, 0.189, 5.47e-05, 2.37, 0.672),
    ("llamacpp", "spark"): Prefill(0.255, 0.0305, 0.306, 6.45e-05, 1.36, 1.14),
    ("llamacpp", "turing"): Prefill(0.255, 0.0305, 0.306, 6.45e-05, 1.36, 1.14),
    ("mlx", "apple"): Prefill(0.851, 0.665, 0.386, 4.97e-05, 2.02, 1),
    ("mlx", "apple-m5"): Prefill(0.748, 0.545, 0.353, 4.98e-05, 2.02, 1),
    ("sglang", "blackwell"): Prefill(0.497, 0.11, 0.305, 5.14e-05, 2.19, 1),
    ("sglang", "hopper"): Prefill(0.405, 0.103, 0.625, 5.25e-05, 2.03, 1),
    ("transformers", "a100"): Prefill(0.0384, 0.15, 0.0435, 5e-05, 2, 1),
    ("transformers", "hopper"): Prefill(0.0469, 0.15, 0.0272, 5e-05, 2, 1),
    ("vllm", "a100"): Prefill(0.497, 0.11, 0.305, 5.14e-05, 2.19, 1),
    ("vllm", "ada"): Prefill(0.497, 0.11, 0.305, 5.14e-05, 2.19, 1),
    ("vllm", "ampere"): Prefill(0.497, 0.11, 0.305, 5.14e-05, 2.19, 1),
    ("vllm", "blackwell"): Prefill(0.835, 0.106, 0.308, 5.12e-05, 2.49, 1),
    ("vllm", "hopper"): Prefill(0.499, 0.0803, 0.3, 5.37e-05, 2.28, 1),
    ("vllm-v0", "a100"): Prefill(0.303, 0.15, 0.343, 4.98e-05, 2, 1),
}
DECODE_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.729, 1.26),
    ("llamacpp", "amd-apu"): Spread(0.63, 1.17),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.767, 1.23),
    ("llamacpp", "ampere"): Spread(0.58, 1.18),
    ("llamacpp", "apple"): Spread(0.482, 1.21),
    ("llamacpp", "blackwell"): Spread(0.816, 1.13),
    ("llamacpp", "cpu"): Spread(0.584, 1.29),
    ("llamacpp", "hopper"): Spread(0.846, 1.31),
    ("llamacpp", "pascal"): Spread(0.513, 1.17),
    ("llamacpp", "rdna"): Spread(0.387, 1.41),
    ("llamacpp", "spark"): Spread(0.881, 1.25),
    ("llamacpp", "turing"): Spread(0.808, 2.5),
    ("mlx", "apple"): Spread(0.631, 1.21),
    ("mlx", "apple-m5"): Spread(0.35, 1.18),
    ("sglang", "blackwell"): Spread(0.575, 1.42),
    ("sglang", "hopper"): Spread(0.529, 1.61),
    ("transformers", "a100"): Spread(0.791, 1.27),
    ("transformers", "hopper"): Spread(0.35, 1.17),
    ("vllm", "a100"): Spread(0.776, 1.17),
    ("vllm", "blackwell"): Spread(0.794, 1.91),
    ("vllm", "hopper"): Spread(0.588, 1.57),
    ("vllm-v0", "a100"): Spread(0.794, 1.18),
}
PREFILL_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.822, 1.52),
    ("llamacpp", "amd-apu"): Spread(0.407, 1.8),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.468, 2.21),
    ("llamacpp", "ampere"): Spread(0.513, 1.69),
    ("llamacpp", "apple"): Spread(0.636, 1.22),
    ("llamacpp", "blackwell"): Spread(0.373, 1.84),
    ("llamacpp", "cpu"): Spread(0.532, 2.5),
    ("llamacpp", "hopper"): Spread(0.559, 2.49),
    ("llamacpp", "rdna"): Spread(0.35, 1.33),
    ("mlx", "apple"): Spread(0.864, 1.16),
}
