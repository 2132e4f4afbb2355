"""mlx-lm's options, by its own names. Ranges: mlx-lm 0.32.2, generate.py; mlx 0.31, quantized matrices of 2 to 8 bits in groups of 32, 64 or 128."""

from __future__ import annotations

from typing import ClassVar, Literal

from qwenpick.runtimes.option import EngineOptions, Version, option
from qwenpick.units import MOST_TOKENS


class Options(EngineOptions):
    """mlx-lm's table."""

    TITLE: ClassVar[str] = "mlx-lm"
    RELEASE: ClassVar[str] = "0.32"

    version: Version | None = option(None, "the release that runs it", flag=False)
    mlx_version: Version | None = option(
        None, "mlx itself: from 0.32.2 an M5 under macOS 26.2 keeps no scores of a prompt", flag=False
    )
    prefill_step_size: int = option(2048, "prompt tokens of one forward", least=1, most=MOST_TOKENS)
    max_kv_size: int | None = option(None, "tokens that a rotating cache keeps", least=1, most=MOST_TOKENS, flag=False)
    kv_bits: Literal[2, 3, 4, 5, 6, 8] | None = option(None, "bits of a quantized cache", flag=False)
    kv_group_size: Literal[32, 64, 128] = option(64, "elements that share a scale in a quantized cache", flag=False)

    prompt_cache_size: int = option(10, "earlier prompts whose caches the server keeps", least=0, most=100_000)
    prompt_cache_bytes: int | None = option(
        None, "bytes of all caches that the server keeps, those in use too", least=0, most=2**50
    )
    ple_storage: Literal["disk", "memory"] | None = option(
        None, "Flash-Next's n-gram table: on disk, rows read as they are looked up, or in memory", flag=False
    )

    @property
    def chunk(self) -> int | None:
        """Prompt tokens of one forward."""
        return self.prefill_step_size
