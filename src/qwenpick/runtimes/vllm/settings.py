"""vLLM's defaults: what an engine started with these options on this device would use."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.runtimes.given import read
from qwenpick.runtimes.vllm.attention import Backend, backend_of, checkpoint_tokens, selects
from qwenpick.runtimes.vllm.captures import graph_sizes, largest_batch
from qwenpick.runtimes.vllm.encoder import PROFILE_IMAGE_TOKENS, Profiled, profiled
from qwenpick.runtimes.vllm.options import Options
from qwenpick.units import GIB
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.machine.hardware import Device
    from qwenpick.work.serving import Serving

# the newest version up to which starts were measured, and one after it: the others follow their source
MEASURED, MEASURED_TOO = (0, 26), (0, 33)
BLOCK_SIZE = 16  # vLLM 0.26 config/cache.py
# vLLM 0.8 to 0.33 engine/arg_utils.py get_batch_defaults: and not an A100, nor from 0.33 on a GB10
LARGE_GPU = 70 * GIB
LARGEST_GPU = 160 * GIB  # from 0.28 on, the same function: B200, B300, GB300, MI300X, MI355X
UNIFIED_SHARE = 0.85  # vllm-project/recipes issue 632: the default does not start on a GB10, whose system holds 7 to 10 of 121.7 GiB
FLASHINFER_SAMPLES = (8, 0)  # attention/backends/flashinfer.py supports_compute_capability of 0.33: not yet on Turing
FP8_CAPABILITY = (
    8.9  # below, FP8 weights run through Marlin, without FP8 arithmetic (quantization/utils/marlin_utils_fp8.py)
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the engine settles on. `version` is (0, 26) of the `release` (0, 26, 1); `max_graph` is the largest captured batch, 0 for an eager run,
    and `captures` how many are captured, twice with adapters (rank, how many); `marlin` says that FP8 weights are repacked for a GPU without FP8
    arithmetic. The vision tower is profiled with what `encoder` says, whole on each rank or cut over them; `attention` is what attends. `drafter`
    is (bytes, layers) of a draft model, which reads the hidden states of `features` layers; `joins_layers` says that it keeps the matrices of its
    layers' keys and values once more, joined."""

    version: tuple[int, ...]
    release: tuple[int, ...]
    utilization: float
    context: int
    batched_tokens: int
    sequences: int
    block_size: int
    max_graph: int
    captures: int
    v2: bool
    prefix_caching: bool
    speculative_tokens: int
    multimodal: bool
    profile_encoder: bool
    online_fp8: bool
    expert_parallel: bool
    ssm_bytes: int
    marlin: bool
    adapters: tuple[int, int] = (0, 0)
    encoder: Profiled = Profiled(PROFILE_IMAGE_TOKENS, PROFILE_IMAGE_TOKENS)
    whole_tower: bool = False
    drafter: tuple[int, int] | None = None
    features: int = 0
    joins_layers: bool = False
    attention: Backend = "other"
    checkpoint: int = 0
    flashinfer_sampler: bool = True


@lru_cache(maxsize=4096)
def settings(architecture: Architecture, work: Serving, device: Device | None) -> Settings:
    """The engine's settings for this work on this device. Raises QwenpickError for an option it does not know."""
    said = read(Options, work.options)
    version = said.release[:2]
    wanted = said.max_model_len or 0
    context = wanted if wanted > 0 else work.context  # -1 lets vLLM take what fits: the plan's context stands
    tokens, sequences = batch_defaults(device, said.usage_context, version)
    sequences = said.max_num_seqs or max(sequences, work.sequences)
    tokens = said.max_num_batched_tokens or min(tokens, sequences * context)
    sequences = min(sequences, tokens)
    prompts = said.prompts
    text_only = (
        said.language_model_only
        or (prompts.pictures == prompts.videos == 0 and not architecture.audio)
        or not (architecture.vision or architecture.audio)
    )
    v2 = runs_v2(architecture, version)
    encodes = not text_only and not (v2 and version < (0, 27))  # the V2 runner of 0.26 profiled no encoder
    drafted = said.num_speculative_tokens
    usual = largest_batch(sequences, tokens, drafted, version)
    # config/vllm.py _set_cudagraph_sizes
    sizes = tuple(size for size in sorted(set(said.captured or ())) if size <= tokens)
    most = (sizes[-1] if sizes else 0) if said.captured else said.max_cudagraph_capture_size or usual
    largest = 0 if said.enforce_eager else min(most, tokens)
    captures = len(sizes) if largest and said.captured else graph_sizes(largest, version)
    caching = said.enable_prefix_caching
    caches = (not architecture.is_hybrid or version >= (0, 28)) if caching is None else caching
    capability = device.capability if device else None
    return Settings(
        version=version,
        release=said.release,
        utilization=utilization(work, device),
        context=context,
        batched_tokens=tokens,
        sequences=sequences,
        block_size=said.block_size or BLOCK_SIZE,
        max_graph=largest,
        captures=captures * (2 if said.adapters[1] else 1),
        v2=v2,
        prefix_caching=caches,
        speculative_tokens=drafted,
        multimodal=not text_only,
        profile_encoder=encodes and not said.skip_mm_profiling,
        online_fp8=said.quantization == "fp8",
        expert_parallel=said.enable_expert_parallel,
        marlin=bool(device and device.vendor == "nvidia" and (capability_of(device) or 9.0) < FP8_CAPABILITY),
        ssm_bytes=_ssm_bytes(architecture, said.mamba_ssm_cache_dtype),
        adapters=said.adapters,
        encoder=profiled(architecture, version, tokens, sequences, context, prompts),
        whole_tower=said.mm_encoder_tp_mode == "data",
        drafter=said.drafter,
        features=said.features,
        joins_layers=said.draft_method == "dflash",
        attention="other"
        if selects(architecture)
        else backend_of(capability, work.kv_cache, version, said.attention_backend),
        checkpoint=checkpoint_tokens(capability, version, said.gdn_prefill_backend) if caches else 0,
        flashinfer_sampler=said.flashinfer_sampler and _flashinfer_samples(device),
    )


