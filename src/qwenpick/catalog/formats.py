"""The storage formats of weights by name, with the nominal bits of a weight: what a checkpoint may say it holds."""

from __future__ import annotations

GGUF_BITS: dict[str, float] = {
    "F32": 32, "BF16": 16, "F16": 16, "Q8_0": 8.5, "Q6_K": 6.56, "Q5_K_M": 5.7, "Q5_1": 6.0, "Q5_0": 5.5, "Q5_K_S": 5.53,
    "Q4_K_M": 4.85, "Q4_1": 5.0, "Q4_K_S": 4.58, "Q4_0": 4.54, "IQ4_NL": 4.5, "IQ4_XS": 4.25, "MXFP4_MOE": 4.25,
    "Q3_K_L": 4.27, "Q3_K_M": 3.91, "IQ3_M": 3.66, "Q3_K_S": 3.5, "IQ3_S": 3.44, "IQ3_XS": 3.3, "IQ3_XXS": 3.06,
    "Q2_K": 3.0, "Q2_K_S": 2.63, "IQ2_M": 2.7, "IQ2_S": 2.5, "IQ2_XS": 2.31, "IQ2_XXS": 2.06, "IQ1_M": 1.75, "IQ1_S": 1.56,
    "TQ2_0": 2.06, "TQ1_0": 1.69, "Q2_0": 2.25, "Q1_0": 1.125,
    # Unsloth's dynamic files, medians over what is published of dense models
    "UD-Q8_K_XL": 10.4, "UD-Q6_K_XL": 7.3, "UD-Q6_K": 6.56, "UD-Q5_K_XL": 5.8, "UD-Q5_K_M": 5.7, "UD-Q5_K_S": 5.5,
    "UD-Q4_K_XL": 5.0, "UD-Q4_K_M": 4.9, "UD-Q4_K_S": 4.6, "UD-IQ4_NL": 4.4, "UD-IQ4_XS": 4.1, "UD-Q3_K_XL": 4.1, "UD-Q3_K_M": 3.9, "UD-Q3_K_S": 3.5,
    "UD-IQ3_S": 3.4, "UD-IQ3_XXS": 3.06, "UD-Q2_K_XL": 3.1, "UD-IQ2_M": 2.7, "UD-IQ2_S": 2.4, "UD-IQ2_XXS": 2.1, "UD-IQ1_M": 1.85, "UD-IQ1_S": 1.7,
}  # fmt: skip
SAFETENSORS_BITS: dict[str, float] = {
    "fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "fp8-online": 8, "gptq-int8": 8, "int8": 8,
    "gptq-int4": 4, "awq-int4": 4, "nf4": 4, "nvfp4": 4, "mxfp4": 4,
}  # fmt: skip
MLX_BITS: dict[str, float] = {
    "mlx-3bit": 3, "mlx-4bit": 4, "mlx-5bit": 5, "mlx-6bit": 6, "mlx-8bit": 8, "mlx-4bit-g32": 4, "mlx-5bit-g32": 5, "mlx-bf16": 16,
}  # fmt: skip
FORMAT_NAMES = (*SAFETENSORS_BITS, *GGUF_BITS, *MLX_BITS)
