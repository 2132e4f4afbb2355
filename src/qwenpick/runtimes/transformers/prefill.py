"""The highest moment of a generation on one device: what it holds beyond weights and the full cache."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, LinearAttention, SlidingAttention
from qwenpick.i18n import N_
from qwenpick.runtimes.given import read
from qwenpick.runtimes.transformers import activations
from qwenpick.runtimes.transformers.options import Options
from qwenpick.runtimes.transformers.stages import Stage
from qwenpick.runtimes.transformers.versions import CACHE_OBJECT, LAST_LOGITS_ONLY, Version
from qwenpick.work.serving import Serving


def _prompt(work: Serving) -> int:
    """Tokens of one sequence's prompt: the context less what is generated."""
    return max(1, work.context - (read(Options, work.options).max_new_tokens or 0))


def _chunk(work: Serving) -> int:
    """Tokens of one prompt that run at once: all of them, unless prefill_chunk_size says less."""
    return min(_prompt(work), read(Options, work.options).prefill_chunk_size or work.context)


def cache_bytes(architecture: Architecture, work: Serving, stage: Stage, tokens: int) -> int:
    """Bytes of keys and values of the stage's layers after `tokens` tokens of each sequence; 0 without a cache."""
    if not read(Options, work.options).use_cache:
        return 0
    total = 0
    for layer in architecture.layer_list[stage.first : stage.end]:
        if not isinstance(layer, LinearAttention):
            kept = min(tokens, layer.window - 1) if isinstance(layer, SlidingAttention) else tokens
            total += 2 * kept * layer.kv_heads * layer.head_dim * 2
    return total * work.sequences


def highest(architecture: Architecture, form: str, work: Serving, release: Version, stage: Stage) -> tuple[int, str]:
    """(bytes, formula) beyond weights and the full cache at the highest moment: prefill, or in old releases the copy of the cache."""
    full, at_prefill = (cache_bytes(architecture, work, stage, tokens) for tokens in (work.context, _prompt(work)))
    prefill, formula = _prefill(architecture, form, work, release, stage)
    found = [(max(0, prefill - (full - at_prefill)), formula)]
    if stage.has_embeddings and work.image_tokens:  # the vision tower runs before there is a cache
        tower = work.sequences * activations.tower(architecture, work.image_tokens)
        found.append(
            (
                max(0, tower - full),
                N_("{image_tokens:,} image tokens in the vision tower", image_tokens=work.image_tokens),
            )
        )
    if release < LAST_LOGITS_ONLY:
        logits = activations.held_logits(architecture, work.sequences * _prompt(work)) if stage.has_embeddings else 0
        old = at_prefill if release < CACHE_OBJECT else 0
        found.append(
            (
                max(0, old + logits - (full - at_prefill)),
                N_(
                    "the prompt's logits: {logits:,} bytes, and the cache before this token: {old:,}",
                    logits=logits,
                    old=old,
                ),
            )
        )
    if release < CACHE_OBJECT:
        found.append((full, N_("the cache before this token beside the one after it")))
    return max(found)


def _prefill(architecture: Architecture, form: str, work: Serving, release: Version, stage: Stage) -> tuple[int, str]:
    """(bytes, formula) of the widest moment: a layer's MLP or mixer, a dequantized weight, eager scores, or old releases' full logits."""
    tokens = work.sequences * _chunk(work)
    shared = activations.rotary(architecture) * _chunk(work)
    per_token = activations.widest(architecture, form, release)
    found = [(per_token * tokens, N_("{tokens:,} tokens x {per_token:,} bytes", tokens=tokens, per_token=per_token))]
    unpacked, weight = activations.dequantized(architecture, form, release)
    found.append(
        (
            unpacked * tokens + weight,
            N_("{tokens:,} tokens x {unpacked:,} bytes + a weight in 16 bits", tokens=tokens, unpacked=unpacked),
        )
    )
    if read(Options, work.options).attn_implementation == "eager":
        scores = (
            work.sequences * activations.scores(architecture, _chunk(work)) + tokens * 5 * architecture.hidden_size * 2
        )
        found.append(
            (
                scores,
                N_(
                    "{sequences} x {heads} heads x {chunk:,}^2 x 10 bytes of scores",
                    sequences=work.sequences,
                    heads=architecture.attention.heads,
                    chunk=_chunk(work),
                ),
            )
        )
    if stage.has_head:
        kept = tokens if release < LAST_LOGITS_ONLY else work.sequences
        found.append(
            (
                activations.logits(architecture, kept),
                N_(
                    "{vocab_size:,} vocabulary x {kept:,} tokens x 6 bytes",
                    vocab_size=architecture.vocab_size,
                    kept=kept,
                ),
            )
        )
    pictures = work.sequences * activations.images(architecture, work.image_tokens) if stage.has_embeddings else 0
    size, formula = max(found)
    return size + shared + pictures, formula
