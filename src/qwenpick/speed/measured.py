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

COMMON_CENTRE = Common(0.75, 10e-6, 30e-6, 3.5, 0.35, 0.5)
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

COMMON = Common(0.609, 1.78e-05, 2.23e-05, 4.17, 0.428, 0.547)
MTP_SPREAD = Spread(0.494, 1.61)
UNPACK: dict[str, float] = {
    "Q2": 10,
    "Q3": 10,
    "IQ1": 7.71,
    "IQ2": 7.59,
    "IQ3": 9.99,
    "IQ4": 10,
    "Q4_K": 6.69,
    "Q4": 4.81,
    "MXFP4": 9.82,
    "Q5": 6.45,
    "Q6": 9.43,
    "Q8": 5.81,
}
FORMAT_SHARE: dict[str, float] = {
    "fp8": 0.95,
    "gptq-int8": 0.95,
    "int8": 0.9,
    "gptq-int4": 0.95,
    "awq-int4": 0.684,
    "nvfp4": 0.802,
}
DECODE: dict[tuple[str, Class], Decode] = {
    ("llamacpp", "ada"): Decode(0.000302, 4.33e-05, 2.23e-05, 7.01e-05, 0.913, 0.442, 0.584, 0.822),
    ("llamacpp", "amd-apu"): Decode(0.000354, 5.66e-05, 0.000168, 3.4e-05, 0.887, 0.603, 0.804, 1),
    ("llamacpp", "amd-apu-vulkan"): Decode(0.000305, 2.94e-05, 9.1e-05, 2.21e-05, 0.868, 0.4, 0.798, 1),
    ("llamacpp", "ampere"): Decode(0.000278, 3.59e-05, 2.01e-05, 7.52e-05, 0.95, 0.529, 0.784, 0.967),
    ("llamacpp", "apple"): Decode(0.00034, 9.92e-05, 4.14e-05, 5.22e-05, 0.809, 0.406, 0.15, 1),
    ("llamacpp", "apple-m5"): Decode(0.000337, 8.72e-05, 3.48e-05, 4.6e-05, 0.831, 0.499, 0.155, 1),
    ("llamacpp", "arc"): Decode(0.000304, 4.35e-05, 2e-05, 4.36e-05, 0.751, 0.409, 0.4, 1),
    ("llamacpp", "blackwell"): Decode(0.000288, 3.26e-05, 2.11e-05, 5.29e-05, 0.95, 0.506, 0.571, 0.788),
    ("llamacpp", "hopper"): Decode(0.000315, 3.02e-05, 1.91e-05, 2.54e-05, 0.772, 0.677, 0.496, 2.15),
    ("llamacpp", "pascal"): Decode(0.000302, 3.91e-05, 2.09e-05, 5.05e-05, 0.36, 0.53, 0.574, 0.994),
    ("llamacpp", "rdna"): Decode(0.000343, 5.46e-05, 0.000126, 3.51e-05, 0.844, 0.486, 0.765, 1),
    ("llamacpp", "rdna-vulkan"): Decode(0.00031, 3.96e-05, 8.64e-05, 3.25e-05, 0.9, 0.52, 0.773, 1),
    ("llamacpp", "spark"): Decode(0.000278, 2.99e-05, 1.98e-05, 4.25e-05, 0.776, 0.811, 0.58, 0.974),
    ("llamacpp", "turing"): Decode(0.000285, 3.26e-05, 2.06e-05, 5.05e-05, 0.95, 0.53, 0.577, 0.687),
    ("mlx", "apple"): Decode(0.000282, 3.3e-05, 2.74e-05, 3.85e-05, 0.76, 0.601, 0.806, 1),
    ("mlx", "apple-m5"): Decode(0.000313, 4.81e-05, 2.81e-05, 4.07e-05, 0.777, 0.587, 0.666, 1),
    ("sglang", "blackwell"): Decode(0.000595, 9.65e-05, 2.45e-05, 4.67e-05, 0.596, 0.816, 0.438, 1),
    ("sglang", "hopper"): Decode(0.000526, 4.95e-05, 2.22e-05, 3.95e-05, 0.425, 0.948, 0.582, 1),
    ("transformers", "a100"): Decode(0.0003, 0.00082, 2e-05, 4e-05, 0.554, 0.5, 0.174, 1),
    ("transformers", "hopper"): Decode(0.0003, 0.000613, 2e-05, 4e-05, 0.567, 0.5, 0.189, 1),
    ("vllm", "a100"): Decode(0.00103, 0.000113, 2.21e-05, 3.11e-05, 0.866, 0.948, 0.401, 1),
    ("vllm", "ada"): Decode(0.000463, 4.11e-05, 1.98e-05, 3.01e-05, 0.95, 0.896, 0.559, 1),
    ("vllm", "ampere"): Decode(0.000488, 4.31e-05, 2.01e-05, 3.13e-05, 0.95, 0.927, 0.557, 1),
    ("vllm", "blackwell"): Decode(0.000503, 4.27e-05, 2.31e-05, 3.53e-05, 0.95, 0.95, 0.95, 1),
    ("vllm", "hopper"): Decode(0.000579, 4.73e-05, 2.2e-05, 2.65e-05, 0.874, 0.95, 0.529, 1),
}
PREFILL: dict[tuple[str, Class], Prefill] = {
    ("llamacpp", "ada"): Prefill(0.415, 0.0355, 0.254, 7.18e-05, 1.5),
    ("llamacpp", "amd-apu"): Prefill(0.624, 0.0764, 0.236, 5.4e-05, 4.05),
    ("llamacpp", "amd-apu-vulkan"): Prefill(0.502, 0.0612, 0.123, 5.31e-05, 2.45),
    ("llamacpp", "ampere"): Prefill(0.242, 0.0207, 0.546, 7.52e-05, 1.97),
    ("llamacpp", "apple"): Prefill(0.836, 0.164, 0.412, 5.44e-05, 1.89),
    ("llamacpp", "apple-m5"): Prefill(0.815, 0.163, 0.403, 5.32e-05, 1.92),
    ("llamacpp", "arc"): Prefill(0.114, 0.0428, 0.197, 5.04e-05, 2),
    ("llamacpp", "blackwell"): Prefill(0.382, 0.0181, 0.306, 7.31e-05, 1.54),
    ("llamacpp", "hopper"): Prefill(0.0671, 0.0283, 0.26, 0.000127, 0.795),
    ("llamacpp", "pascal"): Prefill(0.26, 0.034, 0.306, 7.22e-05, 1.38),
    ("llamacpp", "rdna"): Prefill(0.631, 0.0352, 0.183, 5.29e-05, 3.21),
    ("llamacpp", "rdna-vulkan"): Prefill(0.342, 0.0671, 0.191, 5.38e-05, 2.4),
    ("llamacpp", "spark"): Prefill(0.26, 0.034, 0.306, 7.22e-05, 1.38),
    ("llamacpp", "turing"): Prefill(0.26, 0.034, 0.306, 7.22e-05, 1.38),
    ("mlx", "apple"): Prefill(0.851, 0.665, 0.387, 4.97e-05, 2.02),
    ("mlx", "apple-m5"): Prefill(0.748, 0.545, 0.354, 4.98e-05, 2.02),
    ("sglang", "blackwell"): Prefill(0.488, 0.115, 0.346, 5.11e-05, 2.18),
    ("sglang", "hopper"): Prefill(0.393, 0.106, 0.648, 5.23e-05, 2.02),
    ("transformers", "a100"): Prefill(0.0385, 0.15, 0.0432, 5e-05, 2),
    ("transformers", "hopper"): Prefill(0.0471, 0.15, 0.0271, 5e-05, 2),
    ("vllm", "a100"): Prefill(0.4, 0.115, 0.397, 5.12e-05, 2.18),
    ("vllm", "ada"): Prefill(0.488, 0.115, 0.346, 5.11e-05, 2.18),
    ("vllm", "ampere"): Prefill(0.488, 0.115, 0.346, 5.11e-05, 2.18),
    ("vllm", "blackwell"): Prefill(0.82, 0.102, 0.349, 5.1e-05, 2.48),
    ("vllm", "hopper"): Prefill(0.493, 0.0797, 0.339, 5.36e-05, 2.27),
}
DECODE_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.721, 1.27),
    ("llamacpp", "amd-apu"): Spread(0.629, 1.16),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.377, 1.53),
    ("llamacpp", "ampere"): Spread(0.579, 1.18),
    ("llamacpp", "apple"): Spread(0.482, 1.21),
    ("llamacpp", "blackwell"): Spread(0.815, 1.13),
    ("llamacpp", "hopper"): Spread(0.849, 1.31),
    ("llamacpp", "pascal"): Spread(0.512, 1.14),
    ("llamacpp", "rdna"): Spread(0.358, 1.33),
    ("llamacpp", "spark"): Spread(0.891, 1.25),
    ("mlx", "apple"): Spread(0.63, 1.21),
    ("mlx", "apple-m5"): Spread(0.088, 1.18),
    ("sglang", "blackwell"): Spread(0.574, 1.19),
    ("sglang", "hopper"): Spread(0.523, 1.56),
    ("transformers", "a100"): Spread(0.791, 1.27),
    ("transformers", "hopper"): Spread(0.287, 1.17),
    ("vllm", "a100"): Spread(0.455, 1.28),
    ("vllm", "blackwell"): Spread(0.714, 1.88),
    ("vllm", "hopper"): Spread(0.662, 1.6),
}
PREFILL_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.824, 1.53),
    ("llamacpp", "amd-apu"): Spread(0.461, 1.96),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.187, 2.24),
    ("llamacpp", "ampere"): Spread(0.533, 1.69),
    ("llamacpp", "apple"): Spread(0.642, 1.15),
    ("llamacpp", "blackwell"): Spread(0.37, 1.82),
    ("llamacpp", "hopper"): Spread(0.599, 1.32),
    ("llamacpp", "rdna"): Spread(0.032, 2.26),
    ("mlx", "apple"): Spread(0.951, 1.12),
}
