"""What vLLM's profile run finds: the peak of activations, what lies outside torch, and the CUDA graphs.

The engine runs one forward of max_num_batched_tokens tokens and one sampler step over max_num_seqs rows. Each formula below was read off real
starts of 0.26 on an H200, where it gives torch's peak to the MiB.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.catalog.schema import Architecture, DenseMlp, MoeMlp
from qwenpick.memory.cache import linear_layers
from qwenpick.runtimes.vllm.settings import Settings, graph_sizes

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Device

MIB = 2**20
ELEMENT = 2  # bytes of a 16-bit activation
NON_TORCH = 230 * MIB  # measured: 0.2246 GiB in every 0.26 start on an H200
CONTEXT = 530 * MIB  # of the worker's CUDA context, outside all that vLLM counts: 139.80 total, 139.29 free at start
PROFILE_IMAGE_TOKENS = 16384  # the largest image or video that the encoder is profiled with (encoder cache budget)
SAMPLER = 16  # bytes per row and vocabulary entry: four FP32 copies
SAMPLER_0_17 = 28  # 0.17 to 0.19 (Qwen3.5-35B-A3B-FP8, A100, 256 rows: 1.82 GiB)
SAMPLER_SORT = 38  # up to 0.16: logits in 16 and 32 bits, sorted values, 64-bit indices, the sort's scratch (Qwen3-0.6B, H100, 1,024 rows: 5.56 GiB)
SAMPLER_SMALL = 40 * MIB
GRAPH_ESTIMATE = 10 * MIB  # per captured size, of the V1 runner's estimate: two captures of each kind, scaled up
GRAPH_ESTIMATE_LAYER = int(
    0.06 * MIB
)  # and per layer (30B-A3B: 0.6426 GiB of 51 sizes and 48 layers; Qwen3.8-27B: 0.69 of 51 and 64)
GRAPH_LAYER = int(
    0.29 * MIB
)  # per captured size and layer, what captures take in fact (8B: 0.61 GiB with 51 sizes, 0.15 with 7)
GRAPH_FIRST = 20 * MIB
GRAPH_HIDDEN = 3.5  # hidden states of all batched tokens that the V2 runner keeps for its graphs (8B: 1.0 GiB at 16,384, 0.61 at 2,048)


@dataclass(frozen=True, slots=True)
class Profile:
    """Bytes per rank. `graph_estimate` is taken out of the requested memory (V1 runner), `graphs` is what the captures then take."""

    activation: int
    non_torch: int
    graph_estimate: int
    graphs: int


@lru_cache(maxsize=8192)
def profile(
    architecture: Architecture, chosen: Settings, ranks: int, workspace: int, fp8: bool, image_tokens: int = 0
) -> Profile:
    """What the profile run of one rank finds, or what an image of `image_tokens` takes if that is more.

    `workspace` is cuBLAS's; `fp8` weights do not use it.
    """
    sizes = graph_sizes(chosen.max_graph)
    captures = sizes * architecture.num_layers
    estimate = (
        sizes * GRAPH_ESTIMATE + captures * GRAPH_ESTIMATE_LAYER if chosen.version >= (0, 21) and not chosen.v2 else 0
    )
    kept = int(GRAPH_HIDDEN * chosen.batched_tokens * architecture.hidden_size) * ELEMENT if chosen.v2 else 0
    return Profile(
        activation=max(
            activation(architecture, chosen, ranks, workspace, fp8),
            _encoder_peak(architecture, image_tokens) if chosen.multimodal else 0,
        ),
        non_torch=NON_TORCH,
        graph_estimate=estimate,
        graphs=captures * GRAPH_LAYER + GRAPH_FIRST + kept if captures else 0,
    )


def activation(architecture: Architecture, chosen: Settings, ranks: int, workspace: int, fp8: bool) -> int:
    """Peak of the activations: the largest of the forward, the sampler, what compilation copies, and the encoder."""
    compiled = chosen.max_graph > 0
    kept = _encoder_output(architecture) if chosen.profile_encoder else 0
    peaks = [
        kept
        + forward(architecture, chosen.batched_tokens, ranks, compiled, chosen.expert_parallel)
        + _matmul(workspace, compiled, fp8)
    ]
    peaks.append(kept + sampler(architecture, chosen, ranks, workspace))
    if compiled:
        # torch.compile's tuning holds a second embedding matrix: vocab x hidden
        peaks.append(kept + architecture.vocab_size * architecture.hidden_size * ELEMENT // ranks + workspace + MIB)
    if chosen.profile_encoder:
        peaks.append(_encoder_peak(architecture, PROFILE_IMAGE_TOKENS))
    return max(peaks)


def _matmul(workspace: int, compiled: bool, fp8: bool) -> int:
    """cuBLAS's workspace while the layers run; a compiled run overlaps 4 MiB of it."""
    if fp8:
        return 0
    return max(0, workspace - 4 * MIB) if compiled else workspace


