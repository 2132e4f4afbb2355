"""vLLM's KV cache: pages, blocks, and how many tokens they hold. Hybrids share one pool between attention and delta-net layers."""

from __future__ import annotations

import math
from functools import lru_cache

from qwenpick.catalog.schema import Architecture, LinearAttention
from qwenpick.memory.cache import KvCache, layer_bits, linear_layers
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.runtimes.vllm.attention import selects
from qwenpick.runtimes.vllm.settings import Settings, drafting_layers
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """How a rank's pool is cut. A block holds `block_size` tokens of `group` layers, each in a page of `page` bytes.

    `groups` is how many groups of layers draw blocks; `states` blocks of every sequence hold its delta-net states.
    """

    block_size: int
    page: int
    group: int
    groups: int
    states: int

    @property
    def block_bytes(self) -> int:
        """Bytes of one block."""
        return self.page * self.group

    def blocks(self, tokens: int) -> int:
        """Blocks that one sequence of `tokens` tokens takes: a state does not grow with it."""
        return -(-tokens // self.block_size) + self.states


@lru_cache(maxsize=8192)
def layout(
    architecture: Architecture,
    chosen: Settings,
    cache: KvCache,
    ranks: int,
    layers: range | None = None,
    last: bool = True,
) -> Layout:
    """The pool of one rank that holds these layers (all by default), the last stage's MTP block with them.

    Pages per layer: (k + v) x kv heads x head_dim x block size. An indexer's keys lie beside them in the block, and in one block of each sequence as
    they came; the convolution over n-grams is one more layer with a state, in blocks of its own: vLLM models/qwen4_exp/common/qsa_cache.py and
    nvidia/model.py.
    """
    indexed = selects(architecture)
    per_token = int(layer_bits(architecture.attention, cache, ranks) / 8)
    linear = linear_layers(architecture)
    held = architecture.layer_list if layers is None else [architecture.layer_list[i] for i in layers]
    delta_nets = sum(isinstance(layer, LinearAttention) for layer in held)
    count = len(held) - delta_nets
    if last:
        count += drafting_layers(architecture, chosen)
    if not linear:
        return Layout(chosen.block_size, per_token * chosen.block_size, count, 1, 0)
    # kernel - 1 + speculated rows of the convolution: model_executor/layers/mamba/mamba_utils.py gated_delta_net_state_shape
    rows = linear[0].conv_kernel - 1 + chosen.speculative_tokens
    state = (rows * linear[0].conv_channels * 2 + linear[0].ssm_state_elements * chosen.ssm_bytes) // ranks
    # the attention block grows until its page of keys and values holds a state, in steps of block_size and of checkpoints: platforms/interface.py
    step = math.lcm(chosen.block_size, chosen.checkpoint or 1)
    keys_and_values = int(layer_bits(architecture.attention, cache, ranks, indexed=False) / 8)
    block = step * -(-state // (step * keys_and_values))
    count = max(1, count)
    grams = any(extra.name == NGRAM_TABLE for extra in architecture.extras) and (layers is None or 0 in layers)
    mamba_groups = math.ceil(delta_nets / count) + grams
    kept = 2 + bool(chosen.checkpoint) if chosen.prefix_caching else 1
    each = kept + chosen.speculative_tokens  # v1/kv_cache_interface.py MambaSpec.max_memory_usage_bytes
    return Layout(block, per_token * block, count, 1 + mamba_groups, mamba_groups * each + indexed)


def tokens(cut: Layout, blocks: int, context: int, release: tuple[int, ...] = (0, 26)) -> int:
    """The figure of "GPU KV cache size" for so many blocks a rank and sequences of up to `context` tokens.

    From 0.20.1 on int(max_concurrency x max_model_len). Before, the blocks were divided among the groups, a state's counted as tokens:
    v1/core/kv_cache_utils.py of both.
    """
    if release < (0, 20, 1):
        return blocks // cut.groups * cut.block_size
    return blocks * context // cut.blocks(context)


def concurrency(cut: Layout, blocks: int, context: int) -> float:
    """How many sequences of `context` tokens a pool of so many blocks serves at once: "Maximum concurrency"."""
    return blocks / cut.blocks(context)
