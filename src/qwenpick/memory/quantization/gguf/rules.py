"""llama.cpp's quantizer: which type each tensor of each layer gets in a file of Q4_K_M, IQ4_XS, Q8_0, … without an importance matrix.

Facts read from src/llama-quant.cpp of llama.cpp b11434 (tensor_allows_quantization, llama_tensor_get_type).
"""

from __future__ import annotations

from functools import lru_cache

from qwenpick.catalog.schema import Architecture, MoeMlp
from qwenpick.memory.quantization.gguf.dynamic import MIXES, expert_type
from qwenpick.memory.quantization.gguf.layout import HYPER_CONNECTIONS, NGRAM_TABLE, gguf_tensors, is_tied
from qwenpick.memory.quantization.gguf.types import divides, fallback, is_quantized
from qwenpick.memory.tensors import Tensor
from qwenpick.values import dataclass

# file type -> the type of a tensor that no rule singles out
DEFAULT_TYPE: dict[str, str] = {
    "F32": "F32", "BF16": "BF16", "F16": "F16", "Q8_0": "Q8_0", "Q6_K": "Q6_K",
    "Q5_K_M": "Q5_K", "Q5_K_S": "Q5_K", "Q5_1": "Q5_1", "Q5_0": "Q5_0",
    "Q4_K_M": "Q4_K", "Q4_K_S": "Q4_K", "Q4_1": "Q4_1", "Q4_0": "Q4_0", "IQ4_NL": "IQ4_NL", "IQ4_XS": "IQ4_XS",
    "Q3_K_L": "Q3_K", "Q3_K_M": "Q3_K", "Q3_K_S": "Q3_K", "IQ3_M": "IQ3_S", "IQ3_S": "IQ3_S", "IQ3_XS": "IQ3_S", "IQ3_XXS": "IQ3_XXS",
    "Q2_K": "Q2_K", "Q2_K_S": "Q2_K", "IQ2_M": "IQ2_S", "IQ2_S": "IQ2_XS", "IQ2_XS": "IQ2_XS", "IQ2_XXS": "IQ2_XXS",
    "IQ1_M": "IQ1_M", "IQ1_S": "IQ1_S", "MXFP4_MOE": "MXFP4",
    "TQ1_0": "TQ1_0", "TQ2_0": "TQ2_0", "Q2_0": "Q2_0", "Q1_0": "Q1_0",
    "Q4_K_M (Ollama)": "Q4_K", "Q4_K_M (Ollama, 16-bit values)": "Q4_K", "Q8_0 (Ollama, 16-bit values)": "Q8_0",
}  # fmt: skip

DEFAULT_TYPE |= {name: DEFAULT_TYPE[plain] for name, (plain, _gate, _down) in MIXES.items()}

