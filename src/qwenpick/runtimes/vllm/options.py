"""vLLM's options, by its own names. Ranges: vLLM 0.26.0, engine/arg_utils.py and config/*.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from qwenpick.i18n import N_
from qwenpick.runtimes.option import (
    MOST_GPUS,
    EngineOptions,
    Version,
    Word,
    batch_sizes,
    counted,
    drafter,
    json_object,
    layer_counts,
    option,
)
from qwenpick.runtimes.vllm.encoder import Prompts
from qwenpick.units import MOST_SEQUENCES, MOST_TOKENS
from qwenpick.work.placement import Cut

EAGLE3_FEATURES = 3  # vLLM 0.27 models/interfaces.py get_eagle3_default_aux_hidden_state_layers: 2, half and all but 3


class Options(EngineOptions):
    """vLLM's table."""

    TITLE: ClassVar[str] = "vLLM"
    RELEASE: ClassVar[str] = "0.33"
    ELSEWHERE: ClassVar[Mapping[str, str]] = {
        "kv_cache_dtype": N_("use --kv-cache, e.g. fp8"),
        "dtype": N_("use --quant, e.g. bf16 or fp8"),
        "compilation_config": N_("use max_cudagraph_capture_size, cudagraph_capture_sizes or enforce_eager"),
        "speculative_config": N_(
            "use num_speculative_tokens, and draft_model with draft_gb for a draft model of its own"
        ),
    }

    LISTED: ClassVar[frozenset[str]] = frozenset({"cudagraph_capture_sizes"})
    SUFFIXED: ClassVar[frozenset[str]] = frozenset({"max_model_len", "max_num_batched_tokens", "kv_cache_memory_bytes"})

    version: Version | None = option(None, "the release that runs it", flag=False)
    gpu_memory_utilization: float | None = option(
        None, "the share of each GPU that it asks for (0.92; 0.90 before 0.20)", above=0, most=1, flag=False
    )
    max_model_len: int | None = option(
        None,
        "the longest sequence; -1 takes what fits, so that the planned context stands",
        least=-1,
        most=MOST_TOKENS,
        flag=False,
    )
    max_num_batched_tokens: int | None = option(
        None, "tokens of one step, which decide the profiled peak", least=1, most=MOST_TOKENS, flag=False
    )
    max_num_seqs: int | None = option(
        None, "sequences of one step; graphs are captured for them", least=1, most=MOST_SEQUENCES, flag=False
    )
    enforce_eager: bool = option(False, "no CUDA graphs: less memory, slower", opposite="no_enforce_eager")
    usage_context: Literal["openai_api_server", "api_server", "llm_class", "engine_context", "openai_batch_runner"] = (
        option(
            "openai_api_server",
            "who starts it: the library (llm_class) batches twice as much as the server",
            flag=False,
        )
    )
    block_size: int | None = option(None, "tokens of a block of the cache (16)", least=1, most=4096)
    quantization: Literal["fp8"] | None = option(
        None, "fp8 quantizes 16-bit weights as they are loaded; the format of others is --quant", flag=False
    )
    enable_prefix_caching: bool | None = option(
        None,
        "keeps what prompts begin with (on; off for hybrids before 0.28, whose states it doubles)",
        opposite="no_enable_prefix_caching",
    )
    enable_expert_parallel: bool = option(
        False, "whole experts on each rank instead of a part of each", opposite="no_enable_expert_parallel"
    )
    language_model_only: bool = option(
        False, "leaves vision and audio towers out", opposite="no_language_model_only", flag=False
    )
    num_speculative_tokens: int = option(
        0, "tokens that the model's MTP block drafts a step", least=0, most=128, flag=False
    )
    draft_model: Word | None = option(
        None, "the repository of a draft model of its own (EAGLE, DFlash), for speculative_config", flag=False
    )
    draft_method: Literal["eagle", "eagle3", "dflash", "draft_model"] = option(
        "eagle3", "how the draft model of its own drafts, for speculative_config", flag=False
    )
    draft_gb: float | None = option(
        None, "GB of that model's weights (speed is told without it)", above=0, most=1000, flag=False
    )
    draft_layers: int = option(
        1,
        "layers of that model, each with a cache as wide as the model's (EAGLE 1, DFlash 5)",
        least=1,
        most=256,
        flag=False,
    )
    skip_mm_profiling: bool = option(False, "does not profile the vision tower", opposite="no_skip_mm_profiling")
    mamba_ssm_cache_dtype: Literal["auto", "float32", "float16", "bfloat16"] = option(
        "auto", "the type of the delta nets' states (FP32; 16 bits for Qwen3-Next)"
    )
    tensor_parallel_size: int | None = option(
        None, "GPUs that share every layer", least=1, most=MOST_GPUS, aliases=("tp",), flag=False
    )
    pipeline_parallel_size: int | None = option(
        None, "stages of layers on GPUs of their own", least=1, most=MOST_GPUS, aliases=("pp",), flag=False
    )
    data_parallel_size: int | None = option(
        None,
        "copies that share the load; experts are spread over all of them",
        least=1,
        most=MOST_GPUS,
        aliases=("dp",),
        flag=False,
    )
    pp_layer_partition: Word | None = option(
        None, "layers of each stage, parted by commas (VLLM_PP_LAYER_PARTITION)", flag=False
    )

    kv_cache_memory_bytes: int | None = option(
        None,
        "bytes of the cache of each GPU, whatever the share: 6442450944 or 6G",
        least=2**20,
        most=2**48,
        since="0.10",
    )
    cpu_offload_gb: float | None = option(
        None, "GiB of each GPU's weights that stay in RAM and are read over the bus every step", above=0, most=4096
    )
    enable_lora: bool = option(False, "serves LoRA adapters beside the model: room for them, and graphs twice")
    max_loras: int | None = option(None, "adapters that one batch may mix (1)", least=1, most=1024)
    max_lora_rank: Literal[8, 16, 32, 64, 128, 256, 320, 512] | None = option(
        None, "the largest rank of an adapter (16)"
    )
    limit_mm_per_prompt: Word | None = option(
        None,
        'pictures and videos of a prompt, as {"image": 2, "video": 0}: what is 0 is not profiled, and no tower is loaded where all are; '
        'from 0.13 on {"image": {"count": 2, "width": 1024, "height": 1024}} profiles smaller ones',
    )
    mm_processor_kwargs: Word | None = option(
        None, 'the largest picture that is taken, as {"max_pixels": 1003520}: the tower is profiled with it'
    )
    mm_encoder_tp_mode: Literal["weights", "data"] = option(
        "weights", "the vision tower cut over the GPUs, or whole on each (data)", since="0.11"
    )
    attention_backend: Literal["FLASH_ATTN", "FLASHINFER", "TRITON_ATTN", "FLEX_ATTENTION", "TURBOQUANT"] | None = (
        option(
            None,
            "what attends: FlashInfer, which a cache in FP8 needs on all but Hopper, holds buffers of its own",
            since="0.13",
        )
    )
    gdn_prefill_backend: Literal["auto", "flashinfer", "triton", "cutedsl"] = option(
        "auto",
        "what reads prompts through delta nets: FlashInfer's, taken on capability 9.0, 10 and 12, keeps one more state of each sequence from 0.33 on",
        since="0.18",
    )
    flashinfer_sampler: bool = option(
        True,
        "FlashInfer samples top-k and top-p, from capability 8.0 on; without it the profile counts 8 bytes less for each sequence and entry of the "
        "vocabulary (VLLM_USE_FLASHINFER_SAMPLER)",
        since="0.33",
        flag=False,
    )
    engram_config: Word | None = option(
        None,
        'Flash-Next\'s n-gram table: {"cpu_offload": true} keeps it in RAM, false on the GPUs',
        since="0.33",
        flag=False,
    )
    max_cudagraph_capture_size: int | None = option(
        None, "the largest batch that graphs are captured for", least=1, most=MOST_SEQUENCES, since="0.12"
    )

    cudagraph_capture_sizes: Word | None = option(
        None, "the batches that graphs are captured for, parted by commas", since="0.12", flag=False
    )

    @property
    def captured(self) -> tuple[int, ...] | None:
        """The batches that graphs are captured for, as they were given."""
        return batch_sizes(self.TITLE, self.cudagraph_capture_sizes)

    @property
    def adapters(self) -> tuple[int, int]:
        """(rank, how many at once) of the adapters that room is kept for; (0, 0) for none."""
        wanted = self.enable_lora or self.max_loras is not None or self.max_lora_rank is not None
        return (self.max_lora_rank or 16, self.max_loras or 1) if wanted else (0, 0)

    @property
    def table_in_ram(self) -> bool | None:
        """Where the n-gram table was asked for; None where nobody said."""
        value = json_object(self.TITLE, "engram_config", self.engram_config).get("cpu_offload")
        return value if isinstance(value, bool) else None

    @property
    def prompts(self) -> Prompts:
        """What prompts may hold, and how large their pictures are."""
        limits = counted(self.TITLE, "limit_mm_per_prompt", self.limit_mm_per_prompt)
        images, videos = limits.get("image", {}), limits.get("video", {})
        width, height = images.get("width"), images.get("height")
        taken = json_object(self.TITLE, "mm_processor_kwargs", self.mm_processor_kwargs)
        size = taken.get("size")
        most = taken.get("max_pixels", size.get("longest_edge") if isinstance(size, dict) else None)
        return Prompts(
            images.get("count"),
            videos.get("count"),
            most if isinstance(most, int) and most > 0 else None,
            (width, height) if width and height else None,
        )

    @property
    def drafts(self) -> int:
        """Tokens that the MTP block proposes a step; 0 for a draft model of its own, which nobody knows the hits of."""
        return 0 if self.drafter else self.num_speculative_tokens

    @property
    def drafter(self) -> tuple[int, int] | None:
        """(bytes, layers) of a draft model of its own. Raises QwenpickError where its size or what it drafts was not said."""
        if self.draft_gb is None and self.draft_model is None:
            return None
        return drafter(self.draft_gb, self.draft_layers, "num_speculative_tokens", self.num_speculative_tokens)

    @property
    def features(self) -> int:
        """Layers of the model whose hidden states that model reads: as many as a DFlash has layers, three of EAGLE 3, none otherwise."""
        read = {"dflash": self.draft_layers, "eagle3": EAGLE3_FEATURES}
        return read.get(self.draft_method, 0) if self.drafter else 0

    @property
    def chunk(self) -> int | None:
        """Prompt tokens of a step."""
        return self.max_num_batched_tokens

    @property
    def eager(self) -> bool:
        """Whether it runs without CUDA graphs."""
        return self.enforce_eager

    @property
    def parallel(self) -> Cut | None:
        """The cut that was asked for."""
        layers = layer_counts(self.TITLE, self.pp_layer_partition)
        sizes = (
            self.tensor_parallel_size,
            self.pipeline_parallel_size or (len(layers) if layers else None),
            self.data_parallel_size,
        )
        if sizes == (None, None, None):
            return None
        tensor, pipeline, data = (size or 1 for size in sizes)
        return Cut(tensor, pipeline, data, self.enable_expert_parallel, layers)

    @property
    def generation(self) -> str:
        """-v0 up to 0.7: its scheduler and sampler waited for each other; V1 is the default from 0.8."""
        return "-v0" if self.release < (0, 8) else ""
