"""What vLLM will not run, and why: devices, formats a GPU cannot compute, world sizes that do not divide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.i18n import _, retell
from qwenpick.memory.quantization import FORMATS
from qwenpick.runtimes.given import read
from qwenpick.runtimes.vllm.attention import selects
from qwenpick.runtimes.vllm.options import Options
from qwenpick.runtimes.vllm.settings import capability_of
from qwenpick.runtimes.vllm.vendors import OWN, build_refusal, vendors
from qwenpick.work.sharding import BLOCK, world_refusal

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.machine.hardware import Device
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

# the least compute capability of each format's kernels: model_executor/layers/quantization/*.py get_min_capability
MIN_CAPABILITY = {
    "awq-int4": 7.5,
    "gptq-int4": 7.0,
    "gptq-int8": 7.0,
    "fp8": 7.5,
    "fp8-online": 7.5,
    "bf16": 7.0,
    "nf4": 7.0,
    "nvfp4": 7.5,
    "mxfp4": 8.0,
}
# W8A8: activations of 8-bit integers too, whose kernels are for these capabilities. vLLM csrc/libtorch_stable/quantization/w8a8/cutlass/c3x/
# scaled_mm_helper.hpp:34 ("Int8 not supported on SM120"), scaled_mm_entry.cu (from 75 on); SGLang sgl-kernel/csrc/gemm/int8_gemm_kernel.cu:699
INTEGERS, INTEGERS_FROM, INTEGERS_BELOW = re.compile("w8a8", re.I), 7.5, 10.0
# What only NVIDIA's GPUs run. vLLM has AWQ in Triton for AMD's (platforms/rocm.py: VLLM_USE_TRITON_AWQ) and, from 0.20 on, kernels of W4A16
# (model_executor/kernels/linear _POSSIBLE_KERNELS); SGLang's have none for experts (layers/quantization/awq/awq.py)
NVIDIA_ONLY = {"vLLM": ("nf4", "nvfp4"), "SGLang": ("awq-int4", "nf4", "nvfp4")}
CACHE_TYPES = ("f16", "bf16", "fp8")  # --kv-cache-dtype of both engines: auto, bfloat16, fp8_e4m3, fp8_e5m2
# vLLM's others, and the release that brought each: config/cache.py CacheDType
CACHE_TYPES_SINCE = {
    "nvfp4": (0, 22), "int8_per_token_head": (0, 22), "fp8_per_token_head": (0, 22), "int4_per_token_head": (0, 25), "turboquant_k8v4": (0, 22),
    "turboquant_4bit_nc": (0, 22), "turboquant_k3v4_nc": (0, 22), "turboquant_3bit_nc": (0, 22),
}  # fmt: skip
MOE_ADAPTERS, SPREAD_ADAPTERS = (0, 12), (0, 21)  # adapters of experts, and of experts that lie whole on ranks
BLACKWELL = (10, 0)  # NVFP4 keys and values are FlashInfer's on Blackwell: v1/attention/backends/flashinfer.py
SELECTED_FP8 = (0, 31)
BLOCKED = ("fp8", "gptq-int4", "gptq-int8", "awq-int4")  # scales shared by 128 columns
# AMD targets that vLLM's ROCm wheels are built for: MI200, MI300, MI350, RX 7900, Strix, RX 9000 (docs/getting_started/installation/gpu.rocm)
ROCM_TARGETS = ("gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1101", "gfx1150", "gfx1151", "gfx1200", "gfx1201")


def refusal(
    architecture: Architecture,
    checkpoint: Checkpoint,
    placement: Placement,
    formats: tuple[str, ...],
    title: str,
    least: Mapping[str, float] = MIN_CAPABILITY,
) -> str | None:
    """Why the engine, whose kernels need `least` compute capability, would not start this, memory aside; None if it would."""
    if checkpoint.format not in formats:
        container = FORMATS[checkpoint.format].container if checkpoint.format in FORMATS else checkpoint.format
        what = {"gguf": _("GGUF files (use llama.cpp)"), "mlx": _("MLX weights (use mlx-lm)")}.get(
            container, checkpoint.format
        )
        return _("{title} does not load {what}", title=title, what=what)
    if not placement.devices:
        return _("{title} needs a GPU", title=title)
    for device in placement.devices:
        if why := device_refusal(checkpoint, device, title, least):
            return why
    block = BLOCK if checkpoint.format in BLOCKED else 1
    ranks = placement.tensor_parallel
    wanted, there = ranks * placement.pipeline_parallel * placement.data_parallel, len(placement.devices)
    if wanted > there:
        return _("{wanted} GPUs are asked for, and {there} can be used", wanted=wanted, there=there)
    if placement.stage_layers and sum(placement.stage_layers) != architecture.num_layers:
        return _(
            "stages of {stages} layers are not the model's {layers}",
            stages=" + ".join(map(str, placement.stage_layers)),
            layers=architecture.num_layers,
        )
    if placement.stage_layers and len(placement.stage_layers) != placement.pipeline_parallel:
        return _(
            "{counts} counts of layers are given for {stages} stages",
            counts=len(placement.stage_layers),
            stages=placement.pipeline_parallel,
        )
    if why := world_refusal(architecture, ranks, block, whole_experts=placement.expert_parallel):
        return _("tensor parallel over {ranks} GPUs: {why}", ranks=ranks, why=retell(why))
    return None


def selected_cache_refusal(architecture: Architecture, work: Serving, title: str) -> str | None:
    """Why layers with an indexer have no such cache: they take 16 bits, from 0.31 on FP8 too (models/qwen4_exp/nvidia/qsa.py of 0.29 to 0.33)."""
    wanted = work.kv_cache.k
    if not selects(architecture) or wanted in ("f16", "bf16"):
        return None
    if wanted != "fp8":
        return _(
            "{title} has no {cache} cache for this model's sparse attention (bf16, fp8)", title=title, cache=wanted
        )
    if read(Options, work.options).release < SELECTED_FP8:
        version = ".".join(map(str, SELECTED_FP8))
        return _(
            "{title} has a cache in {cache} for this model from {version} on",
            title=title,
            cache=wanted,
            version=version,
        )
    return None


def cache_type_refusal(
    work: Serving, title: str, since: Mapping[str, tuple[int, ...]] | None = None, placement: Placement | None = None
) -> str | None:
    """Why the engine has no such cache: one type for keys and values, of its own. `since` are types that came with a release."""
    wanted, more = work.kv_cache.k, since or {}
    if work.kv_cache.k == work.kv_cache.v and wanted in CACHE_TYPES:
        return None
    if work.kv_cache.k == work.kv_cache.v and wanted in more:
        release = read(Options, work.options).release
        if release < more[wanted]:
            version = ".".join(map(str, more[wanted]))
            return _("{title} has a cache in {cache} from {version} on", title=title, cache=wanted, version=version)
        for device in placement.devices if placement and wanted == "nvfp4" else ():
            if device.vendor != "nvidia" or (device.capability and device.capability < BLACKWELL):
                return _(
                    "{title} has a cache in nvfp4 on Blackwell only; {name} is none", title=title, name=device.name
                )
        return None
    return _(
        "{title} has no {cache} cache (it has {known}, keys and values alike)",
        title=title,
        cache=work.kv_cache,
        known=", ".join((*CACHE_TYPES, *more)),
    )


def adapters_refusal(architecture: Architecture, said: Options, placement: Placement) -> str | None:
    """Why LoRA adapters are not served beside this cut: lora/layers/fused_moe.py refused experts that lie whole on ranks up to 0.20."""
    spread = placement.expert_parallel and placement.tensor_parallel * placement.data_parallel > 1
    if not (architecture.is_moe and spread and said.adapters[1]):
        return None
    if MOE_ADAPTERS <= said.release < SPREAD_ADAPTERS:
        return _(
            "vLLM {version} has no LoRA adapters beside enable_expert_parallel; 0.21 and later have",
            version=said.said_release,
        )
    return None


def device_refusal(
    checkpoint: Checkpoint, device: Device, title: str, least: Mapping[str, float] = MIN_CAPABILITY
) -> str | None:
    """Why the engine would not run these weights on this device, whatever the model and beside whichever others."""
    return _format_refusal(checkpoint.format, device, title, least) or _integers_refusal(checkpoint, device, title)


def _format_refusal(format_name: str, device: Device, title: str, kernels: Mapping[str, float]) -> str | None:
    """Why this device cannot run this format."""
    if device.vendor not in vendors(title):
        return _("{title} does not run on {name}", title=title, name=device.name)
    if device.vendor not in OWN:
        return build_refusal(format_name, device, title)
    if device.vendor != "nvidia":
        if device.vendor == "amd" and device.compute_capability and device.compute_capability not in ROCM_TARGETS:
            return _(
                "{title} is not built for {compute_capability} ({name})",
                title=title,
                compute_capability=device.compute_capability,
                name=device.name,
            )
        return (
            _("{title} has {format_name} kernels for NVIDIA GPUs only", title=title, format_name=format_name)
            if format_name in NVIDIA_ONLY.get(title, ())
            else None
        )
    least = kernels.get(format_name, 7.0)
    if (capability := capability_of(device)) is not None and capability < least:
        return _(
            "{title} needs compute capability {least} for {format_name}; {name} has {compute_capability}",
            title=title,
            least=least,
            format_name=format_name,
            name=device.name,
            compute_capability=device.compute_capability,
        )
    return None


def _integers_refusal(checkpoint: Checkpoint, device: Device, title: str) -> str | None:
    """Why this device has no kernel for 8-bit integers on both sides, which the name of others' weights says."""
    capability = capability_of(device)
    if checkpoint.format != "gptq-int8" or capability is None or not INTEGERS.search(checkpoint.repo or ""):
        return None
    if INTEGERS_FROM <= capability < INTEGERS_BELOW:
        return None
    return _(
        "{title} multiplies 8-bit integers (W8A8) from compute capability 7.5 to 9.0 only; {name} has {compute_capability}",
        title=title,
        name=device.name,
        compute_capability=device.compute_capability,
    )


