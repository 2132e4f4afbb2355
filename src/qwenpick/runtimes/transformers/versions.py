"""What changed between transformers releases that memory depends on."""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.catalog.schema import Architecture
from qwenpick.runtimes.given import read
from qwenpick.runtimes.transformers.options import Options

Version = tuple[int, int]

NEWEST: Version = (5, 17)
# generate() asks for the last token's logits: num_logits_to_keep, GenerationMixin of 4.45
LAST_LOGITS_ONLY: Version = (4, 45)
# before, generate() held the last step's cache while it built the next: both are alive at once
CACHE_OBJECT: Version = (4, 42)
# before, every layer kept cos and sin of all 32,768 positions: modeling_qwen2.py of 4.38
SHARED_ROTARY: Version = (4, 45)
# 4.51 loads an FP8 repository's lm_head beside the embeddings it is tied to: the vendor's tables of Qwen3
TIED_FP8: Version = (5, 0)
# experts are one 3-D parameter, which bitsandbytes does not quantize; run by grouped matrix products
FUSED_EXPERTS: Version = (5, 0)
# before, and in Qwen-VL and Qwen-Audio, every layer keeps a causal mask: modeling_qwen.py, register_buffer("bias")
QWEN1_MASKS: Version = (4, 32)
QWEN1: Version = (4, 37)  # Qwen 1's own code: "transformers>=4.32.0,<4.38.0" in the requirements of QwenLM/Qwen


def version(architecture: Architecture, options: Mapping[str, object]) -> Version:
    """(major, minor) of the release that was named; otherwise the newest that runs the model. QwenpickError if it is unreadable.

    Qwen 1 brings its own code, which needs a transformers below 4.38.
    """
    said = read(Options, options)
    if said.version is None:
        return QWEN1 if architecture.model_type == "qwen" else NEWEST
    return said.release[0], said.release[1]
