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

COMMON = Common(0.621, 9.93e-06, 1.86e-05, 4.22, 0.562, 0.000418, 3.31)
MTP_SPREAD = Spread(0.504, 1.69)
UNPACK: dict[str, float] = {
    "Q2": 10,
    "Q3": 10,
    "IQ1": 7.69,
    "IQ2": 7.08,
    "IQ3": 9.99,
    "IQ4": 10,
    "Q4_K": 6.74,
    "Q4": 4.83,
    "MXFP4": 9.82,
    "Q5": 6.48,
    "Q6": 9.48,
    "Q8": 5.84,
}
FORMAT_SHARE: dict[str, float] = {
    "fp8": 0.95,
    "gptq-int8": 0.867,
    "int8": 0.9,
    "gptq-int4": 0.95,
    "awq-int4": 0.755,
    "nvfp4": 0.757,
}
DECODE: dict[tuple[str, Class], Decode] = {
    ("llamacpp", "ada"): Decode(0.000306, 4.33e-05, 2.23e-05, 6.91e-05, 0.918, 0.428, 0.58, 0.83),
    ("llamacpp", "amd-apu"): Decode(0.000368, 5.9e-05, 0.000173, 3.9e-05, 0.892, 0.62, 0.805, 1),
    ("llamacpp", "amd-apu-vulkan"): Decode(0.000346, 4.68e-05, 0.000126, 3.38e-05, 0.905, 0.643, 0.701, 1),
    ("llamacpp", "ampere"): Decode(0.00028, 3.55e-05, 2.02e-05, 7.38e-05, 0.95, 0.507, 0.787, 0.993),
    ("llamacpp", "apple"): Decode(0.00034, 9.92e-05, 4.14e-05, 5.21e-05, 0.809, 0.406, 0.15, 1),
    ("llamacpp", "apple-m5"): Decode(0.000337, 8.73e-05, 3.48e-05, 4.6e-05, 0.814, 0.499, 0.155, 1),
    ("llamacpp", "arc"): Decode(0.000299, 3.76e-05, 2.1e-05, 3.72e-05, 0.738, 0.317, 0.42, 1),
    ("llamacpp", "blackwell"): Decode(0.000292, 3.26e-05, 2.12e-05, 5.34e-05, 0.95, 0.483, 0.575, 0.784),
    ("llamacpp", "cpu"): Decode(0.000305, 4.21e-05, 2.15e-05, 4.16e-05, 0.645, 0.158, 0.429, 1),
    ("llamacpp", "hopper"): Decode(0.000316, 3.02e-05, 1.92e-05, 2.49e-05, 0.775, 0.655, 0.506, 2.14),
    ("llamacpp", "pascal"): Decode(0.000304, 3.91e-05, 2.1e-05, 5e-05, 0.36, 0.515, 0.578, 1),
    ("llamacpp", "rdna"): Decode(0.000357, 5.99e-05, 0.000154, 4.7e-05, 0.873, 0.524, 0.736, 1),
    ("llamacpp", "rdna-vulkan"): Decode(0.000329, 4.71e-05, 0.000104, 4.22e-05, 0.94, 0.566, 0.744, 1),
    ("llamacpp", "spark"): Decode(0.00028, 2.98e-05, 1.98e-05, 4.2e-05, 0.777, 0.802, 0.584, 0.98),
    ("llamacpp", "turing"): Decode(0.000286, 3.2e-05, 2.06e-05, 4.97e-05, 0.95, 0.522, 0.581, 0.683),
    ("mlx", "apple"): Decode(0.000282, 3.31e-05, 2.74e-05, 3.85e-05, 0.76, 0.601, 0.808, 1),
    ("mlx", "apple-m5"): Decode(0.000313, 4.81e-05, 2.81e-05, 4.07e-05, 0.777, 0.587, 0.668, 1),
    ("sglang", "blackwell"): Decode(0.000414, 5.28e-05, 2.11e-05, 3.9e-05, 0.48, 0.849, 0.509, 1),
    ("sglang", "hopper"): Decode(0.00042, 5.01e-05, 1.9e-05, 3.53e-05, 0.408, 0.877, 0.593, 1),
    ("transformers", "a100"): Decode(0.0003, 0.00082, 2e-05, 4e-05, 0.554, 0.5, 0.174, 1),
    ("transformers", "hopper"): Decode(0.0003, 0.000613, 2e-05, 4e-05, 0.568, 0.5, 0.19, 1),
    ("vllm", "a100"): Decode(0.000385, 4.36e-05, 1.89e-05, 3.4e-05, 0.55, 0.654, 0.606, 1),
    ("vllm", "ada"): Decode(0.000345, 2.98e-05, 1.74e-05, 2.6e-05, 0.95, 0.865, 0.622, 1),
    ("vllm", "ampere"): Decode(0.000343, 2.9e-05, 1.72e-05, 2.58e-05, 0.95, 0.907, 0.621, 1),
    ("vllm", "blackwell"): Decode(0.000387, 2.77e-05, 1.89e-05, 2.55e-05, 0.95, 0.95, 0.95, 1),
    ("vllm", "hopper"): Decode(0.000448, 4.16e-05, 1.88e-05, 2.33e-05, 0.806, 0.95, 0.576, 1),
    ("vllm-v0", "a100"): Decode(0.000726, 0.00012, 2e-05, 4e-05, 0.927, 0.5, 0.95, 1),
}
PREFILL: dict[tuple[str, Class], Prefill] = {
    ("llamacpp", "ada"): Prefill(0.42, 0.0341, 0.253, 6.42e-05, 1.55, 1.15),
    ("llamacpp", "amd-apu"): Prefill(0.625, 0.0908, 0.235, 5.45e-05, 3.9, 0.592),
    ("llamacpp", "amd-apu-vulkan"): Prefill(0.502, 0.0809, 0.125, 5.4e-05, 2.39, 0.822),
    ("llamacpp", "ampere"): Prefill(0.242, 0.0206, 0.542, 6.76e-05, 1.71, 0.938),
    ("llamacpp", "apple"): Prefill(0.837, 0.163, 0.412, 5.44e-05, 1.92, 0.979),
    ("llamacpp", "apple-m5"): Prefill(0.816, 0.163, 0.403, 5.31e-05, 1.94, 0.979),
    ("llamacpp", "arc"): Prefill(0.118, 0.0454, 0.207, 5.05e-05, 1.51, 1),
    ("llamacpp", "blackwell"): Prefill(0.379, 0.0175, 0.307, 6.52e-05, 1.55, 1.15),
    ("llamacpp", "cpu"): Prefill(0.347, 0.0725, 0.218, 5.03e-05, 1.32, 1),
    ("llamacpp", "hopper"): Prefill(0.0659, 0.026, 0.265, 8.25e-05, 0.777, 2.54),
    ("llamacpp", "pascal"): Prefill(0.255, 0.0305, 0.306, 6.45e-05, 1.36, 1.15),
    ("llamacpp", "rdna"): Prefill(0.634, 0.0338, 0.183, 5.34e-05, 3.11, 0.667),
    ("llamacpp", "rdna-vulkan"): Prefill(0.359, 0.0555, 0.189, 5.47e-05, 2.37, 0.667),
    ("llamacpp", "spark"): Prefill(0.255, 0.0305, 0.306, 6.45e-05, 1.36, 1.15),
    ("llamacpp", "turing"): Prefill(0.255, 0.0305, 0.306, 6.45e-05, 1.36, 1.15),
    ("mlx", "apple"): Prefill(0.851, 0.665, 0.386, 4.97e-05, 2.02, 1),
    ("mlx", "apple-m5"): Prefill(0.748, 0.545, 0.353, 4.98e-05, 2.02, 1),
    ("sglang", "blackwell"): Prefill(0.494, 0.109, 0.305, 5.13e-05, 2.19, 1),
    ("sglang", "hopper"): Prefill(0.402, 0.101, 0.627, 5.25e-05, 2.03, 1),
    ("transformers", "a100"): Prefill(0.0384, 0.15, 0.0435, 5e-05, 2, 1),
    ("transformers", "hopper"): Prefill(0.0469, 0.15, 0.0272, 5e-05, 2, 1),
    ("vllm", "a100"): Prefill(0.494, 0.109, 0.305, 5.13e-05, 2.19, 1),
    ("vllm", "ada"): Prefill(0.494, 0.109, 0.305, 5.13e-05, 2.19, 1),
    ("vllm", "ampere"): Prefill(0.494, 0.109, 0.305, 5.13e-05, 2.19, 1),
    ("vllm", "blackwell"): Prefill(0.83, 0.105, 0.309, 5.12e-05, 2.49, 1),
    ("vllm", "hopper"): Prefill(0.496, 0.0803, 0.301, 5.37e-05, 2.27, 1),
    ("vllm-v0", "a100"): Prefill(0.302, 0.15, 0.343, 4.98e-05, 2, 1),
}
DECODE_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.729, 1.27),
    ("llamacpp", "amd-apu"): Spread(0.63, 1.17),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.767, 1.23),
    ("llamacpp", "ampere"): Spread(0.58, 1.19),
    ("llamacpp", "apple"): Spread(0.482, 1.21),
    ("llamacpp", "blackwell"): Spread(0.816, 1.13),
    ("llamacpp", "cpu"): Spread(0.581, 1.29),
    ("llamacpp", "hopper"): Spread(0.846, 1.32),
    ("llamacpp", "pascal"): Spread(0.512, 1.165),
    ("llamacpp", "rdna"): Spread(0.386, 1.41),
    ("llamacpp", "spark"): Spread(0.881, 1.25),
    ("llamacpp", "turing"): Spread(0.808, 2.5),
    ("mlx", "apple"): Spread(0.631, 1.21),
    ("mlx", "apple-m5"): Spread(0.35, 1.18),
    ("sglang", "blackwell"): Spread(0.569, 1.42),
    ("sglang", "hopper"): Spread(0.528, 1.61),
    ("transformers", "a100"): Spread(0.791, 1.27),
    ("transformers", "hopper"): Spread(0.35, 1.17),
    ("vllm", "a100"): Spread(0.758, 1.174),
    ("vllm", "blackwell"): Spread(0.815, 1.86),
    ("vllm", "hopper"): Spread(0.588, 1.58),
    ("vllm-v0", "a100"): Spread(0.794, 1.18),
}
PREFILL_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.822, 1.52),
    ("llamacpp", "amd-apu"): Spread(0.407, 1.8),
    ("llamacpp", "amd-apu-vulkan"): Spread(0.468, 2.21),
    ("llamacpp", "ampere"): Spread(0.513, 1.7),
    ("llamacpp", "apple"): Spread(0.636, 1.22),
    ("llamacpp", "blackwell"): Spread(0.373, 1.84),
    ("llamacpp", "cpu"): Spread(0.495, 2.5),
    ("llamacpp", "hopper"): Spread(0.559, 2.49),
    ("llamacpp", "rdna"): Spread(0.35, 1.33),
    ("mlx", "apple"): Spread(0.864, 1.158),
}