# the first version with the model's class: the models' own READMEs, and for the last one pull request 53896 of vLLM
FIRST_VERSION = {
    "qwen2_vl": (0, 6), "qwen3": (0, 8), "qwen3_moe": (0, 8), "qwen3_next": (0, 10), "qwen3_vl": (0, 11), "qwen3_vl_moe": (0, 11),
    "qwen3_5": (0, 17), "qwen3_5_moe": (0, 17), "qwen3_5_moe_text": (0, 17), "qwen4_exp": (0, 30),
}  # fmt: skip
# model_executor/models/registry.py: QWenLMHeadModel and QwenVLForConditionalGeneration went after 0.23
LAST_VERSION = {"qwen": (0, 23)}
NOT_SERVED = (
    "qwen3_tts",
)  # not in the registry of 0.28 to 0.33; in that of vLLM-Omni 0.30, config/pipeline_registry.py


def model_refusal(architecture: Architecture, version: tuple[int, ...], stated: bool) -> str | None:
    """Why vLLM has no class for the model: never, no more, or, where the version is `stated`, not yet."""
    kind = architecture.model_type
    if kind in NOT_SERVED:
        return _(
            "vLLM has no {kind} models; vLLM-Omni serves them (`vllm serve --omni`, image vllm/vllm-omni)", kind=kind
        )
    if kind == "qwen" and architecture.audio:
        return _("vLLM has no {kind} models that speak or listen", kind=kind)
    if (last := LAST_VERSION.get(kind)) and version > last:
        return _("vLLM dropped {kind} after {last}.{minor}", kind=kind, last=last[0], minor=last[1])
    if stated and (first := FIRST_VERSION.get(kind)) and version < first:
        return _(
            "vLLM {version}.{minor} does not know {kind}; {first}.{first_minor} does",
            version=version[0],
            minor=version[1],
            kind=kind,
            first=first[0],
            first_minor=first[1],
        )
    return None
