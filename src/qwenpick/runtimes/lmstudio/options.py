"""LM Studio's options: llama.cpp's flags, with the app's defaults and its names for them."""

from __future__ import annotations

from typing import ClassVar

from qwenpick.runtimes.llamacpp import options as llamacpp
from qwenpick.runtimes.option import option
from qwenpick.units import MOST_TOKENS


class Options(llamacpp.Options):
    """LM Studio's table."""

    TITLE: ClassVar[str] = "LM Studio"
    RELEASE: ClassVar[str] = "0.4"

    n_batch: int = option(
        512, "tokens of one call", least=1, most=MOST_TOKENS, aliases=("b", "batch_size", "eval_batch_size"), flag=False
    )
    n_ubatch: int = option(
        512, "tokens that are computed at once, which decide the compute buffer", least=1, most=MOST_TOKENS,
        aliases=("ub", "ubatch_size", "ubatch"), flag=False,
    )  # fmt: skip
