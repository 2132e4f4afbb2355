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
# first versions whose request pays for an estimate: v1/worker/gpu_worker.py, and gpu/model_runner.py
V1_ESTIMATES, V2_ESTIMATES = ((0, 20), (0, 29))

# FlashAttention 3's parts of a decode step that graphs will hold, of 32 bits: config/attention.py flash_attn_max_num_splits_for_cuda_graph
SPLITS, SPLIT_ELEMENT = 32, 4


def decoded_batches(chosen: Settings) -> int:
    """How many batches whole decode steps are captured for: those of at most max_num_seqs requests; 0 for none."""
    if not chosen.captures or not decode_captured(chosen.attention, chosen.speculative_tokens):
        return 0
    return graph_sizes(min(chosen.max_graph, chosen.sequences), chosen.version)


def attention_bytes(architecture: Architecture, chosen: Settings, ranks: int) -> int:
    """Bytes of attention's own buffers: allocated while the first decode step is captured, or when the first request comes."""
    tokens, captured = chosen.batched_tokens, decoded_batches(chosen)
    return buffer_bytes(architecture, chosen.attention, tokens, ranks, chosen.version, captured)


def estimated_bytes(layers: int, chosen: Settings) -> int:
    """What the request pays for graphs of so many layers before they are captured; 0 where that version takes them out of the memory outside it."""
    if chosen.version < (V2_ESTIMATES if chosen.v2 else V1_ESTIMATES):
        return 0
    return chosen.captures * (ESTIMATE + ESTIMATE_LAYER * layers)


def returned_bytes(architecture: Architecture, chosen: Settings, ranks: int) -> int:
    """What the V2 runner's estimate has too much on Hopper: the parts of the second largest decode step.

    That step is the sample of what a graph takes (gpu/cudagraph_utils.py profile_cudagraph_memory, 0.29 on); while it is measured, torch gives back
    what FlashAttention 3 took to warm up, and a sample below nothing makes the rest larger. Qwen3-8B, 496 tokens: 248 MiB of 270.
    """
    largest = min(chosen.max_graph, chosen.sequences)
    if not chosen.v2 or chosen.version < V2_ESTIMATES or chosen.attention != "flash_attn" or largest < 2:
        return 0
    second = largest - (16 if largest > 256 else 8 if largest > 8 else largest // 2)
    layer = architecture.attention
    return second * -(-layer.heads // ranks) * layer.head_dim * SPLITS * SPLIT_ELEMENT


def taken_bytes(architecture: Architecture, layers: int, chosen: Settings, link: Link = "alone") -> int:
    """What the captures of so many layers take in fact, on a rank that is alone or talks to others."""
    if not chosen.captures:
        return 0
    if link != "alone" and chosen.version < OLD_RANK_UNTIL:
        pcie = RANK_PCIE if chosen.release >= RANK_PCIE_FROM else OLD_RANK_PCIE
        return chosen.captures * (layers + 1) * (OLD_RANK if link == "nvlink" else pcie)
    if chosen.v2 and chosen.version < V2_ESTIMATES:
        kept = int(V2_KEPT * chosen.batched_tokens * architecture.hidden_size) * ELEMENT
        return chosen.captures * layers * V2_LAYER + V2_FIRST + kept
    return chosen.captures * (TAKEN + TAKEN_LAYER * layers)
