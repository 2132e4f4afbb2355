"""How others lay out what they quantize, by method and publisher: the size of a repository that no listing states, and how far it may be off.

A method's usual layout is what its tool does by default, or what its publisher's other files show; the least and the most are layouts that are
published under the same words. benchmarks/truth/third_party_weights.csv has the files that they are held against.

auto-round 0.16.1 quantizes all linear layers of the blocks, 128 weights a scale, symmetric with zero points packed; gates and shapes off 32
(in_proj_a, in_proj_b) stay (special_model_handler.py get_predefined_ignore_layers, layer_config_resolver.py), MTP is quantized but for its fc
(utils/missing_tensors.py). gptqmodel 7.7.0: the same layers, mtp.* as it is (models/definitions/qwen3_5.py). llm-compressor 0.14 quantizes what the
recipe does not ignore; its recipes for hybrids ignore linear_attn. nvidia-modelopt 0.47: modelopt_recipes/general/ptq (default, mlp, experts only).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from qwenpick.catalog.schema import Architecture
from qwenpick.memory.quantization.safetensors import UNQUANTIZED, plain_bytes
from qwenpick.memory.tensors import Tensor, tensors
from qwenpick.values import dataclass

MAKER = "Qwen/"
# that are quantized before they are published
FORMATS = ("fp8", "gptq-int8", "gptq-int4", "awq-int4", "nvfp4", "mxfp4")
_BLOCKS = {"nvfp4": 16, "mxfp4": 32}  # weights that share a scale of a byte
DELTA, ATTENTION, SHARED, HEAD = "delta nets", "attention", "shared expert", "head"
_KINDS = {
    **dict.fromkeys(("attn_qkv", "attn_gate", "ssm_out"), DELTA),
    **dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), ATTENTION),
    **dict.fromkeys(("ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"), SHARED),
    "output": HEAD,
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A layout: what is left in 16 bits or in 8, weights that share a scale (0: a row's), zero points beside it, MTP block and towers.

    `first`: as many first layers are left in 16 bits whole.
    """

    wide: frozenset[str] = frozenset({HEAD})
    eight: frozenset[str] = frozenset()
    group: int = 128
    zeros: bool = True
    mtp: Literal["16 bits", "quantized", "absent"] = "16 bits"
    towers: bool = True
    first: int = 0

    def parts(self, architecture: Architecture, format_name: str) -> Counter[str]:
        """Bytes of a repository of the format, by part (text, mtp, …)."""
        found = Counter[str]()
        for tensor in tensors(architecture):
            found[tensor.part] += self._tensor(tensor, architecture, format_name)
        return found

    def _tensor(self, tensor: Tensor, architecture: Architecture, format_name: str) -> int:
        if (tensor.part == "mtp" and self.mtp == "absent") or (tensor.part in ("vision", "audio") and not self.towers):
            return 0
        kind, matrix = _KINDS.get(tensor.role), len(tensor.shape) > 1
        kept = tensor.role in UNQUANTIZED or tensor.role.startswith("nextn")
        inside = (tensor.part == "text" and bool(tensor.layers)) or (tensor.part == "mtp" and self.mtp == "quantized")
        if kind in self.wide or (kind != HEAD and not (matrix and inside and not kept)):
            return plain_bytes(tensor, architecture, format_name)
        rows, columns = tensor.shape[-2:]
        one = rows * columns + 2 * rows if kind in self.eight else _matrix(rows, columns, format_name, self)
        if left := tuple(layer for layer in tensor.layers if layer < self.first) if tensor.part == "text" else ():
            rest = tensor.count - len(left)
            return (
                plain_bytes(replace(tensor, layers=left), architecture, format_name)
                + rest * math.prod(tensor.shape[:-2]) * one
            )
        return tensor.count * math.prod(tensor.shape[:-2]) * one