# refused without one
NEEDS_IMATRIX = frozenset({"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "Q2_K_S"})

# Ollama quantizes hybrids itself: server/quantization.go of Ollama 0.18, qwen3LinearAttnQuantType. Its Q4_K_M spends more on what experts put out.
OLLAMA_HYBRID = "Q4_K_M (Ollama)"

# The library's files of the first Qwen3 keep the values of every layer in F16: ollama/ollama#14774 (qwen3:32b, 64 layers) lists 64 tensors in F16,
# and as many in Q6_K as llama.cpp's Q4_K_M has without values.
OLLAMA_HALF_VALUES = {"Q4_K_M": "Q4_K_M (Ollama, 16-bit values)", "Q8_0": "Q8_0 (Ollama, 16-bit values)"}
_PLAIN = {mix: plain for plain, mix in OLLAMA_HALF_VALUES.items()}

# Publishers' own choice for Flash-Next's n-gram table: 26.8 GiB, which is 4.5 bits, in Unsloth's UD-Q2_K_XL (Tanguille/cluster pull request 4764) and
# UD-Q4_K_XL (0xBakeer/inference-atlas pull request 34); from five bits on the sizes of Unsloth's files leave 8.2 to 8.3 for it
TABLE, WIDE_TABLE = "IQ4_NL", "Q8_0"
_WIDE = ("Q5_K", "Q5_0", "Q5_1", "Q6_K", "Q8_0", "MXFP4")

_VALUES = ("attn_v", "attn_qkv")  # the delta net's and gen-1 Qwen's fused projection counts as values
_TINY = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M")
_BIG_OUTPUT = (*_TINY, "IQ3_XXS")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rules ask of a model."""

    layers: int  # the MTP blocks included
    hybrid: bool
    heads_per_kv_head: int
    experts: int
    tied: bool
    is_70b: bool

    @classmethod
    def of(cls, architecture: Architecture) -> Shape:
        """The shape of an architecture."""
        attention, mlp = architecture.attention, architecture.mlp
        return cls(
            layers=architecture.num_layers + architecture.mtp_layers,
            hybrid=architecture.is_hybrid,
            heads_per_kv_head=attention.heads // attention.kv_heads,
            experts=mlp.experts if isinstance(mlp, MoeMlp) else 0,
            tied=is_tied(architecture),
            is_70b=architecture.gguf_arch == "qwen2"
            and architecture.num_layers == 80,  # models/qwen2.cpp names 80 layers 70B
        )


@lru_cache(maxsize=4096)
def tensor_types(architecture: Architecture, file_type: str) -> tuple[tuple[Tensor, tuple[str, ...]], ...]:
    """(tensor, its type in each layer that holds one) for all of the language model and its MTP blocks. Towers and extras are other files."""
    shape, sorted_out = _sorted_out(architecture)
    return tuple(
        [(tensor, kept or _types(shape, file_type, tensor, architecture.num_layers)) for tensor, kept in sorted_out]
    )


@lru_cache(maxsize=512)
def _sorted_out(architecture: Architecture) -> tuple[Shape, tuple[tuple[Tensor, tuple[str, ...]], ...]]:
    """The shape, and each tensor with its types where they are F32 in every file; with () where the file type decides."""
    kept = [(tensor, ("F32",) * tensor.count if keeps_f32(tensor) else ()) for tensor in gguf_tensors(architecture)]
    return Shape.of(architecture), tuple(kept)


def _types(shape: Shape, file_type: str, tensor: Tensor, num_layers: int) -> tuple[str, ...]:
    """The type in each layer of a tensor that is not kept; the rules see an MTP block behind the last layer. Few rules look at the layer."""
    layers = tensor.layers or (num_layers,)
    layered = (*_VALUES, "ffn_") if file_type == "IQ3_XS" else (*_VALUES, "ffn_down")
    if not tensor.role.startswith(layered) or not is_quantized(DEFAULT_TYPE[file_type]):
        return (tensor_type(shape, file_type, tensor, layers[0]),) * len(layers)
    alike = _alike(shape.layers)
    found = {layer: tensor_type(shape, file_type, tensor, layer) for layer in set(alike)}
    return tuple([found[alike[layer]] for layer in layers])


@lru_cache(maxsize=512)
def _alike(layers: int) -> tuple[int, ...]:
    """For each of so many layers the first one that no rule tells from it."""
    first: dict[tuple[bool, ...], int] = {}
    eighth = layers // 8
    return tuple(
        first.setdefault(
            (
                layer < 2,
                layer < 4,
                layer < layers // 16,
                layer < eighth,
                layer >= 7 * layers // 8,
                (layer - eighth) % 3 == 2,
            ),
            layer,
        )
        for layer in range(layers + 1)
    )


def keeps_f32(tensor: Tensor) -> bool:
    """Whether the converter writes it as F32 and the quantizer leaves it: vectors, norms, the router, the convolution, hc_*."""
    if len(tensor.shape) < 2 or 1 in tensor.shape[-2:]:
        return True
    return "norm" in tensor.role or tensor.role in ("ffn_gate_inp", "ssm_conv1d", HYPER_CONNECTIONS)


def tensor_type(shape: Shape, file_type: str, tensor: Tensor, layer: int) -> str:
    """The type of this tensor, which is not kept in F32, in this layer."""
    default = DEFAULT_TYPE[file_type]
    if not is_quantized(default):
        return default
    if file_type in _PLAIN:
        return "F16" if tensor.role == "attn_v" else tensor_type(shape, _PLAIN[file_type], tensor, layer)
    if tensor.role == NGRAM_TABLE:
        return WIDE_TABLE if default in _WIDE else TABLE
    columns = tensor.shape[-1]
    if file_type in MIXES:
        if shape.hybrid and shape.experts:
            return fallback(expert_type(file_type, tensor.role), columns)
        return tensor_type(shape, MIXES[file_type][0], tensor, layer)
    if tensor.role == "output" or (tensor.role == "token_embd" and shape.tied):
        return fallback(_output(file_type, default, columns), columns)
    if file_type == "MXFP4_MOE":
        return fallback("MXFP4" if len(tensor.shape) == 3 else "Q8_0", columns)
    if tensor.role == "token_embd":
        return fallback(_embedding(file_type, default), columns)
    return fallback(_by_role(shape, file_type, tensor.role, layer) or default, columns)


def _output(file_type: str, default: str, columns: int) -> str:
    if file_type == "MXFP4_MOE" or not divides(default, columns) or default == "Q8_0":
        return "Q8_0"
    return "Q5_K" if file_type in _BIG_OUTPUT else "Q6_K"


def _embedding(file_type: str, default: str) -> str:
    if file_type in ("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"):
        return "Q2_K"
    if file_type in ("TQ1_0", "TQ2_0", "Q2_0"):
        return "Q4_K"
    return "IQ3_S" if file_type in ("IQ2_S", "IQ2_M", "IQ3_XXS") else default


def _by_role(shape: Shape, file_type: str, role: str, layer: int) -> str | None:
    """The type that a rule gives this role in this layer; None for the default."""
    if file_type == OLLAMA_HYBRID:
        often = role in ("attn_v", "ffn_down_exps", "ffn_down_shexp")
        return "Q6_K" if often or (role == "ffn_down" and use_more_bits(layer, shape.layers)) else None
    if role in _VALUES:
        return _values(shape, file_type, layer)
    if file_type in _TINY:
        return _tiny(shape, file_type, role, layer)
    if role == "attn_k" and shape.experts == 8:
        return "Q8_0"
    if role in ("attn_k", "attn_q"):
        return {"IQ3_XS": "IQ3_XXS", "IQ3_XXS": "IQ2_S"}.get(file_type)
    if role.startswith("ffn_down"):
        return _down(shape, file_type, layer)
    if role == "attn_output":
        if shape.experts == 8:
            return "Q5_K" if file_type in _EIGHT_EXPERTS_OUTPUT else None
        return {"Q2_K": "Q3_K", "IQ3_XXS": "IQ3_S", "Q3_K_M": "Q4_K", "Q3_K_L": "Q5_K", "IQ3_M": "Q4_K"}.get(file_type)
    if (
        role.startswith(("ffn_gate", "ffn_up"))
        and file_type == "IQ3_XS"
        and shape.layers // 8 <= layer < 7 * shape.layers // 8
    ):
        return "IQ3_XXS"
    return None


_EIGHT_EXPERTS_OUTPUT = (
    "Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS",
)  # fmt: skip


def use_more_bits(layer: int, layers: int) -> bool:
    """Whether the mixed formats spend more on this layer: the first and last eighth and every third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _values(shape: Shape, file_type: str, layer: int) -> str | None:
    """The value projections, small where heads share them, get more bits."""
    grouped = shape.heads_per_kv_head >= 4
    if file_type in _TINY:
        if grouped or shape.experts >= 4:
            return "Q4_K"
        return "IQ3_S" if file_type in ("IQ2_S", "IQ2_M") else "Q2_K"
    if shape.experts == 8:
        return "Q8_0"
    found: str | None = None
    match file_type:
        case "Q2_K":
            found = "Q4_K" if grouped else "Q3_K"
        case "Q2_K_S" | "IQ3_XS" | "IQ3_S":
            found = "Q4_K" if grouped else None
        case "IQ3_XXS":
            found = "Q4_K" if grouped else "IQ3_S"
        case "IQ3_M":
            found = "Q4_K"
        case "Q3_K_M":
            found = "Q5_K" if layer < 2 else "Q4_K"
        case "Q3_K_L":
            found = "Q5_K"
        case "IQ4_NL" | "IQ4_XS":
            found = "Q5_K" if grouped else None
        case "Q4_K_M" | "Q5_K_M":
            found = "Q6_K" if use_more_bits(layer, shape.layers) else None
        case "Q4_K_S":
            found = "Q5_K" if layer < 4 else None
        case _:
            pass
    if shape.is_70b and (found or DEFAULT_TYPE[file_type]) in ("Q3_K", "Q4_K"):
        return "Q5_K"
    return found


def _tiny(shape: Shape, file_type: str, role: str, layer: int) -> str | None:
    """The rules of the one- and two-bit formats, the values aside."""
    roomy = "IQ3_S" if file_type in ("IQ2_S", "IQ2_M") else None
    if role == "attn_k" and shape.experts == 8:
        return "Q4_K"
    if role.startswith("ffn_down") and layer < shape.layers // 8:
        return roomy or "Q2_K"
    if role == "attn_output":
        return "Q5_K" if shape.experts == 8 else "IQ2_XXS" if file_type in ("IQ1_S", "IQ1_M") else roomy
    return None


def _down(shape: Shape, file_type: str, layer: int) -> str | None:
    """The down projections: more bits at first, and in the mixed formats where `use_more_bits` says."""
    first_eighth = layer < shape.layers // 8
    match file_type:
        case "Q2_K":
            return "Q3_K"
        case "Q2_K_S":
            return "Q4_K" if first_eighth else None
        case "IQ3_XXS":
            return "Q4_K" if first_eighth else "Q3_K"
        case "Q3_K_M":
            return "Q5_K" if layer < shape.layers // 16 else "Q4_K"
        case "IQ3_M":
            return "Q4_K" if first_eighth or (shape.experts == 8 and use_more_bits(layer, shape.layers)) else None
        case "Q3_K_L":
            return "Q5_K"
        case "Q4_K_M" | "Q5_K_M":
            return "Q6_K" if use_more_bits(layer, shape.layers) else None
        case "IQ4_NL" | "IQ4_XS" | "Q4_K_S":
            return "Q5_K" if first_eighth else None
        case _:
            return None
