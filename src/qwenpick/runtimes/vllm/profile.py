"""What vLLM's profile run finds: the peak of activations, what lies outside torch, and the CUDA graphs.

The engine runs one forward of max_num_batched_tokens tokens and one sampler step over max_num_seqs rows. Each formula below was read off real
starts of 0.26 on an H200, where it gives torch's peak to the MiB.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.catalog.schema import Architecture, DenseMlp, MoeMlp
from qwenpick.machine.hardware import multiprocessors, resident_threads
from qwenpick.memory.cache import linear_layers
from qwenpick.runtimes.vllm import encoder, graphs, runner
from qwenpick.runtimes.vllm.settings import Settings
from qwenpick.units import MIB
from qwenpick.values import dataclass
from qwenpick.work.sharding import OLD_PCIE, communication_bytes

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Device

ELEMENT = 2  # bytes of a 16-bit activation
# Measured: 0.2246 GiB in every 0.26 start on one H200, kernels' stacks for all threads that it holds; logs say 0.06 on an RTX 4080, 0.12 on a V100,
# 0.13 on an L40S, 0.15 on an A100
NON_TORCH = 230 * MIB / resident_threads(None)
NON_TORCH_RANK = 67 * MIB  # 0.065 GiB on each of two: the communicators' kernels were loaded before vLLM's first look
# from here on they are up before the memory is looked at: v1/worker/gpu_worker.py init_device
COMMUNICATORS_BEFORE = (0, 11)
OLD_NCCL_BEFORE = (0, 18)  # 0.17 brings torch 2.10
# of the engine's own processes, where GPU and CPU share the memory (DGX Spark, 0.27.1: 69.4 GiB of 73.0 left for the cache)
UNIFIED_PROCESS = 1792 * MIB
# There vLLM takes psutil's "available" for what is free (utils/mem_utils.py MemorySnapshot.measure, 0.18 to 0.27), so all that the machine's other
# programs take while it loads is taken off the cache: starts of 0.18 and 0.23 had 3.5 and 4.9 GiB less than that one says.
UNIFIED_OTHERS = 5 * 2**30
SAMPLER = 14.065  # bytes per row and vocabulary entry, in starts of 16 to 1,024 rows
# up to 0.16: logits in 16 and 32 bits, sorted values, 64-bit indices, the sort's scratch (Qwen3-0.6B, H100, 1,024 rows: 5.56 GiB). From 0.17 on
# top-k and top-p run in Triton: v1/sample/ops/topk_topp_triton.py
SAMPLER_SORT, TRITON_SAMPLES = 38, (0, 17)
# The V2 runner samples without parameters while it profiles, so FlashInfer has no part in it: gpu/model_runner.py _dummy_sampler_run of 0.22 to 0.32.
# Up to 0.25 the logits are copied in 32 bits whatever is asked (gpu/sample/sampler.py apply_sampling_params), from 0.26 on only where needed.
# 0.33 samples once more with every parameter, while the forward's hidden states stay: gpu/model_runner.py _dummy_sampler_run. Beside the logits in
# 16 bits that is a copy in 32, the one that FlashInfer masks and its probabilities (flashinfer/sampling.py top_k_top_p_sampling_from_logits of
# 0.7.2); without FlashInfer Triton's works in the copy (Qwen3.5-9B, 1,024 rows of 2,048 tokens: 1.577 GiB)
SAMPLER_V2, SAMPLER_V2_WARM, SAMPLER_V2_TRITON = (2, 14, 6)
SAMPLER_V2_COPIED, COPIED_BEFORE = 6, (0, 26)
# with torch 2.14 the embeddings and what they are normed to are there too (Qwen3-8B, 8,192 tokens: 1.2852 GiB, of which 0.125)
TIMED_WITH = (0, 33)
TOP_K_ROW = 4  # an FP32 row of the vocabulary for every program of top-k and top-p: v1/sample/ops/topk_topp_triton.py
REJECTION = (
    16  # of the V1 runner's dummy rejection sampler, whatever is speculated: gpu_model_runner.py _dummy_sampler_run
)
# VLLM_FUSED_MOE_CHUNK_SIZE, before each release (vllm/envs.py of 0.11, 0.12 and 0.16); 0.27 has none
EXPERT_CHUNKS = (((0, 12), 32768), ((0, 17), 16384))
# The experts' workspace stays while tokens are sampled: v1/worker/workspace.py, in 0.16 and not in 0.12, where as much is held as a copy's own
# tokens take (Qwen3-235B-A22B-FP8, 0.9, 4 x H100: 8.11 GiB of cache; Coder-480B-FP8, 0.10.1, 8 copies: 48.66 and 55.65)
WORKSPACE_KEPT = (0, 13)
STREAMS, STREAMS_WIDE = 4, 5  # hidden states of a dense layer on one GPU; of a hybrid's, and over several GPUs
BLOCK_SCALE = 1 + 4 / 128  # bytes of a quantized input of the down projection, its scale with it


@dataclass(frozen=True, slots=True)
class Kernels:
    """What of the device and the format the profile depends on: cuBLAS's workspace, multiprocessors, whether linear layers need the first."""

    workspace: int
    processors: int
    plain: bool = True  # linear layers run through cuBLAS: not in FP8, GPTQ or AWQ
    block_fp8: bool = False
    unified: bool = False
    non_torch: int = 230 * MIB
    splits: bool = False  # attention runs in FlashAttention 3: on Hopper alone


