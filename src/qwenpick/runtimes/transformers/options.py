"""The options of transformers that change its memory, by its own names. Ranges: transformers 5.17, generation/configuration_utils.py."""

from __future__ import annotations

from typing import ClassVar, Literal

from qwenpick.runtimes.option import EngineOptions, Version, option
from qwenpick.units import MOST_TOKENS


class Options(EngineOptions):
    """transformers' table."""

    TITLE: ClassVar[str] = "transformers"
    RELEASE: ClassVar[str] = "5.17"

    version: Version | None = option(
        None, "the release that runs it, like 5.17 or 4.46", aliases=("transformers_version",), flag=False
    )
    attn_implementation: Literal["sdpa", "flash_attention_2", "flash_attention_3", "eager"] = option(
        "sdpa", "how attention is computed: eager holds every score", flag=False
    )
    max_new_tokens: int | None = option(
        None,
        "tokens of the context that are generated; the others are the prompt, all of it by default",
        least=0,
        most=MOST_TOKENS,
        flag=False,
    )
    prefill_chunk_size: int | None = option(
        None, "tokens of a prompt that are run at once", least=1, most=MOST_TOKENS, flag=False
    )
    use_cache: bool = option(True, "off keeps no cache, as when an embedding model is run once", flag=False)
    bnb_4bit_use_double_quant: bool = option(True, "off keeps NF4's scales in FP32", flag=False)
