"""What engines refuse to start, each with file and line of their own source, told anew from it: no rule here asks our own code.

vLLM 0.26.0 (the source archive of the package index), SGLang 0.5.23, mlx-lm 0.32.2 and mlx-vlm 0.7.10 (their wheels), llama.cpp as llama-cpp-python
0.3.36 carries it (vendor/llama.cpp), Ollama at fb30760, which starts llama.cpp's server and is bound by its rules too, as LM Studio is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from qwenpick.catalog import Architecture
from qwenpick.memory.quantization import FORMATS
from qwenpick.planning.plan import Plan, plan_ledger
from qwenpick.runtimes.vllm.start import planned, written
from qwenpick.work.placement import Placement

BLOCK = 128  # weight_block_size of the maker's FP8: [128, 128]
MARLIN_N = 64  # marlin_utils.py GPTQ_MARLIN_MIN_THREAD_N
CAPABILITY = {"awq-int4": 75, "gptq-int4": 60, "fp8": 75, "nvfp4": 75, "mxfp4": 80, "nf4": 70}
STAGELESS = ("qwen4_exp",)  # Flash-Next does not implement SupportsPP
# Formats SGLang's kernels take from these compute capabilities on: layers/quantization/fp8.py:339, awq/awq.py:116, gptq/gptq.py:140, mxfp4.py:339,
# modelopt_quant.py:1550
SGLANG_CAPABILITY = {"awq-int4": 75, "gptq-int4": 60, "fp8": 80, "fp8-online": 80, "nvfp4": 80, "mxfp4": 80}
ONE_AT_A_TIME = ("qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe", "qwen3next")
# Modules of mlx_lm/models and mlx_vlm/models, and names that MODEL_REMAPPING knows
MLX_MODULES = frozenset(
    "qwen qwen2 qwen2_moe qwen2_vl qwen2_5_vl qwen3 qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next qwen3_omni_moe "
    "qwen3_vl qwen3_vl_moe qwen4_exp".split()
)
MLX_GROUP = 64
CACHE_BLOCK = {"q8_0": 32, "q5_1": 32, "q5_0": 32, "q4_1": 32, "q4_0": 32, "iq4_nl": 32}


@dataclass(frozen=True)
class Refusal:
    """A rule of an engine: where its source says so, and whether it would refuse the plan."""

    engine: str
    source: str
    says: str
    refuses: Callable[[Plan], bool]


def _columns(architecture: Architecture, placement: Placement) -> float:
    """Inner columns of the MLPs that each rank holds; experts stay whole where they are spread."""
    mlp = architecture.mlp
    whole = mlp.kind == "moe" and placement.expert_parallel
    return mlp.intermediate_size / (1 if whole else placement.tensor_parallel)


def _heads(plan: Plan) -> bool:
    return plan.architecture.attention.heads % plan.placement.tensor_parallel != 0


def _fp8_blocks(plan: Plan) -> bool:
    blocked = plan.checkpoint.format == "fp8" and plan.checkpoint.official
    return blocked and _columns(plan.architecture, plan.placement) % BLOCK != 0


def _marlin(plan: Plan) -> bool:
    if plan.checkpoint.format not in ("gptq-int4", "awq-int4") or plan.placement.devices[0].vendor != "nvidia":
        return False
    return _columns(plan.architecture, plan.placement) % MARLIN_N != 0


def _capability(plan: Plan) -> bool:
    return _lacks_units(plan, CAPABILITY)


def _lacks_units(plan: Plan, needed: Mapping[str, int]) -> bool:
    least = needed.get(plan.checkpoint.format, 0)
    known = [device.capability for device in plan.placement.devices if device.vendor == "nvidia" and device.capability]
    return any(10 * major + minor < least for major, minor in known)


def _integers(plan: Plan) -> bool:
    known = [device.capability for device in plan.placement.devices if device.vendor == "nvidia" and device.capability]
    both = plan.checkpoint.format == "gptq-int8" and "w8a8" in (plan.checkpoint.repo or "").casefold()
    return both and any(not (7, 5) <= one < (10, 0) for one in known)


def _stages(plan: Plan) -> bool:
    return plan.placement.pipeline_parallel > 1 and plan.architecture.model_type in STAGELESS


def _one_sequence(plan: Plan) -> bool:
    """Whether the cache is too small with the settings that `launch` writes."""
    if not plan.placement.devices:
        return False
    chosen = planned(plan.model, plan.architecture, plan.checkpoint, plan.work, plan.placement)
    options = {**plan.work.options, **written(chosen)}
    ledger = plan_ledger(replace(plan, work=replace(plan.work, options=options)))
    return ledger is not None and ledger.kv_cache_tokens is not None and ledger.kv_cache_tokens < plan.work.context


def _too_long(plan: Plan) -> bool:
    context = plan.model.context
    return context is not None and plan.work.context > (context.extended or context.native)


def _cache_blocks(plan: Plan) -> bool:
    head = plan.architecture.attention.head_dim
    return any(head % CACHE_BLOCK.get(kind, 1) for kind in (plan.work.kv_cache.k, plan.work.kv_cache.v))


def _needs_flash_attention(plan: Plan) -> bool:
    return plan.work.kv_cache.v in CACHE_BLOCK and plan.work.options.get("flash_attn") == "off"


def _sglang_blocks(plan: Plan) -> bool:
    return plan.architecture.mlp.kind == "moe" and _fp8_blocks(plan)


def _sglang_capability(plan: Plan) -> bool:
    return _lacks_units(plan, SGLANG_CAPABILITY)


def _two_types(plan: Plan) -> bool:
    return plan.work.kv_cache.k != plan.work.kv_cache.v


def _other_cache(plan: Plan) -> bool:
    return plan.work.kv_cache.k not in ("f16", "q8_0", "q4_0")


def _one_request(plan: Plan) -> bool:
    return plan.work.sequences > 1 and plan.architecture.gguf_arch in ONE_AT_A_TIME


def _no_flash_attention(plan: Plan) -> bool:
    known = [device.capability for device in plan.placement.devices if device.vendor == "nvidia" and device.capability]
    return plan.work.kv_cache.v in CACHE_BLOCK and any(one < (6, 0) or one == (7, 2) for one in known)


def _no_module(plan: Plan) -> bool:
    return plan.architecture.model_type not in MLX_MODULES


def _no_safetensors(plan: Plan) -> bool:
    return FORMATS[plan.checkpoint.format].container == "gguf"


def _ungrouped_heads(plan: Plan) -> bool:
    return plan.work.kv_cache.k != "f16" and plan.architecture.attention.head_dim % MLX_GROUP != 0


REFUSALS = (
    Refusal("vllm", "csrc/.../w8a8/cutlass/c3x/scaled_mm_helper.hpp:34", "Int8 not supported on SM120", _integers),
    Refusal("sglang", "sgl-kernel/csrc/gemm/int8_gemm_kernel.cu:744", "No implemented int8_scaled_mm", _integers),
    Refusal("vllm", "vllm/config/model.py:1230", "heads must be divisible by the tensor parallel size", _heads),
    Refusal("vllm", "vllm/config/model.py:1245", "pipeline parallelism is not supported for this model", _stages),
    Refusal("vllm", "vllm/config/model.py:2269", "max_model_len is greater than the model's own", _too_long),
    Refusal("vllm", "vllm/v1/core/kv_cache_utils.py:779", "the cache holds not one sequence", _one_sequence),
    Refusal("vllm", "vllm/model_executor/layers/quantization/utils/fp8_utils.py:1242", "not whole blocks of FP8", _fp8_blocks),
    Refusal("vllm", "vllm/model_executor/layers/quantization/fp8.py:565", "not whole blocks of an expert's FP8", _fp8_blocks),
    Refusal("vllm", "vllm/model_executor/layers/quantization/utils/marlin_utils.py:181", "not whole tiles of Marlin", _marlin),
    Refusal("vllm", "vllm/model_executor/layers/quantization/auto_awq.py:231", "the GPU is too old for the format", _capability),
    Refusal("sglang", "srt/models/qwen3_moe.py:506", "attention heads must divide by the tensor parallel size", _heads),
    Refusal("sglang", "srt/models/qwen3_5.py:1293", "attention heads must divide by the tensor parallel size", _heads),
    Refusal("sglang", "srt/model_executor/model_runner_components/moe_ep_setup.py:172", "not whole blocks of an expert's FP8", _sglang_blocks),
    Refusal("sglang", "srt/model_loader/loader.py:259", "the GPU is too old for the format", _sglang_capability),
    Refusal("sglang", "srt/configs/model_config.py:1314", "context_length is greater than the model's own", _too_long),
    Refusal("ollama", "llm/llama_server.go:395", "keys and values have one type, OLLAMA_KV_CACHE_TYPE", _two_types),
    Refusal("ollama", "fs/ggml/ggml.go:904", "a cache other than f16, q8_0 and q4_0", _other_cache),
    Refusal("ollama", "server/sched.go:507", "the architecture answers one request at a time", _one_request),
    Refusal("ollama", "ml/device.go:588", "no flash attention on this GPU, which a quantized V cache needs", _no_flash_attention),
    Refusal("mlx", "mlx_lm/utils.py:225", "model type not supported", _no_module),
    Refusal("mlx", "mlx_lm/utils.py:452", "no safetensors found", _no_safetensors),
    Refusal("mlx", "mlx_lm/generate.py:310", "keys and values have one width, kv_bits", _two_types),
    Refusal("mlx", "mlx_lm/models/cache.py:296", "heads are not whole groups of a quantized cache", _ungrouped_heads),
    Refusal("llamacpp", "src/llama-context.cpp:3846", "a quantized V cache requires flash attention", _needs_flash_attention),
    Refusal("llamacpp", "src/llama-context.cpp:3854", "the K cache's block does not divide the head", _cache_blocks),
    Refusal("llamacpp", "src/llama-context.cpp:3865", "the V cache's block does not divide the head", _cache_blocks),
)  # fmt: skip


# An engine and those whose rules bind it too
BOUND_BY = {"ollama": ("ollama", "llamacpp"), "lmstudio": ("llamacpp",)}


def refused(plan: Plan) -> list[str]:
    """The rules of the plan's engine that it breaks."""
    engines = BOUND_BY.get(plan.runtime, (plan.runtime,))
    return [f"{rule.source}: {rule.says}" for rule in REFUSALS if rule.engine in engines and rule.refuses(plan)]
