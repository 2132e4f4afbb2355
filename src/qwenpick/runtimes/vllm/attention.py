"""Which of vLLM's kernels run attention, and the buffers that FlashInfer holds for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from qwenpick.catalog.schema import FullAttention
from qwenpick.units import MIB

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.memory.cache import KvCache

Backend = Literal["flash_attn", "flashinfer", "flashinfer-trtllm", "other"]
NAMES: dict[str, Backend] = {"FLASH_ATTN": "flash_attn", "FLASHINFER": "flashinfer"}
# first version whose order of backends is read here: platforms/cuda.py _get_backend_priorities of 0.13 to 0.33
SINCE = (0, 13)
BUFFER = 394 * MIB  # vllm/envs.py VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE
# From 0.26 on at least so many bytes per batched token and element of a rank's query heads: v1/attention/backends/flashinfer.py
# FLASHINFER_PREFILL_WORKSPACE_BYTES_PER_ELEM
WIDE, WIDE_SINCE = 16, (0, 26)
PLAN = 8 * MIB  # of each wrapper, for its plan: FlashInfer 0.6 decode.py and prefill.py _int_workspace_buffer
# A hybrid's prompt kernel that hands states out on its way, so that prefixes are kept without cutting prompts. They lie on multiples of so many
# tokens: 0.33 v1/attention/backends/gdn_attn.py FLASHINFER_GDN_CHECKPOINT_ALIGNMENT
CHECKPOINT, CHECKPOINT_SINCE = 64, (0, 33)
WRAPPERS = 2  # one that decodes and one that reads prompts, without graphs


def selects(architecture: Architecture) -> bool:
    """Whether attention reads tokens that an indexer selects: in a Triton kernel of the model's own, whatever is asked.

    vLLM models/qwen4_exp/nvidia/qsa.py of 0.29 to 0.33.
    """
    return isinstance(architecture.attention, FullAttention) and architecture.attention.indexer is not None


def backend_of(
    capability: tuple[int, int] | None, cache: KvCache, version: tuple[int, ...], named: str | None = None
) -> Backend:
    """What attends on a GPU of this capability with a cache of this type; `named` is what was asked for.

    FlashAttention reads FP8 on Hopper alone (fa_utils.py flash_attn_supports_kv_cache_dtype) and runs from Ampere on; FlashInfer, from Turing on, is
    first on capability 10, where it brings kernels of its own.
    """
    if capability is None or version < SINCE or capability < (7, 5):
        return "other"
    if named is not None and named != "FLASHINFER":
        return NAMES.get(named, "other")
    if capability[0] == 10:
        return "flashinfer-trtllm"
    if named or capability < (8, 0) or (cache.k == "fp8" and capability[0] != 9):
        return "flashinfer"
    return "flash_attn"


def decode_captured(backend: Backend, drafts: int) -> bool:
    """Whether whole decode steps are captured, attention with them: FlashInfer's own kernels do not when tokens are drafted.

    v1/attention/backends/flashinfer.py get_cudagraph_support: graphs are then piecewise.
    """
    return backend != "flashinfer" or not drafts


def buffer_bytes(
    architecture: Architecture, backend: Backend, batched_tokens: int, ranks: int, version: tuple[int, ...], graphs: int
) -> int:
    """Bytes of FlashInfer's workspace on a rank, and of its wrappers' plans: one for each of the `graphs` batches whose decoding is captured."""
    if backend == "flashinfer-trtllm":
        return BUFFER
    if backend != "flashinfer":
        return 0
    layer = architecture.attention
    wide = batched_tokens * -(-layer.heads // ranks) * layer.head_dim * WIDE if version >= WIDE_SINCE else 0
    return max(BUFFER, wide) + (graphs or WRAPPERS) * PLAN


def checkpoint_tokens(capability: tuple[int, int] | None, version: tuple[int, ...], named: str) -> int:
    """Tokens on whose multiples a delta net's states are kept within a prompt; 0 where prompts are cut for it. `named` is the kernel asked for.

    FlashInfer's does it, which is taken on capability 9.0, 10 and 12: 0.33 model_executor/layers/mamba/gdn/qwen_gdn_linear_attn.py
    _resolve_gdn_prefill_backend (wheels of 0.33 are of CUDA 13, as 10 and 12 need).
    """
    if version < CHECKPOINT_SINCE or named not in {"auto", "flashinfer"} or capability is None:
        return 0
    return CHECKPOINT if capability == (9, 0) or capability[0] in (10, 12) else 0
