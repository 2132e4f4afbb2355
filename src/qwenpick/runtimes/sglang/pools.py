"""What SGLang allocates out of the static share: weights as the driver sees them, a pool of tokens, and slots for delta-net states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.memory.cache import attention_layers, conv_state_elements, kv_bytes_per_token, ssm_state_elements
from qwenpick.memory.quantization import stored_bytes
from qwenpick.runtimes.given import read
from qwenpick.runtimes.sglang.options import Options
from qwenpick.runtimes.vllm.weights import stage_weights

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

MIB = 2**20
# kernels and allocator slack that loading takes beside the tensors: Qwen3-0.6B 1.20 GiB, Qwen3.8-27B 51.05 GiB in logs
LOADED = 92 * MIB
STATES_PER_SEQUENCE = (
    3  # slots per running request while the radix cache is on, 1 without: mem_cache/kv_cache_configurator.py
)
STATES_SHARE = 0.9 / 1.9  # of what weights leave to a hybrid: mamba_full_memory_ratio 0.9


def weights(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> tuple[tuple[tuple[str, int], ...], ...]:
    """For each pipeline stage, (part, bytes) on each rank; the draft block only to speculate, towers unless language_only."""
    said = read(Options, work.options)
    parts = ["text", *(e.name for e in architecture.extras if e.name not in {"talker", "token2wav", "code2wav"})]
    if said.speculative_num_draft_tokens and architecture.mtp_layers:
        parts.append("mtp")
    if not said.language_only:
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
    ssm = 2 if read(Options, work.options).mamba_ssm_dtype in {"bfloat16", "float16"} else 4
    whole = conv_state_elements(architecture) * 2 + ssm_state_elements(architecture) * ssm
    return whole // (placement.tensor_parallel * placement.pipeline_parallel)


def slots(work: Serving) -> int:
    """Slots of the mamba pool that `sequences` running requests need, and the dummy one."""
    said = read(Options, work.options)
    each = 1 if said.disable_radix_cache else STATES_PER_SEQUENCE
    return (said.max_mamba_cache_size or each * work.sequences) + 1
