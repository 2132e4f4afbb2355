"""Unsloth's dynamic files (UD-…): which type each tensor gets, as far as the sizes of some 700 published files tell.

Of a hybrid mixture of experts all but the experts is Q8_0, and the experts' down projection is a step wider than gate and up: 26 published UD-Q4_K_XL
files come to 4.87 bits an expert weight then, and (2 x 4.5 + 5.5) / 3 = 4.83. Other files are the plain mix of the same name with some layers wider:
their published size says by how much.
"""

from __future__ import annotations

# name -> (plain mix, type of the experts' gate and up, type of their down)
MIXES: dict[str, tuple[str, str, str]] = {
    "UD-Q8_K_XL": ("Q8_0", "Q8_0", "Q8_0"),
    "UD-Q6_K_XL": ("Q6_K", "Q6_K", "Q8_0"), "UD-Q6_K": ("Q6_K", "Q6_K", "Q6_K"),
    "UD-Q5_K_XL": ("Q5_K_M", "Q5_K", "Q6_K"), "UD-Q5_K_M": ("Q5_K_M", "Q5_K", "Q6_K"), "UD-Q5_K_S": ("Q5_K_S", "Q5_K", "Q5_K"),
    "UD-Q4_K_XL": ("Q4_K_M", "Q4_K", "Q5_K"), "UD-Q4_K_M": ("Q4_K_M", "Q4_K", "Q5_K"), "UD-Q4_K_S": ("Q4_K_S", "Q4_K", "Q4_K"),
    "UD-IQ4_NL": ("IQ4_NL", "IQ3_S", "IQ4_NL"), "UD-IQ4_XS": ("IQ4_XS", "IQ3_S", "IQ4_XS"),
    "UD-Q3_K_XL": ("Q3_K_M", "IQ3_XXS", "IQ4_XS"), "UD-Q3_K_M": ("Q3_K_M", "Q3_K", "IQ4_XS"), "UD-Q3_K_S": ("Q3_K_S", "Q3_K", "Q3_K"),
    "UD-IQ3_S": ("IQ3_S", "IQ3_XXS", "IQ3_S"), "UD-IQ3_XXS": ("IQ3_XXS", "IQ2_S", "IQ3_S"),
    "UD-Q2_K_XL": ("Q2_K", "IQ2_XS", "IQ3_XXS"), "UD-IQ2_M": ("IQ2_M", "IQ2_XXS", "IQ3_XXS"), "UD-IQ2_S": ("IQ2_S", "IQ2_XXS", "IQ2_S"),
    "UD-IQ2_XXS": ("IQ2_XXS", "IQ2_XXS", "IQ2_S"), "UD-IQ1_M": ("IQ1_M", "IQ1_M", "IQ2_S"), "UD-IQ1_S": ("IQ1_S", "IQ1_S", "IQ2_XXS"),
}  # fmt: skip
# What stands in where the plain mix of a name is not published of a model, but the dynamic one is
TWINS = {
    "Q6_K": "UD-Q6_K_XL", "Q5_K_M": "UD-Q5_K_XL", "Q4_K_M": "UD-Q4_K_XL", "IQ4_XS": "UD-IQ4_XS", "Q3_K_M": "UD-Q3_K_XL", "IQ3_XXS": "UD-IQ3_XXS",
    "Q2_K": "UD-Q2_K_XL", "IQ2_M": "UD-IQ2_M", "IQ2_XXS": "UD-IQ2_XXS",
}  # fmt: skip
BESIDE_EXPERTS = "Q8_0"

# How much a dense model's file weighs by the plain mix of its name: the newest listings, Qwen3.6-27B
DENSE = {"UD-IQ2_XXS": 1.09, "UD-IQ2_M": 1.07, "UD-Q2_K_XL": 1.09, "UD-IQ3_XXS": 1.03, "UD-Q3_K_XL": 1.07}


def expert_type(file_type: str, role: str) -> str:
    """The type of a tensor of a dynamic file of a hybrid mixture of experts."""
    _unused, gate_and_up, down = MIXES[file_type]
    if not role.endswith("_exps"):
        return BESIDE_EXPERTS
    return down if role.startswith("ffn_down") else gate_and_up
