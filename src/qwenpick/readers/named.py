"""The format that a name asks for: of the quantized repository, Ollama tag or file that it spells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwenpick.catalog.names.spelling import fold
from qwenpick.i18n import _
from qwenpick.memory.quantization import FORMATS
from qwenpick.planning.files import nearest_format

if TYPE_CHECKING:
    from qwenpick.catalog import Model

# What people write at the end of a name, as a format or a precision that each engine resolves. In an Ollama tag fp16 is GGUF's F16.
_WORDS = {
    "awq": "awq-int4", "gptq": "gptq-int4", "int4": "4bit", "int8": "8bit", "4bit": "4bit", "8bit": "8bit", "bnb-4bit": "nf4", "bnb-8bit": "int8",
    "w4a16": "gptq-int4", "w8a16": "gptq-int8", "w8a8": "gptq-int8", "autoround": "gptq-int4", "fp8-dynamic": "fp8", "fp8-block": "fp8",
    "nvfp4a16": "nvfp4", "mxfp4a16": "mxfp4", "4bit-dwq": "mlx-4bit", "6bit-dwq": "mlx-6bit", "8bit-dwq": "mlx-8bit", "dwq": "mlx-4bit",
}  # fmt: skip
_TAG_WORDS = {"fp16": "F16", "bf16": "BF16"}
_TYPE = r"[-.](?:ud-)?(?P<type>i?q\d(?:-[0-9a-z]+)*)$"  # a llama.cpp type, Unsloth's UD- before it
_EXLLAMA = r"-(exl[23])(?=-|$)"
_BITS = r"-(\d+(?:\.\d+)?)-?bpw"
# Methods anywhere in a repository's name: Qwen3.6-27B-AWQ-BF16-INT4, -NVFP4-Fast, -W4A16-G128, -GPTQ-4bit; then the bits of a method of integers
_METHOD = r"[-._](?P<float>nvfp4|mxfp4|fp8)|[-._](?P<awq>awq)|[-._](?:gptq|auto-?round|smoothquant|w[48]a\d+|int-?[48](?![0-9]))"
_WIDTH = r"[-._](?:w|int-?)?(?P<bits>[2-8])(?:a\d+|-?bits?)?(?=[-._]|$)"
# Bits a weight from which a GGUF type stands for ExLlama's
_LIKE = ((7.0, "Q8_0"), (5.8, "Q6_K"), (4.6, "Q5_K_M"), (3.7, "Q4_K_M"), (2.7, "Q3_K_M"), (0.0, "Q2_K"))
DEFAULT = "Q4_K_M"  # llama-server -hf REPO (llama.cpp common/arg.cpp) and an Ollama tag without a format
_FREE = frozenset({"bf16", "fp16", "gguf"})  # repositories that hold no one format, or that every other is made from


def named_format(model: Model, text: str) -> str | None:
    """The format or precision that `text`, a name of `model`, states; None where it names the model alone.

    Qwen/Qwen3-8B-AWQ is awq-int4, qwen3:8b-q4_K_M is Q4_K_M, Qwen/Qwen3-8B and its GGUF repository are whatever is asked for.
    """
    spelled = re.sub(r"\.(gguf|safetensors)$", "", text.strip(), flags=re.IGNORECASE)
    folded = fold(spelled)
    for checkpoint in model.checkpoints:
        if checkpoint.repo and checkpoint.format not in _FREE and fold(checkpoint.repo) == folded:
            return checkpoint.format
    if folded in {fold(known) for known in (model.id, model.name, model.huggingface or "", *model.aliases)}:
        return None
    tagged = ":" in spelled
    words = {fold(name): name for name in FORMATS} | _WORDS | (_TAG_WORDS if tagged else {})
    return next(
        (words[word] for word in sorted(words, key=len, reverse=True) if folded.endswith(("-" + word, "." + word))),
        None,
    )


def repository_format(name: str) -> str | None:
    """The format that a repository's name states by its method, wherever the word stands; None where it names none that is known.

    >>> repository_format("Qwen3.6-27B-AWQ-BF16-INT4"), repository_format("Qwen3.5-35B-A3B-GPTQ-8bit"), repository_format("Qwen3.6-27B-Fast")
    ('awq-int4', 'gptq-int8', None)
    """
    folded = name.casefold()
    found = re.search(_METHOD, folded)
    if found is None or re.search(_EXLLAMA, folded):
        return None
    if found["float"]:
        return found["float"]
    bits = re.compile(_WIDTH).search(folded, found.start())
    width = bits["bits"] if bits else "4"
    return "awq-int4" if found["awq"] and width == "4" else {"4": "gptq-int4", "8": "gptq-int8"}.get(width)


def assumed_format(model: Model, text: str, *, ollama: bool = False) -> tuple[str, str] | None:
    """(format, note) that a name leaves open or that is not known here: the nearest; None where the name says nothing of it.

    unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL is judged as Q4_K_M, a GGUF repository as the file that llama-server -hf takes, and in Ollama qwen3:8b as what
    the tag holds. Raises QwenpickError for a format that no known one is near to.
    """
    spelled = re.sub(r"\.(gguf|safetensors)$", "", text.strip(), flags=re.IGNORECASE)
    folded = fold(spelled)
    if unknown := re.search(_TYPE, folded):
        format_name = nearest_format(unknown["type"])
        return format_name, _(
            "{name} is not known here: planned as {format}, the nearest; --quant names another",
            name=unknown["type"].replace("-", "_").upper(),
            format=format_name,
        )
    if exllama := re.search(_EXLLAMA, folded):
        bits = re.search(_BITS, folded)
        format_name = next(name for least, name in _LIKE if float(bits[1] if bits else 4) >= least)
        return format_name, _(
            "{name} files run in ExLlama, which is not planned here: planned as {format}, the nearest; --quant names another",
            name=exllama[1].upper(),
            format=format_name,
        )
    if folded.endswith(("-gguf", ".gguf")):
        held = next((c.formats for c in model.checkpoints if c.repo and fold(c.repo) == folded), ())
        format_name = DEFAULT if not held or DEFAULT in held else held[0]
        return format_name, _(
            "a GGUF repository holds several formats: planned as {format}, which llama-server -hf takes; --quant names another",
            format=format_name,
        )
    if ollama and ":" in spelled and "/" not in spelled:
        return DEFAULT, _("an Ollama tag that names no format holds {format}", format=DEFAULT)
    return None
