"""The options of transformers that change its memory."""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

KNOWN: dict[str, str] = {
    "transformers_version": "the release that runs it, like 5.17 or 4.46",
    "attn_implementation": "sdpa (default), flash_attention_2 or eager",
    "max_new_tokens": "tokens of the context that are generated; the others are the prompt, which is all of it by default",
    "prefill_chunk_size": "tokens of a prompt that are run at once",
    "use_cache": "false keeps no cache, as when an embedding model is run once",
    "bnb_4bit_use_double_quant": "false keeps NF4's scales in FP32",
}
ATTENTION = ("sdpa", "flash_attention_2", "flash_attention_3", "eager")


def check(options: Mapping[str, object]) -> None:
    """Raises QwenpickError for an option or an attention that transformers does not have."""
    for name in options:
        if name not in KNOWN:
            raise QwenpickError(
                _(
                    "transformers has no option '{name}'{near} (known: {known})",
                    name=name,
                    near=did_you_mean(name, KNOWN),
                    known=", ".join(KNOWN),
                )
            )
    attention = options.get("attn_implementation", "sdpa")
    if attention not in ATTENTION:
        nearest = did_you_mean(str(attention), ATTENTION)
        raise QwenpickError(
            _(
                "there is no attn_implementation '{attention}'{nearest} (known: {known})",
                attention=attention,
                nearest=nearest,
                known=", ".join(ATTENTION),
            )
        )


def is_true(options: Mapping[str, object], name: str, default: bool) -> bool:
    """A yes or no, as a value or as text."""
    value = options.get(name, default)
    return value if isinstance(value, bool) else str(value).casefold() in ("true", "1", "yes", "on")


def count(options: Mapping[str, object], name: str) -> int | None:
    """A number of tokens; None where the option is not given. QwenpickError if it is none."""
    value = options.get(name)
    if value is None:
        return None
    if not str(value).isdigit():
        raise QwenpickError(_("{name} is a number of tokens, not '{value}'", name=name, value=value))
    return int(str(value))
