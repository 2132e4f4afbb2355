"""SGLang's options, by its own names. Ranges: SGLang 0.5, srt/server_args.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from qwenpick.i18n import N_
from qwenpick.runtimes.option import MOST_GPUS, EngineOptions, Version, Word, drafter, layer_counts, option
from qwenpick.units import MOST_SEQUENCES, MOST_TOKENS
from qwenpick.work.placement import Cut

MOST_CACHED = 2**36  # tokens of a pool: far beyond what any machine holds
WHOLE_PROMPTS = 16384  # max_prefill_tokens: what a step takes where prompts are not cut (server_args.py)


class Options(EngineOptions):
    """SGLang's table."""

    TITLE: ClassVar[str] = "SGLang"
    RELEASE: ClassVar[str] = "0.5.23"
    ELSEWHERE: ClassVar[Mapping[str, str]] = {
        "context_length": N_("use context, the longest sequence in tokens"),
        "kv_cache_dtype": N_("use --kv-cache, e.g. fp8"),
        "dtype": N_("use --quant, e.g. bf16 or fp8"),
        "quantization": N_("use --quant, e.g. bf16 or fp8"),
        "speculative_num_steps": N_("use speculative_num_draft_tokens, the steps and one more"),
        "speculative_eagle_topk": N_("one draft a step is planned: use speculative_num_draft_tokens"),
    }

    version: Version | None = option(None, "the release that runs it", flag=False)
    mem_fraction_static: float | None = option(
        None, "the share of free memory for weights and pools", above=0, most=1, flag=False
    )
    chunked_prefill_size: int | None = option(
        None, "prompt tokens of one step; -1 does not cut prompts", least=-1, most=MOST_TOKENS, flag=False
    )
    cuda_graph_max_bs: int | None = option(
        None,
        "the largest batch that graphs are captured for",
        least=1,
        most=MOST_SEQUENCES,
        aliases=("cuda_graph_max_bs_decode",),
        flag=False,
    )
    page_size: int = option(1, "tokens of a page of the pool", least=1, most=4096, flag=False)
    disable_cuda_graph: bool = option(False, "no CUDA graphs: less memory, slower")
    disable_radix_cache: bool = option(False, "keeps no prefixes, and a fifth of the states of hybrids")
    language_only: bool = option(
        False, "leaves vision and audio towers out", aliases=("language_model_only",), flag=False
    )
    speculative_num_draft_tokens: int = option(
        0, "tokens that a step checks when the MTP block drafts, its own among them", least=0, most=128, flag=False
    )
    speculative_algorithm: Literal["NEXTN", "EAGLE", "EAGLE3", "DFLASH", "STANDALONE"] | None = option(
        None, "what drafts: the model's MTP block (NEXTN) unless a draft model is named", flag=False
    )
    speculative_draft_model_path: Word | None = option(
        None,
        "the repository of a draft model of its own (EAGLE3, DFLASH), or the model's for its block (NEXTN)",
        flag=False,
    )
    draft_gb: float | None = option(
        None, "GB of that model's weights, cut over the GPUs (speed is told without it)", above=0, most=1000, flag=False
    )
    draft_layers: int = option(
        1,
        "layers of that model, each with a cache as wide as the model's (EAGLE3 1, DFLASH 5)",
        least=1,
        most=256,
        flag=False,
    )
    max_running_requests: int | None = option(
        None,
        "the most requests at once, whatever the memory (the sequences that are planned; 48 while it speculates)",
        least=1,
        most=MOST_SEQUENCES,
        flag=False,
    )
    max_total_tokens: int | None = option(
        None, "the most tokens of the pool, whatever the memory", least=1, most=MOST_CACHED
    )
    mamba_full_memory_ratio: float | None = option(
        None, "memory of the delta nets' states for each byte of the pool of tokens (0.9)", above=0, most=100
    )
    mamba_radix_cache_strategy: Literal["auto", "no_buffer", "extra_buffer", "extra_buffer_lazy"] = option(
        "auto", "slots of a running request while prefixes are kept: 3, 5 or 4", since="0.5.16"
    )
    max_mamba_cache_size: int | None = option(
        None, "slots of the pool of delta-net states", least=1, most=MOST_SEQUENCES
    )
    mamba_ssm_dtype: Literal["float32", "bfloat16", "float16"] = option("float32", "the type of the delta nets' states")
    enable_lora: bool = option(False, "serves LoRA adapters beside the model, with room for them")
    max_loras_per_batch: int | None = option(
        None, "adapters of a batch, the plain model among them (8)", least=1, most=1024
    )
    max_lora_rank: int | None = option(None, "the largest rank of an adapter (16)", least=1, most=4096)
    ple_offload_embedding: bool | None = option(
        None,
        "Flash-Next's n-gram table in RAM, not on the GPUs",
        opposite="no_ple_offload_embedding",
        since="0.5.23",
        flag=False,
    )
    ple_offload_backend: Literal["pinned", "file"] = option(
        "pinned",
        "the n-gram table in pinned RAM, or read from a file on disk (GB10 and GH200: 8 GB of it stay in RAM)",
        since="0.5.23",
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
    dp_size: int | None = option(
        None,
        "copies of the whole model that share the load",
        least=1,
        most=MOST_GPUS,
        aliases=("data_parallel_size", "dp"),
        flag=False,
    )
    pp_layer_partition: Word | None = option(
        None, "layers of each stage, parted by commas (SGLANG_PP_LAYER_PARTITION)", flag=False
    )
    ep_size: int | None = option(
        None,
        "GPUs over which whole experts are spread",
        least=1,
        most=MOST_GPUS,
        aliases=("expert_parallel_size", "ep"),
        flag=False,
    )

    @property
    def adapters(self) -> tuple[int, int]:
        """(rank, how many at once) of the adapters that room is kept for; (0, 0) for none."""
        wanted = self.enable_lora or self.max_loras_per_batch is not None or self.max_lora_rank is not None
        return (self.max_lora_rank or 16, self.max_loras_per_batch or 8) if wanted else (0, 0)

    @property
    def table_in_ram(self) -> bool | None:
        """Where the n-gram table was asked for; None where nobody said."""
        return True if self.ple_offload_backend == "file" else self.ple_offload_embedding

    @property
    def drafts(self) -> int:
        """Tokens that the MTP block proposes a step: SGLang counts the token that is checked anyway. 0 for a draft model of its own."""
        return 0 if self.drafter else max(0, self.speculative_num_draft_tokens - 1)

    @property
    def drafter(self) -> tuple[int, int] | None:
        """(bytes, layers) of a draft model of its own. Raises QwenpickError where its size or what it drafts was not said."""
        if self.draft_gb is None and (
            self.speculative_draft_model_path is None or self.speculative_algorithm == "NEXTN"
        ):
            return None
        tokens = self.speculative_num_draft_tokens
        return drafter(self.draft_gb, self.draft_layers, "speculative_num_draft_tokens", tokens)

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
    def parallel(self) -> Cut | None:
        """The cut that was asked for; experts spread over several GPUs make a tensor-parallel group of as many at least."""
        layers = layer_counts(self.TITLE, self.pp_layer_partition)
        tensor_size = self.tp_size or (self.ep_size if (self.ep_size or 1) > 1 else None)
        sizes = tensor_size, self.pp_size or (len(layers) if layers else None), self.dp_size
        if sizes == (None, None, None):
            return None
        tensor, pipeline, data = (size or 1 for size in sizes)
        return Cut(tensor, pipeline, data, (self.ep_size or 1) > 1, layers)
