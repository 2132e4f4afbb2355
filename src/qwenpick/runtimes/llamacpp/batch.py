"""The micro-batch that llama.cpp reserves its compute buffers for."""

from __future__ import annotations

from typing import Literal

from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization.gguf.types import BLOCKS
from qwenpick.runtimes.llamacpp.cache import padded
from qwenpick.runtimes.llamacpp.options import Options
from qwenpick.values import dataclass
from qwenpick.work.serving import Serving

_PLAIN = ("f16", "bf16", "f32")
Copies = Literal["quantized", "every", "none"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What the graph is built for."""

    tokens: int  # of a micro-batch
    outputs: int  # tokens that get logits
    context: int  # cells of the cache, all sequences together
    attended: int  # cells that one sequence's queries see
    sequences: int
    flash_attention: bool
    cache: KvCache
    copies_cache: Copies = (
        "quantized"  # the layers whose keys and values the backend's attention keeps room for in 16 bits
    )

    @property
    def quantized_cache(self) -> bool:
        """Whether keys or values lie in blocks."""
        return self.cache.k not in _PLAIN or self.cache.v not in _PLAIN

    @property
    def mask_bytes(self) -> int:
        """Bytes of the attention mask: 16 bits a cell with flash attention, 32 without."""
        return self.attended * self.tokens * (2 if self.flash_attention else 4)

    def copied_bytes(self, elements: int) -> int:
        """Bytes of a layer's keys and values in 16 bits, `elements` of each, where attention keeps room for them."""
        copied = self.copies_cache == "every" or (self.copies_cache == "quantized" and self.quantized_cache)
        return 4 * elements if copied and self.flash_attention else 0

    def key_bytes(self, elements: int) -> int:
        """Bytes of so many cached key elements."""
        return _cached(elements, self.cache.k)

    def value_bytes(self, elements: int) -> int:
        """Bytes of so many cached value elements."""
        return _cached(elements, self.cache.v)


def _cached(elements: int, cache_type: str) -> int:
    # as in cache.py: a type that is refused counts a byte an element
    block, size = BLOCKS.get(cache_type.upper(), (1, 1))
    return elements // block * size


def batch_of(work: Serving, options: Options, pooled: bool, copies_cache: Copies = "quantized") -> Batch:
    """The micro-batch of a workload. `pooled`: embedding and reranker models keep every token's output."""
    share = padded(work.context)
    cells = padded(work.context * work.sequences) if options.kv_unified else share * work.sequences
    tokens = min(options.n_ubatch, options.n_batch, cells)
    every = not options.server or pooled
    return Batch(
        tokens=tokens,
        outputs=options.n_outputs_max or (tokens if every else min(work.sequences, tokens)),
        context=cells,
        attended=cells if options.kv_unified else share,
        sequences=work.sequences,
        flash_attention=options.flash_attn,
        cache=work.kv_cache,
        copies_cache=copies_cache,
    )
