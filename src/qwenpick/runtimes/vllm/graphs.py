"""vLLM's CUDA graphs: how many batches are captured, what their memory is estimated at, and what they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from qwenpick.runtimes.vllm.attention import buffer_bytes, decode_captured
from qwenpick.runtimes.vllm.captures import graph_sizes
from qwenpick.units import MIB

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.runtimes.vllm.settings import Settings

Link = Literal["alone", "nvlink", "pcie"]  # what joins a rank to others
ELEMENT = 2  # bytes of a 16-bit activation
# Read off starts of 0.26 on an H200 with 51 sizes. Estimate of the V1 runner, GiB: 9B (32 layers) 0.498, 35B-A3B (40) 0.566, 30B-A3B (48) 0.643,
# 27B (64) 0.754: 4.86 MiB a size and 0.16 MiB a size and layer. Taken: 0.68, 0.84, 0.80, 0.91.
ESTIMATE, ESTIMATE_LAYER = int(4.86 * MIB), int(0.16 * MIB)
TAKEN, TAKEN_LAYER = int(9.2 * MIB), int(0.15 * MIB)
# The V2 runner of 0.26 on dense models: 8B 0.61 GiB with 51 sizes, 0.15 with 7, at 2,048 batched tokens
V2_LAYER, V2_FIRST = int(0.29 * MIB), 20 * MIB
V2_KEPT = 3.5  # hidden states of all batched tokens that it keeps for its graphs (8B: 1.0 GiB at 16,384 tokens, 0.61 at 2,048)
# Up to 0.11 (torch 2.8), over several GPUs: a graph for each layer and size. Over PCIe 4 x A10 held 5.1 GiB beside torch, context and
# communicators once all 3,283 were captured (QwenLM/Qwen3 issue 1387); with NVLink 8 x A100 gave up in the last tenth of 6,365 with 6 GiB for
# them (QwenLM/Qwen3-VL issue 1684), and 8 x H800 started with 1,805 (issue 1489)
OLD_RANK, OLD_RANK_PCIE, OLD_RANK_UNTIL = MIB, int(1.59 * MIB), (0, 12)
# with torch 2.8 (NCCL 2.27), from 0.10.2 on: 8 x L40S took 3.45 GiB for 6,365
RANK_PCIE, RANK_PCIE_FROM = int(0.56 * MIB), (0, 10, 2)
# The V2 runner from 0.29 on, read off 13 starts of 0.33 on an H200 with 7 and 51 sizes (0.6B to 35B-A3B): what the first capture brings, hidden
# states of its largest batch that stay, and MiB a layer for each graph of a whole decode step; a hybrid with experts needs more kernels
FIRST, KEPT = 58 * MIB, 20
DECODED_LAYER, DECODED_LAYER_MIXED = int(0.045 * MIB), int(0.17 * MIB)
# Its estimate captures all piecewise graphs, and two decode steps for all others, at least a MiB each (gpu/cudagraph_utils.py
# profile_cudagraph_memory). The driver keeps what the piecewise ones took for the real ones, which then take next to nothing
PIECE_LAYER, PIECE_LAYER_MIXED, LEAST_GRAPH = int(0.15 * MIB), int(0.264 * MIB), MIB
# first versions whose request pays for an estimate: v1/worker/gpu_worker.py, and gpu/model_runner.py
V1_ESTIMATES, V2_ESTIMATES = ((0, 20), (0, 29))

# FlashAttention 3's parts of a decode step that graphs will hold, of 32 bits: config/attention.py flash_attn_max_num_splits_for_cuda_graph
SPLITS, SPLIT_ELEMENT = 32, 4


def largest_step(chosen: Settings) -> int:
    """Tokens of the largest whole decode step that is captured: each of max_num_seqs requests with what it speculates."""
    return min(chosen.max_graph, chosen.sequences * (1 + chosen.speculative_tokens))


def decoded_batches(chosen: Settings) -> int:
    """How many batches whole decode steps are captured for: those of at most max_num_seqs requests; 0 for none."""
    if not chosen.captures or not decode_captured(chosen.attention, chosen.speculative_tokens):
        return 0
    return graph_sizes(largest_step(chosen), chosen.version)


def attention_bytes(architecture: Architecture, chosen: Settings, ranks: int) -> int:
    """Bytes of attention's own buffers: allocated while the first decode step is captured, or when the first request comes."""
    tokens, captured = chosen.batched_tokens, decoded_batches(chosen)
    return buffer_bytes(architecture, chosen.attention, tokens, ranks, chosen.version, captured)


