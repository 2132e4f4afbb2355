"""Ollama's options: llama.cpp's flags, with the defaults of the llama-server that Ollama starts (0.34.2), and the names of its Modelfile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from qwenpick.runtimes.llamacpp import options as llamacpp
from qwenpick.runtimes.llamacpp.options import MOST_LAYERS
from qwenpick.runtimes.option import option
from qwenpick.units import MOST_TOKENS


class Options(llamacpp.Options):
    """Ollama's table."""

    TITLE: ClassVar[str] = "Ollama"
    RELEASE: ClassVar[str] = "0.34.2"
    ELSEWHERE: ClassVar[Mapping[str, str]] = {
        **llamacpp.Options.ELSEWHERE,
        "num_ctx": llamacpp.Options.ELSEWHERE["n_ctx"],
        "num_parallel": llamacpp.Options.ELSEWHERE["np"],
    }

    n_batch: int = option(
        512, "tokens that are computed at once, as n_ubatch; unsaid 512 to 2,048, by context and free memory", least=1, most=MOST_TOKENS,
        aliases=("num_batch", "b", "batch_size"), flag=False,
    )  # fmt: skip
    n_ubatch: int = option(
        512, "tokens that are computed at once, which decide the compute buffer", least=1, most=MOST_TOKENS,
        aliases=("ub", "ubatch_size", "ubatch"), flag=False,
    )  # fmt: skip
    draft_n_max: int = option(
        3,
        "tokens that the MTP block drafts a step; said, it drafts",
        least=0,
        most=256,
        aliases=("draft_num_predict", "spec_draft_n_max"),
        flag=False,
    )
    n_gpu_layers: int | None = option(
        None,
        "layers on the GPU, the output one of them",
        least=0,
        most=MOST_LAYERS,
        aliases=("num_gpu", "ngl", "gpu_layers"),
        flag=False,
    )