@dataclass(frozen=True, slots=True)
class Profile:
    """Bytes per rank. `graph_estimate` is taken out of the requested memory, `graphs` is what the captures then take.

    `attention` are buffers that no capture allocates: the first request does.
    """

    activation: int
    non_torch: int
    graph_estimate: int
    graphs: int
    attention: int = 0

    @property
    def outside(self) -> int:
        """Bytes of graphs and buffers beyond the estimate: they come out of what was not requested."""
        return max(0, self.graphs - self.graph_estimate) + self.attention


@dataclass(frozen=True, slots=True)
class Rank:
    """Which part of the model a rank has: one of `ranks` that share its `layers`, with the embeddings (first) or the head (last) beside them.

    `link` says what joins it to others; experts see the tokens of all `copies`.
    """

    ranks: int
    layers: int
    first: bool = True
    last: bool = True
    link: graphs.Link = "alone"
    copies: int = 1


@lru_cache(maxsize=8192)
def profile(
    architecture: Architecture, chosen: Settings, rank: Rank, kernels: Kernels, image_tokens: int = 0
) -> Profile:
    """What the profile run of one rank finds, or what an image of `image_tokens` takes if that is more."""
    if chosen.version >= runner.MULTIPLIED_BEFORE:  # cuBLAS's workspace is there before the first look
        kernels = replace(kernels, workspace=0)
    ranks = _tower_ranks(chosen, rank.ranks)
    asked = (
        encoder.peak_bytes(architecture, image_tokens, ranks, chosen.version) if chosen.multimodal and rank.first else 0
    )
    peak = max(activation(architecture, chosen, rank, kernels), asked)
    alone = rank.link == "alone"
    outside = kernels.non_torch if alone or chosen.version < (0, 20) else min(NON_TORCH_RANK, kernels.non_torch)
    # v1/worker/gpu_worker.py init_device looked at the memory before the communicators were made
    if chosen.version < COMMUNICATORS_BEFORE:
        around = communication_bytes(1 if alone else 2, architecture.is_moe)
        outside += int(around * OLD_PCIE) if rank.link == "pcie" else around
    if chosen.version >= runner.COUNTED:
        # the workspace stays allocated, so it counts as consumed: utils/mem_utils.py memory_profiling
        held = kernels.workspace if kernels.plain or architecture.is_hybrid else 0
        # over several GPUs all kernels were loaded by then: 2 MiB on each of two
        if chosen.version >= runner.MULTIPLIED_BEFORE:
            outside = int(outside * runner.LEFT_OUTSIDE) if alone else 0
        outside += held
        peak, outside = peak - min(held, peak), outside + runner.held_bytes(architecture, chosen)
        if isinstance(architecture.mlp, MoeMlp):  # so does the experts' workspace
            kept = (
                chosen.batched_tokens
                * ELEMENT
                * _experts(architecture.mlp, rank.ranks, architecture.hidden_size, chosen, rank.copies)
            )
            peak, outside = peak - min(kept, peak), outside + min(kept, peak)
        # Embeddings, and the draft's hidden states, have a buffer of the runner's. Under V2 each has one, and the draft another for embeddings, which
        # is printed with the weights (gpu/spec_decode/target_dependent_ar/speculator.py load_model)
        buffers = 2 * bool(chosen.multimodal and chosen.speculative_tokens) if chosen.v2 else 0
        buffers += bool(chosen.multimodal or chosen.speculative_tokens)
        outside += buffers * chosen.batched_tokens * architecture.hidden_size * ELEMENT
    estimate = graphs.estimated_bytes(architecture, rank.layers, chosen, rank.ranks, kernels.splits)
    attention = graphs.attention_bytes(architecture, chosen, rank.ranks)
    captured = attention if graphs.decoded_batches(chosen) else 0
    return Profile(
        activation=peak,
        non_torch=outside + (UNIFIED_PROCESS if kernels.unified else 0),
        # the first captured decode step allocates attention's buffers, which the estimate then counts: profile_cudagraph_memory
        graph_estimate=estimate + (captured if estimate else 0),
        graphs=graphs.taken_bytes(architecture, rank.layers, chosen, rank.link, rank.ranks, kernels.splits) + captured,
        attention=attention - captured,
    )


