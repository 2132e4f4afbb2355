"""SGLang: a static share of the GPU for weights and pools, the rest set aside for activations and CUDA graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.memory import Memory, Part, gpu
from qwenpick.memory import memory as gather
from qwenpick.parallel import parallel_placements
from qwenpick.parts import attention_layers, conv_state_elements, cuda_free, kv_bytes_per_token, ssm_state_elements
from qwenpick.quantization import stored_bytes
from qwenpick.runtimes.vllm import refusals
from qwenpick.runtimes.vllm.weights import stage_weights

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.catalog.schema import VisionTower
    from qwenpick.hardware import Device, Machine
    from qwenpick.placement import Placement
    from qwenpick.workload import Serving

NAME = "sglang"
TITLE = "SGLang"
READ_FROM = (
    "SGLang 0.5: srt/server_args.py, srt/model_executor/model_runner_kv_cache_mixin.py, srt/mem_cache/memory_pool.py"
)
FORMATS = ("bf16", "fp16", "fp8", "fp8-online", "gptq-int8", "awq-int4", "gptq-int4", "nvfp4", "mxfp4", "nf4")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("bf16", "fp16"),
    "8bit": ("fp8", "gptq-int8", "fp8-online"),
    "4bit": ("awq-int4", "gptq-int4", "nvfp4", "mxfp4", "nf4"),
}
MIB, GIB = 2**20, 2**30
NOT_SERVED = ("qwen3_tts", "qwen2_5_omni")  # srt/models has no file for them
CONTEXT = 530 * MIB  # of the CUDA context, gone before SGLang looks at what is free
LOADED = (
    92 * MIB
)  # kernels and allocator slack that loading takes beside the tensors: Qwen3-0.6B 1.20 GiB, Qwen3.8-27B 51.05 GiB in logs
STATES_PER_SEQUENCE = 3  # mamba slots per running request while the radix cache is on; 1 without (model_runner)
OPTIONS = (
    "mem_fraction_static", "chunked_prefill_size", "cuda_graph_max_bs", "page_size", "disable_cuda_graph", "disable_radix_cache",
    "language_only", "speculative_num_draft_tokens", "max_mamba_cache_size", "mamba_ssm_dtype", "context_length",
)  # fmt: skip
# (memory up to, chunked prefill size, largest graph batch below TP 4, from TP 4 on): memory_hook.py
_BY_MEMORY = (
    (20 * GIB, 2048, 8, 8), (35 * GIB, 4096, 48, 160), (60 * GIB, 4096, 32, 160), (160 * GIB, 8192, 256, 512), (2**62, 16384, 512, 512),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server settles on: tokens per prefill chunk, the largest captured batch, tokens per page, and the static share."""

    chunk: int
    graph_batch: int
    page: int
    static: float


def settings(architecture: Architecture, work: Serving, placement: Placement) -> Settings:
    """The server's settings for this work. Raises QwenpickError for an option it does not know."""
    for name in work.options:
        if name not in OPTIONS:
            raise QwenpickError(f"SGLang has no option '{name}' here{did_you_mean(name, OPTIONS)}")
    given, ranks = work.options, placement.tensor_parallel
    total = min((d.total for d in placement.devices if d.total), default=24 * GIB)
    chunk, low, high = next((chunk, low, high) for limit, chunk, low, high in _BY_MEMORY if total < limit)
    chunk = int(str(given.get("chunked_prefill_size", chunk)))
    batch = int(str(given.get("cuda_graph_max_bs", low if ranks < 4 else high)))
    default = static_share(total, chunk, batch, ranks * placement.pipeline_parallel)
    if architecture.vision and not given.get("language_only"):
        default *= tower_share(architecture.vision)
    return Settings(
        chunk, batch, int(str(given.get("page_size", 1))), float(str(given.get("mem_fraction_static", default)))
    )


def static_share(total: int, chunk: int, graph_batch: int, gpus: int) -> float:
    """The default --mem-fraction-static: what activations, graphs and other GPUs' buffers leave (arg_groups/memory_hook.py).

    512 MiB, 1.5 MiB a chunk token, 128 MiB a GPU, 2 MiB a decode batch, 8 MiB a captured prefill size; above 60 GiB at least 10 GiB.

    >>> static_share(24 * GIB, 4096, 48, 1)  # 512 + 6144 + 128 + 96 + 50 x 8 = 7280 of 24576 MiB
    0.704
    """
    aside = 512 + max(chunk, 2048) * 1.5 + gpus / 8 * 1024 + graph_batch * 2 + prefill_graphs(chunk) * 8  # MiB
    memory = total / MIB
    if memory > 60 * 1024:
        aside = max(aside, 10 * 1024)
    return round((memory - aside) / memory, 3)


def prefill_graphs(chunk: int) -> int:
    """How many prefill sizes are captured up to the chunk: arg_groups/cuda_graph_hook.py.

    >>> prefill_graphs(2048), prefill_graphs(8192)
    (42, 58)
    """
    steps = ((4, 33, 4), (48, 257, 16), (288, 513, 32), (576, 1025, 64), (1280, 4097, 256), (4608, chunk + 1, 512))
    return sum(size <= chunk for step in steps for size in range(*step))