def forward(architecture: Architecture, tokens: int, ranks: int, compiled: bool, expert_parallel: bool) -> int:
    """Bytes of the widest layer: tokens x 2 bytes x elements."""
    hidden = architecture.hidden_size
    layer = architecture.attention
    projections = (layer.heads * (2 if layer.output_gate else 1) + 2 * layer.kv_heads) * layer.head_dim
    for linear in linear_layers(architecture)[:1]:
        values = linear.value_heads * linear.value_head_dim
        # in: q, k, v and the gate; out: the values. The profile run skips the scan itself
        projections = max(projections, linear.conv_channels + 2 * values)
    projections //= ranks
    match architecture.mlp:
        case DenseMlp(intermediate_size=inner):
            mlp = 3 * inner // ranks  # gate, up and their product
            streams = 2 * hidden + projections if compiled else 4 * hidden
        case MoeMlp():
            mlp = _experts(architecture.mlp, hidden, ranks, expert_parallel)
            streams = 4 * hidden
    beside = (architecture.residual_streams - 1) * hidden  # vLLM models/qwen4_exp/nvidia/hyperconnection.py
    return tokens * ELEMENT * (beside + max(mlp + streams, projections + 4 * hidden))


def _experts(mlp: MoeMlp, hidden: int, ranks: int, expert_parallel: bool) -> int:
    """Elements per token that fused_moe keeps: max(gate and up, down) and the activation, for every chosen expert."""
    inner = mlp.intermediate_size if expert_parallel else mlp.intermediate_size // ranks
    return mlp.experts_per_token * (max(2 * inner, hidden) + inner) + 3 * mlp.shared_intermediate_size // ranks


def sampler(architecture: Architecture, chosen: Settings, ranks: int, workspace: int) -> int:
    """Bytes of the sampler's step over all sequences, with the experts' workspace and two hidden states still held."""
    rows, hidden = chosen.sequences, architecture.hidden_size
    if chosen.v2:
        return rows * architecture.vocab_size * ELEMENT + workspace
    copies = SAMPLER if chosen.version >= (0, 20) else SAMPLER_0_17 if chosen.version >= (0, 17) else SAMPLER_SORT
    held = 2 * hidden
    if isinstance(architecture.mlp, MoeMlp):
        held += _experts(architecture.mlp, hidden, ranks, chosen.expert_parallel)
    return rows * architecture.vocab_size * copies + chosen.batched_tokens * ELEMENT * held + workspace + SAMPLER_SMALL


def _encoder_output(architecture: Architecture) -> int:
    """Bytes of one largest image after the tower, kept while the language model is profiled; each deepstack layer adds one."""
    tower = architecture.vision
    if tower is None:
        return 0
    return PROFILE_IMAGE_TOKENS * architecture.hidden_size * ELEMENT * (1 + len(tower.deepstack_layers))


def _encoder_peak(architecture: Architecture, image_tokens: int) -> int:
    """Bytes of the vision tower at its widest over one image: patches x (two MLP widths and four hidden ones).

    Not divided over ranks: Qwen3.8-27B-FP8 on two RTX 3090 left 4.99 GiB for its cache.
    """
    tower = architecture.vision
    if tower is None:
        return 0
    patches = image_tokens * (tower.merge_size or 2) ** 2
    return patches * ELEMENT * (2 * tower.intermediate_size + 4 * tower.hidden_size)


def workspace_bytes(device: Device | None) -> int:
    """cuBLAS's workspace in torch: 32 MiB from Hopper on, 8.1 MiB before (aten/src/ATen/cuda/CublasHandlePool.cpp)."""
    capability = device.capability if device else None
    return 8_519_680 if capability and capability < (9, 0) else 32 * MIB