def _tower_ranks(chosen: Settings, ranks: int) -> int:
    """Ranks that share the vision tower: one where mm_encoder_tp_mode is data."""
    return 1 if chosen.whole_tower else ranks


def activation(architecture: Architecture, chosen: Settings, rank: Rank, kernels: Kernels) -> int:
    """Peak of the activations: the largest of the forward, the sampler, what compilation copies, and the encoder."""
    compiled, ranks = chosen.max_graph > 0, rank.ranks
    encodes = chosen.profile_encoder and rank.first
    kept = encoder.output_bytes(architecture, chosen.encoder.kept) if encodes else 0
    layers = forward(architecture, chosen, ranks, compiled, kernels.block_fp8, rank.copies)
    read = chosen.features * chosen.batched_tokens * architecture.hidden_size * ELEMENT if rank.last else 0
    # the layers' hidden states that a draft model reads stay until the run ends: gpu_model_runner.py _dummy_run; the V2 runner joins them too
    peaks = [kept + read + layers + _matmul(architecture, compiled, kernels)]
    if read and chosen.v2:
        peaks.append(kept + 2 * read + 2 * chosen.batched_tokens * architecture.hidden_size * ELEMENT)
    if rank.last:
        peaks.append(kept + sampler(architecture, chosen, ranks, kernels, rank.copies))
    if compiled and rank.first and not chosen.multimodal and (ranks == 1 or chosen.version < TIMED_WITH):
        # torch.compile times its kernels on inputs of its own, the first with a second embedding matrix: vocab x hidden. Where the model takes
        # pictures, embeddings are looked up outside of what is compiled: gpu_model_runner.py _dummy_run hands inputs_embeds over; over several GPUs
        # an all-reduce parts them from what they are normed with (8B, 0.33, two GPUs: nothing of it in the peak)
        matrix = architecture.vocab_size * architecture.hidden_size * ELEMENT // ranks
        states = 4 if chosen.speculative_tokens else 2  # the draft's too, while it is compiled
        shown = (
            states * chosen.batched_tokens * architecture.hidden_size * ELEMENT if chosen.version >= TIMED_WITH else 0
        )
        peaks.append(kept + matrix + shown + kernels.workspace + MIB)
    if encodes:
        tower = encoder.peak_bytes(architecture, chosen.encoder.tokens, _tower_ranks(chosen, ranks), chosen.version)
        peaks.append(tower + kernels.workspace)
    return max(peaks)