def estimated_bytes(architecture: Architecture, layers: int, chosen: Settings, ranks: int, splits: bool) -> int:
    """What the request pays for graphs of so many layers before they are captured; 0 where that version takes them out of the memory outside it.

    `splits` says that FlashAttention 3 attends. While the second largest decode step is measured as the sample of what one takes, torch gives back
    what it took to warm up, and a sample below nothing makes the rest larger.
    """
    if not chosen.captures or chosen.version < (V2_ESTIMATES if chosen.v2 else V1_ESTIMATES):
        return 0
    if not chosen.v2:
        return chosen.captures * (ESTIMATE + ESTIMATE_LAYER * layers)
    mixed = architecture.is_hybrid and architecture.is_moe
    pieces = (chosen.captures - 1) * layers * (PIECE_LAYER_MIXED if mixed else PIECE_LAYER)
    largest = largest_step(chosen)
    second = largest - (16 if largest > 256 else 8 if largest > 8 else largest // 2)
    returned = parts_bytes(architecture, chosen, second, ranks) if splits else 0
    steps = max(0, decoded_batches(chosen) - 1) * LEAST_GRAPH
    return pieces + steps + returned + _first_bytes(architecture, chosen, ranks, splits)


def parts_bytes(architecture: Architecture, chosen: Settings, tokens: int, ranks: int) -> int:
    """FlashAttention 3's parts of a decode step of so many tokens. Qwen3-8B, 256 tokens: 128 MiB."""
    if chosen.attention != "flash_attn":
        return 0
    layer = architecture.attention
    return tokens * -(-layer.heads // ranks) * layer.head_dim * SPLITS * SPLIT_ELEMENT


def _first_bytes(architecture: Architecture, chosen: Settings, ranks: int, splits: bool) -> int:
    """What the first captures bring, of either kind, and once more for what drafts: both runs of its block are captured beside the model's."""
    parts = parts_bytes(architecture, chosen, largest_step(chosen), ranks) if splits else 0
    once = FIRST + KEPT * chosen.max_graph * architecture.hidden_size * ELEMENT + parts
    return once * (2 if chosen.speculative_tokens else 1)


def taken_bytes(
    architecture: Architecture,
    layers: int,
    chosen: Settings,
    link: Link = "alone",
    ranks: int = 1,
    splits: bool = False,
) -> int:
    """What the captures of so many layers take in fact, on a rank that is alone or talks to others; `splits` where FlashAttention 3 attends."""
    if not chosen.captures:
        return 0
    if link != "alone" and chosen.version < OLD_RANK_UNTIL:
        pcie = RANK_PCIE if chosen.release >= RANK_PCIE_FROM else OLD_RANK_PCIE
        return chosen.captures * (layers + 1) * (OLD_RANK if link == "nvlink" else pcie)
    if chosen.v2 and chosen.version < V2_ESTIMATES:
        kept = int(V2_KEPT * chosen.batched_tokens * architecture.hidden_size) * ELEMENT
        return chosen.captures * layers * V2_LAYER + V2_FIRST + kept
    if chosen.v2:
        mixed = architecture.is_hybrid and architecture.is_moe
        steps = decoded_batches(chosen) * layers * (DECODED_LAYER_MIXED if mixed else DECODED_LAYER)
        return steps + _first_bytes(architecture, chosen, ranks, splits)
    return chosen.captures * (TAKEN + TAKEN_LAYER * layers)
