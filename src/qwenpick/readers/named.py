"""The format that a name asks for: of the quantized repository, Ollama tag or file that it spells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwenpick.catalog.lookup import fold
from qwenpick.quantization import FORMATS

if TYPE_CHECKING:
    from qwenpick.catalog import Model

# What people write at the end of a name, as a format or a precision that each engine resolves. In an Ollama tag fp16 is GGUF's F16.
_WORDS = {"awq": "awq-int4", "gptq": "gptq-int4", "int4": "4bit", "int8": "8bit", "4bit": "4bit", "8bit": "8bit"}
_TAG_WORDS = {"fp16": "F16", "bf16": "BF16"}
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
