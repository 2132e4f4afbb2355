"""What SGLang allocates out of the static share: weights as the driver sees them, a pool of tokens, and slots for delta-net states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.catalog.schema import LinearAttention
from qwenpick.memory.cache import attention_layers, kv_bytes_per_token, linear_layers
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.runtimes.adapters import adapter_bytes
from qwenpick.runtimes.given import read
from qwenpick.runtimes.sglang.options import Options
from qwenpick.runtimes.vllm.weights import scaled, stage_weights
from qwenpick.units import MIB
from qwenpick.work.placement import Cut
from qwenpick.work.sharding import stage_layers

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

# kernels and allocator slack that loading takes beside the tensors: Qwen3-0.6B 1.20 GiB, Qwen3.8-27B 51.05 GiB in logs
LOADED = 92 * MIB
STATES_KEPT = (
    3  # slots of a running request while prefixes are kept: mem_cache/kv_cache_configurator.py _calculate_mamba_ratio
)
# and those that track it beside them: mem_cache/allocation_sizing.py get_mamba_tracking_slots
STATES_TRACKED = {"no_buffer": 0, "extra_buffer": 2, "extra_buffer_lazy": 1}
# from here on "auto" means extra_buffer: arg_groups/overrides.py _mamba_radix_cache_resolution
EXTRA_BUFFER = (0, 5, 16)
STATES_RATIO = 0.9  # mamba_full_memory_ratio: bytes of states for each of tokens, of what weights leave
SPECULATING = 48  # requests at once where it speculates and nobody says: arg_groups/speculative_hook.py
# from here on pools are sized once the draft is loaded: managers/scheduler.py init_target_memory_pool of 0.5.14, which 0.5.13 has not
DRAFT_FIRST = (0, 5, 14)
IMAGES = 100 * MIB  # kept of the pool for a multimodal model's embeddings from 0.5.19 on: SGLANG_VLM_CACHE_SIZE_MB


def stages_of(architecture: Architecture, placement: Placement) -> tuple[range, ...]:
    """Which layers each stage holds: as asked, else as even as can be, one more in the last ones.

    distributed/utils.py get_pp_indices of 0.5.14 to 0.5.23, where vLLM's leaves the very last without.
    """
    even, odd = divmod(architecture.num_layers, placement.pipeline_parallel)
    counts = (even,) * (placement.pipeline_parallel - odd) + (even + 1,) * odd
    return stage_layers(architecture.num_layers, placement.pipeline_parallel, placement.stage_layers or counts)


def weights(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> tuple[tuple[tuple[str, int], ...], ...]:
    """For each pipeline stage, (part, bytes) on each rank; the draft block only to speculate, towers unless language_only."""
    said = read(Options, work.options)
    parts = ["text", *(e.name for e in architecture.extras if e.name not in {"talker", "token2wav", "code2wav"})]
    if said.speculative_num_draft_tokens and architecture.mtp_layers and not said.drafter:
        parts.append("mtp")
    if not said.language_only:
        parts += [name for name, tower in (("vision", architecture.vision), ("audio", architecture.audio)) if tower]
    stages = stages_of(architecture, placement)
    ranks, whole = placement.tensor_parallel, placement.expert_parallel
    cut = Cut(ranks, placement.pipeline_parallel, 1, whole, tuple(map(len, stages)))
    found = stage_weights(architecture, checkpoint.format, cut, tuple(parts))
    if checkpoint.bytes is not None:
        found = scaled(found, architecture, checkpoint, checkpoint.format)
    if placement.host_table:
        found = tuple(tuple(one for one in stage if one[0] != NGRAM_TABLE) for stage in found)
    if said.drafter:
        draft = ("draft model", said.drafter[0] // ranks)
        found = (*found[:-1], (*found[-1], draft))
    rank, most = said.adapters
    if not most:
        return found
    return tuple(
        (*stage, ("adapters", adapter_bytes(architecture, rank, most, ranks, layers, whole_experts=whole)))
        for stage, layers in zip(found, stages, strict=True)
    )


def draft_matrices(architecture: Architecture, work: Serving, placement: Placement) -> int:
    """Bytes of the embedding and the head that an MTP block is loaded with; the model's take their place, but only once the pools are sized.

    speculative/eagle_worker_v2.py alloc_memory_pool, init_lm_head of 0.5.14 to 0.5.23; sgl-project/sglang#36452. 16 bits, cut over ranks.
    """
    said = read(Options, work.options)
    if (
        not said.speculative_num_draft_tokens
        or said.drafter
        or not architecture.mtp_layers
        or said.release < DRAFT_FIRST
    ):
        return 0
    matrices = 1 if architecture.tied_embeddings else 2
    return matrices * architecture.vocab_size * architecture.hidden_size * 2 // placement.tensor_parallel


def sized_beside(
    stage: tuple[tuple[str, int], ...], architecture: Architecture, work: Serving, placement: Placement
) -> int:
    """Bytes of a rank's weights that are there when its pools are sized: before 0.5.14 the draft came after them."""
    late = ("mtp", "draft model") if read(Options, work.options).release < DRAFT_FIRST else ()
    return sum(size for name, size in stage if name not in late) + draft_matrices(architecture, work, placement)