def _flashinfer_samples(device: Device | None) -> bool:
    """Whether FlashInfer samples top-k and top-p there: vLLM 0.33 v1/sample/ops/topk_topp_sampler.py flashinfer_sampler_supported."""
    if device is None:
        return True
    return device.vendor == "nvidia" and (device.capability or FLASHINFER_SAMPLES) >= FLASHINFER_SAMPLES


def drafting_layers(architecture: Architecture, chosen: Settings) -> int:
    """Attention layers of what drafts, whose keys and values are kept beside the model's: of its MTP block, or of a draft model of its own."""
    if not chosen.speculative_tokens:
        return 0
    return chosen.drafter[1] if chosen.drafter else architecture.mtp_layers


def _ssm_bytes(architecture: Architecture, asked: str) -> int:
    """Bytes of an element of the recurrent state: as asked, else what the config says, which only the Qwen3.5 classes read.

    vLLM 0.26 models/config.py Qwen3_5ForConditionalGenerationConfig; for Qwen3-Next "auto" is the model's own type.
    """
    if asked != "auto":
        return 2 if asked in {"bfloat16", "float16"} else 4
    return 2 if architecture.model_type.startswith("qwen3_next") else 4


def runs_v2(architecture: Architecture, version: tuple[int, ...]) -> bool:
    """Whether the V2 model runner runs it by default: vllm/config/vllm.py use_v2_model_runner, of 0.22 to 0.33.

    From 0.29 on every model; from 0.25 on the dense ones without a delta net, and Qwen2-MoE; from 0.22 on Qwen3's dense ones in 16 bits, which
    0.24 widened to quantized ones.
    """
    if version >= (0, 29):
        return True
    dense = not architecture.is_moe and not architecture.is_hybrid
    if version >= (0, 25):
        return dense or architecture.model_type == "qwen2_moe"
    return version >= (0, 22) and dense and architecture.model_type == "qwen3"


def least(architecture: Architecture, work: Serving, device: Device | None) -> Settings:
    """The settings that a plan needs at least: the batch of a small GPU, where the engine's own for a large one takes more.

    Explicit options stand.
    """
    chosen = settings(architecture, work, device)
    said = read(Options, work.options)
    tokens, sequences = batch_defaults(None, said.usage_context, chosen.version)
    if said.max_num_seqs is None:
        chosen = replace(chosen, sequences=min(chosen.sequences, max(sequences, work.sequences)))
    if said.max_num_batched_tokens is None:
        chosen = replace(chosen, batched_tokens=min(chosen.batched_tokens, max(tokens, chosen.sequences)))
    drafted = chosen.speculative_tokens
    largest = chosen.max_graph and largest_batch(chosen.sequences, chosen.batched_tokens, drafted, chosen.version)
    if chosen.max_graph and said.max_cudagraph_capture_size:
        largest = min(chosen.max_graph, chosen.batched_tokens)
    if said.captured:
        return chosen
    return replace(
        chosen, max_graph=largest, captures=graph_sizes(largest, chosen.version) * (2 if chosen.adapters[1] else 1)
    )


def utilization(work: Serving, device: Device | None = None) -> float:
    """The share of the device's memory that vLLM asks for; where GPU and system share it, the share that a start has left it."""
    said = read(Options, work.options)
    if said.gpu_memory_utilization is None and device and device.unified:
        return UNIFIED_SHARE
    default = 0.92 if said.release >= (0, 20) else 0.90  # config/cache.py; 0.90 up to 0.19
    return said.gpu_memory_utilization or default


def batch_defaults(device: Device | None, usage: str, version: tuple[int, ...]) -> tuple[int, int]:
    """(max_num_batched_tokens, max_num_seqs) by GPU memory and entry point: engine/arg_utils.py get_batch_defaults."""
    total = device.total if device and device.total else 0
    large = total >= LARGE_GPU and "a100" not in (device.name.casefold() if device else "")
    library = usage == "llm_class"
    if total >= LARGEST_GPU and version >= (0, 28):
        return 16384, 1024
    if large and not (version >= (0, 33) and device and device.compute_capability == "12.1"):
        return (16384 if library else 8192), 1024 if version >= (0, 9) else 256
    return (8192 if library else 2048), 256


def capability_of(device: Device) -> float | None:
    """The NVIDIA compute capability as a number that compares (8.9, 12.0); None for other vendors or where it is not known."""
    found = device.capability
    return found[0] + found[1] / 10 if found else None