def _matmul(architecture: Architecture, compiled: bool, kernels: Kernels) -> int:
    """cuBLAS's workspace while the layers run; a compiled run overlaps 4 MiB of it. Quantized dense layers do without, hybrids do not."""
    if not (kernels.plain or (kernels.block_fp8 and architecture.is_hybrid)):
        return 0
    return max(0, kernels.workspace - 4 * MIB) if compiled else kernels.workspace


def forward(
    architecture: Architecture, chosen: Settings, ranks: int, compiled: bool, block_fp8: bool = False, copies: int = 1
) -> int:
    """Bytes of the widest layer: tokens x 2 bytes x elements."""
    hidden = architecture.hidden_size
    layer = architecture.attention
    projections = (layer.heads * (2 if layer.output_gate else 1) + 2 * layer.kv_heads) * layer.head_dim
    for linear in linear_layers(architecture)[:1]:
        values = linear.value_heads * linear.value_head_dim
        # in: q, k, v and the gate; out: the values. The profile run skips the scan itself
        projections = max(projections, linear.conv_channels + 2 * values)
    projections //= ranks
    streams = (STREAMS_WIDE if architecture.is_hybrid or ranks > 1 else STREAMS) * hidden
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            mlp = 3 * inner / ranks  # gate, up and their product
            if block_fp8:
                mlp += BLOCK_SCALE * inner / ranks / ELEMENT
            if compiled and not architecture.is_hybrid:
                # with torch 2.14 three (8B: 16,384 tokens alone, and 8,192 on each of two GPUs)
                streams = 3 * hidden if chosen.version >= TIMED_WITH else 2 * hidden + projections
        case MoeMlp():
            mlp = (
                _experts(architecture.mlp, ranks, hidden, chosen, copies)
                + 3 * architecture.mlp.shared_intermediate_size // ranks
            )
            streams = STREAMS * hidden
    if chosen.speculative_tokens:
        streams += hidden  # the draft's own
    if chosen.multimodal and not architecture.is_hybrid:
        streams -= hidden  # embeddings come in a buffer of the runner's (Qwen3-VL-8B, 8,192 tokens: 0.781 GiB)
    mixing = projections + 4 * hidden
    if isinstance(architecture.mlp, MoeMlp) and chosen.version >= WORKSPACE_KEPT:  # of the layer before
        mixing = _experts(architecture.mlp, ranks, hidden, chosen, copies) + mixer(architecture, ranks)
        if compiled and chosen.version >= TIMED_WITH:  # 30B-A3B 0.836 GiB, 0.805 uncompiled; 35B-A3B 1.148 and 1.086
            mixing += hidden * (2 if architecture.is_hybrid else 1)
    beside = (architecture.residual_streams - 1) * hidden  # vLLM models/qwen4_exp/nvidia/hyperconnection.py
    return int(chosen.batched_tokens * ELEMENT * (beside + max(mlp + streams, mixing)))


def mixer(architecture: Architecture, ranks: int) -> int:
    """Elements per token of the widest attention or delta-net layer: three hidden states and what it projects and writes.

    A delta net's output and gate are normed in 32 bits (layers/mamba/gdn); Qwen3-Next's projection is put in order first (a copy). Qwen3.5-35B-A3B,
    2,048 tokens and 16 rows: 0.303 GiB; Qwen3-Next at 8,192 tokens: 1.472.
    """
    layer, hidden = architecture.attention, architecture.hidden_size
    gated = layer.heads * (2 if layer.output_gate else 1) + 2 * layer.kv_heads
    widest = (gated + 2 * layer.heads + layer.kv_heads) * layer.head_dim  # projected, normed and rotated, and attended
    for linear in linear_layers(architecture)[:1]:
        values = linear.value_heads * linear.value_head_dim
        ordered = 2 if architecture.model_type.startswith("qwen3_next") else 1
        widest = max(widest, ordered * (linear.conv_channels + values) + 5 * values)
    return 3 * hidden + widest // ranks


