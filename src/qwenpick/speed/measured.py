"""The measured constants, as `tools/fit_speed.py --write` fits them to public runs. docs/speed.md says how, and how well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.speed.constants import Common, Decode, Prefill, Spread

if TYPE_CHECKING:
    from qwenpick.speed.devices import Class

DEFAULT_DECODE = Decode(300e-6, 40e-6, 20e-6, 40e-6, 0.75, 0.5, 0.4)  # the centre that every fit is pulled to
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

COMMON = Common(0.603, 1.7e-05, 2.29e-05, 4.02, 0.445, 0.523)
MTP_SPREAD = Spread(0.496, 1.72)
UNPACK: dict[str, float] = {
    "Q2": 10,
    "Q3": 10,
    "IQ1": 7.18,
    "IQ2": 6.99,
    "IQ3": 9.99,
    "IQ4": 10,
    "Q4_K": 6.23,
    "Q4": 5.81,
    "MXFP4": 9.68,
    "Q5": 7.05,
    "Q6": 10,
    "Q8": 5.91,
}
FORMAT_SHARE: dict[str, float] = {
    "fp8": 0.95,
    "gptq-int8": 0.95,
    "int8": 0.9,
    "gptq-int4": 0.95,
    "awq-int4": 0.708,
    "nvfp4": 0.822,
}
DECODE: dict[tuple[str, Class], Decode] = {
    ("llamacpp", "ada"): Decode(0.000307, 4.62e-05, 2.16e-05, 6.16e-05, 0.946, 0.358, 0.551),
    ("llamacpp", "amd-apu"): Decode(0.000337, 4.36e-05, 0.000139, 3.35e-05, 0.872, 0.569, 0.773),
    ("llamacpp", "ampere"): Decode(0.000265, 3.52e-05, 1.9e-05, 8e-05, 0.95, 0.55, 0.789),
    ("llamacpp", "apple"): Decode(0.00034, 0.0001, 3.32e-05, 4.8e-05, 0.798, 0.407, 0.153),
    ("llamacpp", "apple-m5"): Decode(0.000298, 3.83e-05, 1.97e-05, 3.81e-05, 0.754, 0.581, 0.4),
    ("llamacpp", "arc"): Decode(0.000303, 4.29e-05, 2e-05, 4.31e-05, 0.748, 0.421, 0.4),
    ("llamacpp", "blackwell"): Decode(0.000281, 2.73e-05, 2.05e-05, 4.69e-05, 0.95, 0.399, 0.403),
    ("llamacpp", "hopper"): Decode(0.000324, 3.27e-05, 2.23e-05, 1.98e-05, 0.557, 0.689, 0.433),
    ("llamacpp", "pascal"): Decode(0.000316, 4.71e-05, 2.08e-05, 4e-05, 0.358, 0.5, 0.406),
    ("llamacpp", "rdna"): Decode(0.000302, 4.66e-05, 3.26e-05, 4.87e-05, 0.781, 0.441, 0.38),
    ("llamacpp", "spark"): Decode(0.000268, 2.84e-05, 1.88e-05, 3.4e-05, 0.764, 0.857, 0.414),
    ("llamacpp", "turing"): Decode(0.00027, 2.83e-05, 2e-05, 4e-05, 0.95, 0.5, 0.411),
    ("mlx", "apple"): Decode(0.000278, 3.08e-05, 2.37e-05, 3.8e-05, 0.757, 0.583, 0.694),
    ("mlx", "apple-m5"): Decode(0.000336, 6.18e-05, 2.27e-05, 3.99e-05, 0.803, 0.569, 0.399),
    ("sglang", "blackwell"): Decode(0.000349, 7.25e-05, 2.32e-05, 6.77e-05, 0.486, 0.775, 0.286),
    ("sglang", "hopper"): Decode(0.000364, 5.08e-05, 2.02e-05, 3.83e-05, 0.419, 0.513, 0.541),
    ("transformers", "a100"): Decode(0.0003, 0.000842, 2e-05, 4e-05, 0.538, 0.5, 0.161),
    ("transformers", "hopper"): Decode(0.0003, 0.000642, 2e-05, 4e-05, 0.75, 0.5, 0.4),
    ("vllm", "a100"): Decode(0.00106, 0.000112, 2e-05, 2.95e-05, 0.884, 0.817, 0.361),
    ("vllm", "ada"): Decode(0.000266, 2.81e-05, 1.71e-05, 3.09e-05, 0.95, 0.52, 0.402),
    ("vllm", "ampere"): Decode(0.00032, 3.23e-05, 1.82e-05, 2.91e-05, 0.922, 0.599, 0.399),
    ("vllm", "blackwell"): Decode(0.000385, 3.57e-05, 2.7e-05, 4.5e-05, 0.95, 0.95, 0.95),
    ("vllm", "hopper"): Decode(0.000436, 4.55e-05, 1.98e-05, 2.29e-05, 0.847, 0.947, 0.367),
}
PREFILL: dict[tuple[str, Class], Prefill] = {
    ("llamacpp", "ada"): Prefill(0.773, 0.15, 0.227, 5.28e-05, 0.991),
    ("llamacpp", "amd-apu"): Prefill(0.561, 0.0745, 0.225, 5.33e-05, 4.77),
    ("llamacpp", "ampere"): Prefill(0.228, 0.021, 0.563, 5.48e-05, 2.26),
    ("llamacpp", "apple"): Prefill(0.832, 0.163, 0.406, 5.25e-05, 1.94),
    ("llamacpp", "apple-m5"): Prefill(0.3, 0.15, 0.2, 5e-05, 2),
    ("llamacpp", "arc"): Prefill(0.116, 0.0459, 0.196, 5.04e-05, 2),
    ("llamacpp", "blackwell"): Prefill(0.405, 0.021, 0.199, 5.16e-05, 1.47),
    ("llamacpp", "hopper"): Prefill(0.0681, 0.0351, 0.231, 0.000156, 0.71),
    ("llamacpp", "pascal"): Prefill(0.3, 0.15, 0.2, 5e-05, 2),
    ("llamacpp", "rdna"): Prefill(0.378, 0.0361, 0.25, 5.31e-05, 2.18),
    ("llamacpp", "spark"): Prefill(0.3, 0.15, 0.2, 5e-05, 2),
    ("llamacpp", "turing"): Prefill(0.3, 0.15, 0.2, 5e-05, 2),
    ("mlx", "apple"): Prefill(0.85, 0.646, 0.381, 4.97e-05, 2.02),
    ("mlx", "apple-m5"): Prefill(0.3, 0.15, 0.2, 5e-05, 2),
    ("sglang", "blackwell"): Prefill(0.3, 0.15, 0.2, 5e-05, 2),
    ("sglang", "hopper"): Prefill(0.333, 0.169, 0.723, 5.25e-05, 1.62),
    ("transformers", "a100"): Prefill(0.0415, 0.15, 0.151, 5e-05, 2),
    ("transformers", "hopper"): Prefill(0.234, 0.15, 0.0212, 5e-05, 2),
    ("vllm", "a100"): Prefill(0.363, 0.15, 0.434, 5.02e-05, 2),
    ("vllm", "ada"): Prefill(0.3, 0.15, 0.2, 5e-05, 2),
    ("vllm", "ampere"): Prefill(0.3, 0.15, 0.2, 5e-05, 2),
    ("vllm", "blackwell"): Prefill(0.941, 0.0993, 0.209, 4.97e-05, 2.7),
    ("vllm", "hopper"): Prefill(0.335, 0.0805, 0.203, 5.36e-05, 2.29),
}
DECODE_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.682, 1.41),
    ("llamacpp", "amd-apu"): Spread(0.526, 1.18),
    ("llamacpp", "ampere"): Spread(0.561, 1.34),
    ("llamacpp", "apple"): Spread(0.484, 1.24),
    ("llamacpp", "blackwell"): Spread(0.822, 1.15),
    ("llamacpp", "hopper"): Spread(0.801, 1.3),
    ("llamacpp", "pascal"): Spread(0.525, 1.16),
    ("llamacpp", "rdna"): Spread(0.395, 1.45),
    ("llamacpp", "spark"): Spread(0.908, 1.19),
    ("mlx", "apple"): Spread(0.618, 1.24),
    ("mlx", "apple-m5"): Spread(0.091, 1.39),
    ("sglang", "blackwell"): Spread(0.599, 1.39),
    ("sglang", "hopper"): Spread(0.446, 1.56),
    ("transformers", "a100"): Spread(0.689, 1.27),
    ("transformers", "hopper"): Spread(0.269, 1.19),
    ("vllm", "a100"): Spread(0.438, 1.34),
    ("vllm", "blackwell"): Spread(0.669, 2.48),
    ("vllm", "hopper"): Spread(0.537, 1.66),
}
PREFILL_SPREAD: dict[tuple[str, Class], Spread] = {
    ("llamacpp", "ada"): Spread(0.683, 1.41),
    ("llamacpp", "amd-apu"): Spread(0.3, 2),
    ("llamacpp", "ampere"): Spread(0.156, 1.78),
    ("llamacpp", "apple"): Spread(0.643, 1.16),
    ("llamacpp", "blackwell"): Spread(0.17, 3.77),
    ("llamacpp", "hopper"): Spread(0.624, 1.47),
    ("llamacpp", "rdna"): Spread(0.032, 2.26),
    ("mlx", "apple"): Spread(0.951, 3.75),
}