def tower_share(tower: VisionTower) -> float:
    """What a vision tower leaves of the default share: 0.95, less for a tower wider than 1,024 (memory_hook.py reads no depth of Qwen's)."""
    ratio = tower.hidden_size**2 / 1024**2
    return 0.95 * min(1.05, max(0.8, 1.0 - 0.1 * (ratio - 1.0)))


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why SGLang would not start this there, as a sentence; None if it would (memory aside)."""
    settings(architecture, work, placement)
    if architecture.model_type in NOT_SERVED or (
        architecture.model_type == "qwen" and (architecture.vision or architecture.audio)
    ):
        return f"SGLang has no class for {architecture.model_type} models of this kind"
    return refusals.refusal(architecture, checkpoint, placement, FORMATS, TITLE)


def placements(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterator[Placement]:
    """One GPU, then tensor parallel over equal ones, then pipeline stages."""
    return parallel_placements(architecture, checkpoint.format, machine, refusals.VENDORS)


def budget(device: Device, work: Serving) -> int | None:
    """Bytes the server sees as free once its CUDA context is up: the static share is a share of these."""
    free = cuda_free(device)
    return None if free is None else max(0, free - CONTEXT)


def weights(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> tuple[tuple[tuple[str, int], ...], ...]:
    """For each pipeline stage, (part, bytes) on each rank; the draft block only to speculate, towers unless language_only."""
    parts = ["text", *(e.name for e in architecture.extras if e.name not in {"talker", "token2wav", "code2wav"})]
    if work.options.get("speculative_num_draft_tokens") and architecture.mtp_layers:
        parts.append("mtp")
    if not work.options.get("language_only"):
        parts += [name for name, tower in (("vision", architecture.vision), ("audio", architecture.audio)) if tower]
    found = stage_weights(
        architecture, checkpoint.format, placement.tensor_parallel, placement.pipeline_parallel, tuple(parts)
    )
    if checkpoint.bytes is None:
        return found
    share = checkpoint.bytes / stored_bytes(architecture, checkpoint.format)
    return tuple(tuple((part, int(size * share)) for part, size in stage) for stage in found)


def token_bytes(architecture: Architecture, work: Serving, placement: Placement) -> int:
    """Bytes of one token in the pool of one rank: (k + v) x kv heads x head_dim over its stage's attention layers."""
    whole = kv_bytes_per_token(architecture, work.kv_cache, placement.tensor_parallel)
    layers = len(attention_layers(architecture))
    return whole * -(-layers // placement.pipeline_parallel) // layers


def slot_bytes(architecture: Architecture, work: Serving, placement: Placement) -> int:
    """Bytes of one slot of the mamba pool on one rank: convolution in 16 bits, recurrent state in FP32 unless told otherwise."""
    ssm = 2 if work.options.get("mamba_ssm_dtype") in {"bfloat16", "float16"} else 4
    whole = conv_state_elements(architecture) * 2 + ssm_state_elements(architecture) * ssm
    return whole // (placement.tensor_parallel * placement.pipeline_parallel)


def slots(work: Serving) -> int:
    """Slots of the mamba pool that `sequences` running requests need, and the dummy one."""
    each = 1 if work.options.get("disable_radix_cache") else STATES_PER_SEQUENCE
    return int(str(work.options.get("max_mamba_cache_size", each * work.sequences))) + 1


def pool_tokens(architecture: Architecture, work: Serving, placement: Placement, available: int) -> int:
    """Tokens that a KV pool of `available` bytes holds, whole pages: max_total_num_tokens."""
    page = settings(architecture, work, placement).page
    return max(0, available) // token_bytes(architecture, work, placement) // page * page


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What each GPU must hold: weights, the pools for `sequences` x `context`, and what the server sets aside for the rest."""
    chosen = settings(architecture, work, placement)
    per_stage = weights(architecture, checkpoint, work, placement)
    rows = (-(-work.context // chosen.page) * work.sequences + 1) * chosen.page  # one page takes padded writes
    token, slot = token_bytes(architecture, work, placement), slot_bytes(architecture, work, placement)
    states = slots(work) if slot else 0
    parts: list[Part] = []
    for index, device in enumerate(placement.devices or (None,)):
        where, stage = gpu(index), per_stage[min(index // placement.tensor_parallel, len(per_stage) - 1)]
        parts += [
            Part(f"{part} weights", size, where, f"tensors in {checkpoint.format}", "weights") for part, size in stage
        ]
        parts.append(Part("loading", LOADED, where, "kernels and allocator slack, measured", "overhead"))
        parts.append(Part("kv pool", rows * token, where, f"{rows} tokens x {token} bytes", "kv cache"))
        parts.append(Part("mamba pool", states * slot, where, f"{states} slots x {slot} bytes", "state"))
        aside = int((budget(device, work) or 0 if device else 0) * (1 - chosen.static))
        parts.append(
            Part(
                "set aside",
                aside,
                where,
                f"1 - mem-fraction-static {chosen.static:.3f}: activations and graphs",
                "compute",
            )
        )
    return gather(parts)


def kv_tokens(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> int:
    """Tokens that the server would print as max_total_num_tokens; hybrids give mamba_full_memory_ratio 0.9 of the rest to states."""
    chosen = settings(architecture, work, placement)
    least = min((budget(d, work) or 0) for d in placement.devices)
    heaviest = max(sum(size for _, size in stage) for stage in weights(architecture, checkpoint, work, placement))
    rest = int(least * chosen.static) - heaviest - LOADED
    if slot := slot_bytes(architecture, work, placement):
        explicit = "max_mamba_cache_size" in work.options
        rest -= slots(work) * slot if explicit else int(rest * 0.9 / 1.9)
    return pool_tokens(architecture, work, placement, rest)


__all__ = [
    "FAMILIES", "FORMATS", "NAME", "READ_FROM", "TITLE", "budget", "kv_tokens", "memory", "placements", "pool_tokens", "refusal",
    "settings", "slot_bytes", "token_bytes", "weights",
]  # fmt: skip
