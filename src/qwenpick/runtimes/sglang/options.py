"""SGLang's options, by its own names. Ranges: SGLang 0.5, srt/server_args.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from qwenpick.i18n import N_
from qwenpick.runtimes.option import MOST_GPUS, EngineOptions, option
from qwenpick.units import MOST_SEQUENCES, MOST_TOKENS

WHOLE_PROMPTS = 16384  # max_prefill_tokens: what a step takes where prompts are not cut (server_args.py)


class Options(EngineOptions):
    """SGLang's table."""

    TITLE: ClassVar[str] = "SGLang"
    RELEASE: ClassVar[str] = "0.5"
    ELSEWHERE: ClassVar[Mapping[str, str]] = {
        "context_length": N_("say context, the longest sequence in tokens"),
        "max_running_requests": N_("say sequences, how many run at once"),
    }

    mem_fraction_static: float | None = option(
        None, "the share of free memory for weights and pools", above=0, most=1, flag=False
    )
    chunked_prefill_size: int | None = option(
        None, "prompt tokens of one step; -1 does not cut prompts", least=-1, most=MOST_TOKENS, flag=False
    )
    cuda_graph_max_bs: int | None = option(
        None, "the largest batch that graphs are captured for", least=1, most=MOST_SEQUENCES, flag=False
    )
    page_size: int = option(1, "tokens of a page of the pool", least=1, most=4096, flag=False)
    disable_cuda_graph: bool = option(False, "no CUDA graphs: less memory, slower")
    disable_radix_cache: bool = option(False, "keeps no prefixes, and a third of the states of hybrids")
    language_only: bool = option(False, "leaves vision and audio towers out", flag=False)
    speculative_num_draft_tokens: int = option(
        0, "tokens that a step checks when the MTP block drafts, its own among them", least=0, most=128
    )
    max_mamba_cache_size: int | None = option(
        None, "slots of the pool of delta-net states", least=1, most=MOST_SEQUENCES
    )
    mamba_ssm_dtype: Literal["float32", "bfloat16", "float16"] = option(
        "float32", "the type of the delta nets' states", flag=False
    )
    tp_size: int | None = option(
        None, "GPUs that share every layer", least=1, most=MOST_GPUS, aliases=("tensor_parallel_size", "tp"), flag=False
    )
    pp_size: int | None = option(
        None,
        "stages of layers on GPUs of their own",
        least=1,
        most=MOST_GPUS,
        aliases=("pipeline_parallel_size", "pp"),
        flag=False,
    )

    @property
    def drafts(self) -> int:
        """Tokens that the MTP block proposes a step: SGLang counts the token that is checked anyway."""
        return max(0, self.speculative_num_draft_tokens - 1)

    @property
    def chunk(self) -> int | None:
        """Prompt tokens of a step."""
        return (
            self.chunked_prefill_size
            if self.chunked_prefill_size is None or self.chunked_prefill_size > 0
            else WHOLE_PROMPTS
        )

    @property
    def eager(self) -> bool:
        """Whether it runs without CUDA graphs."""
        return self.disable_cuda_graph

    @property
    def parallel(self) -> tuple[int, int] | None:
        """The tensor and pipeline parallel sizes that were asked for."""
        sizes = self.tp_size, self.pp_size
        return None if sizes == (None, None) else (sizes[0] or 1, sizes[1] or 1)