def _matrix(rows: int, columns: int, format_name: str, recipe: Recipe) -> int:
    """Bytes of a quantized matrix: its codes, and for each group a scale of 16 bits and a zero point as wide as a code."""
    if format_name == "fp8":
        return rows * columns + 2 * rows
    if format_name in _BLOCKS:
        return rows * columns // 2 + rows * columns // _BLOCKS[format_name]
    bits = 8 if format_name.endswith("8") else 4
    groups = rows * (-(-columns // recipe.group) if recipe.group else 1)
    return rows * columns * bits // 8 + groups * 2 + (groups * bits // 8 if recipe.zeros else 0)


def _wide(*kinds: str) -> frozenset[str]:
    return frozenset({HEAD, *kinds})


_MLPS = _wide(DELTA, ATTENTION, SHARED)  # all else in 16 bits: of mixtures the routed experts alone are quantized
_FINE = 32  # weights a scale of who wants it exact: cyankiwi, btbtyler09, 88plug
_BARE = Recipe(mtp="absent", towers=False, zeros=False)  # the language model alone, all of its linear layers
_LEAST = replace(_BARE, wide=frozenset())  # its head too
_EIGHT = frozenset({DELTA, ATTENTION, SHARED})

# (usual, least, most), of dense models and of mixtures
_Method = tuple[Recipe, Recipe, Recipe]
_AUTOROUND: tuple[_Method, _Method] = (
    (Recipe(mtp="quantized"), _LEAST, Recipe()),
    (Recipe(_wide(SHARED), mtp="quantized"), _LEAST, Recipe(_MLPS)),
)
_AWQ: tuple[_Method, _Method] = (
    (Recipe(_wide(ATTENTION)), _BARE, Recipe(_MLPS)),
    (Recipe(_MLPS), _BARE, Recipe(_MLPS, group=_FINE)),
)
_GPTQ: tuple[_Method, _Method] = ((Recipe(), _LEAST, Recipe(_MLPS)), _AWQ[1])  # the maker's own has the MLPs alone
_INT: tuple[_Method, _Method] = (
    (Recipe(zeros=False), _LEAST, Recipe(_wide(DELTA), group=_FINE)),
    (Recipe(_wide(DELTA), zeros=False), _LEAST, Recipe(_MLPS, group=_FINE)),
)
_FLOAT: tuple[_Method, _Method] = ((Recipe(_wide(DELTA)), _LEAST, Recipe(_MLPS)),) * 2
_EXPERTS: tuple[_Method, _Method] = (_FLOAT[0], (Recipe(_MLPS), _LEAST, Recipe(_MLPS)))
_FP8: tuple[_Method, _Method] = ((Recipe(mtp="quantized"), _BARE, Recipe(_MLPS)),) * 2
_ROWS: tuple[_Method, _Method] = ((Recipe(_wide(DELTA), group=0, zeros=False), _BARE, Recipe(_MLPS, group=_FINE)),) * 2

# The first whose words the name has, or else the format
_METHODS: tuple[tuple[str, tuple[_Method, _Method]], ...] = (
    (r"auto-?round", _AUTOROUND),
    (r"nvfp4", _FLOAT),
    (r"mxfp4", _EXPERTS),
    (r"fp8-?dynamic", _FLOAT),
    (r"fp8", _FP8),
    (r"awq", _AWQ),
    (r"gptq", _GPTQ),
    (r"w8a8|smoothquant", _ROWS),
    (r"w\da16|int\d|\dbit", _INT),
)

# What the files of a publisher show: (owner, words of the name, usual layout of hybrids that are dense, of mixtures, whether all of two or more
# files that state their size have it, so that nothing else is expected)
_HABITS: tuple[tuple[str, str, Recipe | None, Recipe | None, bool], ...] = (
    ("cyankiwi", r"awq-bf16", Recipe(_wide(DELTA), group=_FINE), Recipe(_MLPS, group=_FINE), True),
    ("cyankiwi", r"awq", Recipe(group=_FINE), Recipe(_MLPS, group=_FINE), True),
    # Its files of 2B, 4B and 9B are this to the byte; 27B leaves attention alone
    ("quanttrio", r"-(0\.8|2|4|9|[0-9]+b-a[0-9]+)b-awq", Recipe(_MLPS, first=1), Recipe(_MLPS, first=1), True),
    ("btbtyler09", r"gptq", None, Recipe(_MLPS, group=_FINE), True),
    ("intel", r"qwen3\.[56]-.*auto-?round", None, Recipe(_wide(DELTA, SHARED)), False),
    ("amd", r"quark-awq", Recipe(), None, False),
    ("freaksterz", r"w8a8", Recipe(group=0, zeros=False), None, False),
    ("nameistoken", r"quark-w8a8", Recipe(group=0, zeros=False), Recipe(group=0, zeros=False), False),
    ("redhatai", r"w4a16|int4", Recipe(zeros=False), None, False),
    ("redhatai", r"nvfp4", Recipe(frozenset(), _EIGHT | {HEAD}), None, False),
    ("redhatai", r"fp8", Recipe(_wide(DELTA)), Recipe(_wide(DELTA)), False),
    ("nvidia", r"nvfp4", Recipe(frozenset(), _EIGHT), Recipe(frozenset(), _EIGHT), True),
    ("radixark", r"nvfp4", Recipe(frozenset(), _EIGHT), Recipe(_MLPS), True),
    ("unsloth", r"nvfp4", Recipe(frozenset(), _EIGHT | {HEAD}), Recipe(frozenset(), _EIGHT | {HEAD}), False),
    # modelopt's NVFP4_DEFAULT_CFG: all linear layers of the blocks, the MTP block put back in 16 bits
    ("sakamakismile", r"nvfp4-mtp", Recipe(), None, False),
    ("natfii", r"nvfp4-mtp", Recipe(), None, False),
    ("berkerdooo", r"nvfp4", Recipe(), None, False),
)
SLACK = 0.02  # biases, headers, a small block in 16 bits


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes of a repository by rule, of its language model, and of the least and the most that go by the same words.

    `low` and `high` are the language model's least and most, as shares of `text`.
    """

    bytes: int
    text: int
    least: int
    most: int
    low: float
    high: float


@lru_cache(maxsize=4096)
def estimate(architecture: Architecture, format_name: str, repo: str | None) -> Estimate | None:
    """The size of a repository of others by how they quantize; None for the maker's and for formats that are not quantized beforehand."""
    if not repo or repo.startswith(MAKER) or format_name not in FORMATS:
        return None
    every = tuple(_layouts(architecture, format_name, repo.casefold()))
    parts = {recipe: recipe.parts(architecture, format_name) for recipe in set(every)}
    whole, text = [parts[recipe].total() for recipe in every], [parts[recipe]["text"] for recipe in every]
    least, most = round(min(whole) * (1 - SLACK)), round(max(whole) * (1 + SLACK))
    return Estimate(whole[0], text[0], least, most, min(text) / text[0] - SLACK, max(text) / text[0] + SLACK)


@lru_cache(maxsize=4096)
def draft_bytes(architecture: Architecture, format_name: str, repo: str | None) -> int | None:
    """Bytes of the MTP block in a repository of others, as its method leaves it; None where there is no estimate."""
    if not repo or repo.startswith(MAKER) or format_name not in FORMATS:
        return None
    return next(_layouts(architecture, format_name, repo.casefold())).parts(architecture, format_name)["mtp"]


def _layouts(architecture: Architecture, format_name: str, repo: str) -> Iterator[Recipe]:
    """The usual layout, then the least and the most. Without delta nets all linear layers are usually quantized."""
    owner, _, name = repo.partition("/")
    found = next((m for text in (name, format_name) for words, m in _METHODS if re.search(words, text)), _INT)
    usual, least, most = found[architecture.is_moe]
    for who, words, dense, moe, sure in _HABITS:
        habit = moe if architecture.is_moe else dense
        if habit and owner == who and re.search(words, name):
            usual, least, most = (habit, habit, habit) if sure and architecture.is_hybrid else (habit, least, most)
            break
    if architecture.is_hybrid and re.search(r"(?<![a-z0-9])text(?![a-z0-9])", name):  # "the vision tower stripped"
        usual = replace(usual, towers=False)
    if group := re.search(r"(?<![a-z0-9])gs?(32|64|128)(?![0-9])", name):
        usual = replace(usual, group=int(group[1]))
    if not architecture.is_hybrid:
        usual = replace(usual, wide=_wide(), eight=frozenset(), first=0)
        most = replace(most, wide=_wide(ATTENTION) if architecture.is_moe else _wide())
    yield from (usual, least, most)