def _experts(mlp: MoeMlp, ranks: int, hidden: int, chosen: Settings, copies: int = 1) -> int:
    """Elements per token of the experts' two workspaces, for every chosen expert: max(N / 2, K) and max(N, K), N gate and up, K the hidden size.

    vLLM 0.26 fused_moe/experts/triton_moe.py workspace_shapes. The tokens of all copies are gathered and their results scattered
    (device_communicators/all2all.py AgRsAll2AllManager); up to 0.16 so many at a time go through the experts.
    """
    inner = mlp.intermediate_size if chosen.expert_parallel else mlp.intermediate_size // ranks
    chunk = next((most for before, most in EXPERT_CHUNKS if chosen.version < before), None)
    gathered = chosen.batched_tokens * copies
    at_once = min(gathered, chunk or gathered) / chosen.batched_tokens
    both_ways = 2 * hidden * copies if copies > 1 else 0
    return int(at_once * mlp.experts_per_token * (max(inner, hidden) + max(2 * inner, hidden))) + both_ways


def sampler(architecture: Architecture, chosen: Settings, ranks: int, kernels: Kernels, copies: int = 1) -> int:
    """Bytes of the sampler's step over all sequences, with the experts' workspace and a hidden state still held."""
    rows, vocabulary, hidden = chosen.sequences, architecture.vocab_size, architecture.hidden_size
    if chosen.v2:
        each, programs = SAMPLER_V2_COPIED if chosen.version < COPIED_BEFORE else SAMPLER_V2, 0
        if chosen.version >= (0, 33):
            each = SAMPLER_V2_WARM if chosen.flashinfer_sampler else SAMPLER_V2_TRITON
            programs = 0 if chosen.flashinfer_sampler else top_k_programs(rows, kernels)
        states = hidden
        if isinstance(architecture.mlp, MoeMlp):  # the workspace stays: Qwen3-30B-A3B, 8,192 tokens, 0.5 GiB
            states += _experts(architecture.mlp, ranks, hidden, chosen, copies)
        logits = rows * vocabulary * each + programs * vocabulary * TOP_K_ROW
        return logits + chosen.batched_tokens * ELEMENT * states + kernels.workspace
    wide = SAMPLER if chosen.version >= TRITON_SAMPLES else SAMPLER_SORT
    drafted = REJECTION if chosen.speculative_tokens else 0
    programs = top_k_programs(rows, kernels) if chosen.version >= TRITON_SAMPLES else 0
    held = hidden
    if isinstance(architecture.mlp, MoeMlp):
        held += _experts(architecture.mlp, ranks, hidden, chosen, copies if chosen.version >= WORKSPACE_KEPT else 1)
    logits = int(rows * vocabulary * (wide + drafted)) + programs * vocabulary * TOP_K_ROW
    return logits + chosen.batched_tokens * ELEMENT * held + kernels.workspace


def top_k_programs(rows: int, kernels: Kernels) -> int:
    """Programs of Triton's top-k and top-p for so many rows, each with a row of the vocabulary of its own."""
    return min(1 << max(0, rows - 1).bit_length(), kernels.processors)


def kernels_of(device: Device | None, format_name: str) -> Kernels:
    """What the profile depends on of this device and format: cuBLAS's workspace in torch is 32 MiB from Hopper on, 8.1 MiB before.

    aten/src/ATen/cuda/CublasHandlePool.cpp.
    """
    capability = device.capability if device else None
    return Kernels(
        workspace=8_519_680 if capability and capability < (9, 0) else 32 * MIB,
        processors=multiprocessors(device),
        plain=not format_name.startswith(("fp8", "awq", "gptq")),
        block_fp8=format_name == "fp8",
        unified=bool(device and device.unified),
        non_torch=int(NON_TORCH * resident_threads(device)),
        splits=bool(capability and capability[0] == 9),
    )