def token_bytes(architecture: Architecture, work: Serving, placement: Placement, stage: int) -> int:
    """Bytes of one token in the pool of a rank: (k + v) x kv heads x head_dim over the attention layers of its stage (the last), a draft's with them.

    model_executor/pool_configurator.py: a draft is as wide as the model. The MTP block counts where it is loaded by its path (0.5.14 on), as
    Flash-Next's always is: 17 layers for a 27B's 16 (noonghunna/club-3090#1328).
    """
    said, whole = (
        read(Options, work.options),
        kv_bytes_per_token(architecture, work.kv_cache, placement.tensor_parallel),
    )
    layers = len(attention_layers(architecture))
    held = max(1, len(stages_of(architecture, placement)[stage]) - _delta_nets(architecture, placement, stage))
    if said.drafter:
        held += said.drafter[1]
    elif said.speculative_num_draft_tokens and (
        architecture.model_type.startswith("qwen4_exp")
        or (said.speculative_draft_model_path and said.release >= DRAFT_FIRST)
    ):
        held += architecture.mtp_layers
    return whole * held // layers


def _delta_nets(architecture: Architecture, placement: Placement, stage: int) -> int:
    """How many of a stage's layers keep a recurrent state."""
    if placement.pipeline_parallel == 1:
        return len(linear_layers(architecture))
    held = stages_of(architecture, placement)[stage]
    return sum(isinstance(architecture.layer_list[index], LinearAttention) for index in held)


def slot_bytes(architecture: Architecture, work: Serving, placement: Placement, stage: int) -> int:
    """Bytes of one slot of the mamba pool on a rank of a stage (the last): convolution in 16 bits, recurrent state in FP32 unless told otherwise."""
    ssm = 2 if read(Options, work.options).mamba_ssm_dtype in {"bfloat16", "float16"} else 4
    if not (layers := linear_layers(architecture)):
        return 0
    each = layers[0].conv_state_elements * 2 + layers[0].ssm_state_elements * ssm
    return each * _delta_nets(architecture, placement, stage) // placement.tensor_parallel


def slots_each(work: Serving) -> int:
    """Slots of the mamba pool that a running request holds."""
    said = read(Options, work.options)
    if said.disable_radix_cache:
        return 1
    strategy = said.mamba_radix_cache_strategy
    if strategy == "auto":
        strategy = "extra_buffer" if said.release >= EXTRA_BUFFER else "no_buffer"
    return STATES_KEPT + STATES_TRACKED[strategy]


def slots(work: Serving) -> int:
    """Slots of the mamba pool that `sequences` running requests need, and the dummy one."""
    return (read(Options, work.options).max_mamba_cache_size or slots_each(work) * work.sequences) + 1


def draft_states(requests: int, work: Serving) -> int:
    """States that are kept of every drafted token of so many running requests, and of the padding one."""
    drafted = read(Options, work.options).speculative_num_draft_tokens
    return (requests + 1) * drafted if drafted else 0


def divided(rest: int, slot: int, work: Serving) -> tuple[int, int]:
    """(slots, bytes for tokens) of `rest` bytes that a hybrid's weights leave: kv_cache_configurator.py _handle_max_mamba_cache.

    States get mamba_full_memory_ratio of what tokens get, or as many slots as are asked for; drafted tokens' states come first.
    """
    said, each = read(Options, work.options), slots_each(work)
    requests = said.max_running_requests or (SPECULATING if said.speculative_num_draft_tokens else work.sequences)
    ratio, drafted = said.mamba_full_memory_ratio or STATES_RATIO, said.speculative_num_draft_tokens
    if said.max_mamba_cache_size:
        count = said.max_mamba_cache_size
    elif said.disable_radix_cache and said.max_running_requests:
        count = said.max_running_requests
    else:
        share = rest * ratio / (1 + ratio)
        count = int((share - slot * (1 + drafted)) // (slot * (1 + drafted / each)))
    drafts = draft_states(min(requests, count // each), work) if count > 0 else 0
    return max(0, count), rest - (max(0, count) + 1 + drafts) * slot
