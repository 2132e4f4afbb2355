"""The parts of a generation with transformers, on each GPU of a placement or in RAM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qwenpick.catalog.schema import Architecture, Checkpoint, LinearAttention, SlidingAttention
from qwenpick.hardware import Device
from qwenpick.memory import RAM, Memory, Part, gpu, memory
from qwenpick.placement import Placement
from qwenpick.runtimes.transformers import activations, allocator, weights
from qwenpick.runtimes.transformers.options import count, is_true
from qwenpick.runtimes.transformers.versions import CACHE_OBJECT, LAST_LOGITS_ONLY, SHARED_ROTARY, Version, version
from qwenpick.tensors import Tensor
from qwenpick.workload import Serving


@dataclass(frozen=True, slots=True)
class Stage:
    """The layers [first, end) that one device holds."""

    where: str
    device: Device | None
    first: int
    end: int
    layers: int

    @property
    def has_embeddings(self) -> bool:
        """Whether the embeddings lie here."""
        return self.first == 0

    @property
    def has_head(self) -> bool:
        """Whether the last norm and lm_head lie here."""
        return self.end == self.layers


def stages(architecture: Architecture, placement: Placement, sizes: list[int], before: int, after: int) -> list[Stage]:
    """Which layers lie where: as `placement.split` says, else evenly by bytes, as accelerate's device_map="auto" does."""
    count = len(placement.devices)
    layers = architecture.num_layers
    if count == 0:
        return [Stage(RAM, None, 0, layers, layers)]
    split = placement.split or _even(sizes, before, after, count)
    ends = [sum(split[: i + 1]) for i in range(count)]
    return [Stage(gpu(i), placement.devices[i], end - split[i], end, layers) for i, end in enumerate(ends)]


def _even(sizes: list[int], before: int, after: int, count: int) -> tuple[int, ...]:
    """Layers per device so that each holds about the same bytes; every device gets one at least."""
    share = (before + sum(sizes) + after) / count
    split: list[int] = []
    index, filled = 0, before
    for device in range(count - 1):
        start, must_stay = index, count - 1 - device
        while index < len(sizes) - must_stay and (index == start or filled + sizes[index] / 2 <= share * (device + 1)):
            filled += sizes[index]
            index += 1
        split.append(index - start)
    return (*split, len(sizes) - index)


def estimate(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> Memory:
    """Weights, cache, state, the widest moment of prefill, workspaces, the allocator's reserve and the CUDA context."""
    release = version(architecture, work.options)
    double_quant = is_true(work.options, "bnb_4bit_use_double_quant", True)
    held = weights.loaded(architecture, checkpoint, release, double_quant=double_quant)
    per_layer, before, after = weights.by_layer(architecture, held)
    named = Named(before, after, _of_part(held))
    found = stages(architecture, placement, per_layer, before, after)
    return memory(
        part for stage in found for part in _stage(architecture, checkpoint, work, release, per_layer, named, stage)
    )


@dataclass(frozen=True, slots=True)
class Named:
    """Bytes before and after the layers, and those of each tower or extra part among the former."""

    before: int
    after: int
    parts: dict[str, int]


def _of_part(held: tuple[tuple[Tensor, int], ...]) -> dict[str, int]:
    """Bytes of each part beside the language model."""
    found: dict[str, int] = {}
    for tensor, size in held:
        if tensor.part != "text":
            found[tensor.part] = found.get(tensor.part, 0) + size
    return found


def _stage(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    release: Version,
    per_layer: list[int],
    named: Named,
    stage: Stage,
) -> Iterator[Part]:
    where, form = stage.where, checkpoint.format
    towers = sum(named.parts.values())
    text = sum(per_layer[stage.first : stage.end])
    text += (named.before - towers if stage.has_embeddings else 0) + (named.after if stage.has_head else 0)
    yield Part(
        "weights",
        text,
        where,
        f"{architecture.num_layers} layers, embeddings and head in {form}, in torch's blocks",
        "weights",
    )
    if stage.has_embeddings:
        for name, size in named.parts.items():
            yield Part(f"{name} weights", size, where, f"{size // 2:,} parameters x 2", "weights")
    cache = _cache(architecture, work, stage, work.context)
    yield Part("kv cache", cache, where, _cache_formula(architecture, work, stage), "kv cache")
    linear = [layer for layer in architecture.layer_list[stage.first : stage.end] if isinstance(layer, LinearAttention)]
    state = work.sequences * sum(
        4 * layer.ssm_state_elements + 2 * (layer.conv_state_elements + layer.conv_channels) for layer in linear
    )
    yield Part(
        "recurrent state",
        state,
        where,
        f"{work.sequences} sequences x {len(linear)} linear layers, FP32 state and bf16 convolution",
        "state",
    )
    tables = (
        activations.rotary_tables(architecture, stage.end - stage.first)
        if release < SHARED_ROTARY and architecture.model_type != "qwen"
        else 0
    )
    yield Part("rotary tables", tables, where, "32,768 positions x head_dim x 2 x 2 bytes in every layer", "weights")
    prefill, formula = _highest(architecture, form, work, release, stage)
    yield Part("prefill activations", prefill, where, formula, "compute")
    if stage.device is None:
        return
    yield Part(
        "cuBLAS workspace",
        allocator.workspace(stage.device),
        where,
        "torch: 32 MiB on Hopper and B200, 8.1 MiB elsewhere",
        "overhead",
    )
    yield Part(
        "allocator cache",
        allocator.kept(cache, prefill),
        where,
        "0.33 x kv cache + 0.02 x activations: holes of concatenation",
        "overhead",
    )
    context = allocator.CUDA_CONTEXT + (allocator.BITSANDBYTES_KERNELS if form == "int8" else 0)
    yield Part("CUDA context", context, where, "measured on an H200", "overhead")


def _prompt(work: Serving) -> int:
    """Tokens of one sequence's prompt: the context less what is generated."""
    return max(1, work.context - (count(work.options, "max_new_tokens") or 0))


def _chunk(work: Serving) -> int:
    """Tokens of one prompt that run at once: all of them, unless prefill_chunk_size says less."""
    return min(_prompt(work), count(work.options, "prefill_chunk_size") or work.context)


def _cache(architecture: Architecture, work: Serving, stage: Stage, tokens: int) -> int:
    """Bytes of keys and values of the stage's layers after `tokens` tokens of each sequence."""
    total = 0
    for layer in architecture.layer_list[stage.first : stage.end]:
        if not isinstance(layer, LinearAttention):
            kept = min(tokens, layer.window - 1) if isinstance(layer, SlidingAttention) else tokens
            total += 2 * kept * layer.kv_heads * layer.head_dim * 2
    return total * work.sequences


def _cache_formula(architecture: Architecture, work: Serving, stage: Stage) -> str:
    layers = sum(not isinstance(layer, LinearAttention) for layer in architecture.layer_list[stage.first : stage.end])
    one = architecture.attention
    return f"2 x {layers} layers x {one.kv_heads} kv heads x {one.head_dim} x {work.context:,} tokens x {work.sequences} x 2 bytes"


def _highest(architecture: Architecture, form: str, work: Serving, release: Version, stage: Stage) -> tuple[int, str]:
    """(bytes, formula) beyond weights and the full cache at the highest moment: prefill, or in old releases the copy of the cache."""
    full, at_prefill = (_cache(architecture, work, stage, tokens) for tokens in (work.context, _prompt(work)))
    prefill, formula = _prefill(architecture, form, work, release, stage)
    found = [(max(0, prefill - (full - at_prefill)), formula)]
    if release < LAST_LOGITS_ONLY:
        logits = activations.held_logits(architecture, work.sequences * _prompt(work)) if stage.has_embeddings else 0
        old = at_prefill if release < CACHE_OBJECT else 0
        found.append(
            (
                max(0, old + logits - (full - at_prefill)),
                f"the prompt's logits: {logits:,} bytes, and the cache before this token: {old:,}",
            )
        )
    if release < CACHE_OBJECT:
        found.append((full, "the cache before this token beside the one after it"))
    return max(found)


def _prefill(architecture: Architecture, form: str, work: Serving, release: Version, stage: Stage) -> tuple[int, str]:
    """(bytes, formula) of the widest moment: a layer's MLP or mixer, a dequantized weight, eager scores, or old releases' full logits."""
    tokens = work.sequences * _chunk(work)
    shared = activations.rotary(architecture) * _chunk(work)
    per_token = activations.widest(architecture, form, release)
    found = [(per_token * tokens, f"{tokens:,} tokens x {per_token:,} bytes")]
    unpacked, weight = activations.dequantized(architecture, form, release)
    found.append((unpacked * tokens + weight, f"{tokens:,} tokens x {unpacked:,} bytes + a weight in 16 bits"))
    if work.options.get("attn_implementation") == "eager":
        scores = (
            work.sequences * activations.scores(architecture, _chunk(work)) + tokens * 5 * architecture.hidden_size * 2
        )
        found.append(
            (
                scores,
                f"{work.sequences} x {architecture.attention.heads} heads x {_chunk(work):,}^2 x 10 bytes of scores",
            )
        )
    if stage.has_head:
        kept = tokens if release < LAST_LOGITS_ONLY else work.sequences
        found.append(
            (
                activations.logits(architecture, kept),
                f"{architecture.vocab_size:,} vocabulary x {kept:,} tokens x 6 bytes",
            )
        )
    pictures = work.sequences * activations.images(architecture, work.image_tokens) if stage.has_embeddings else 0
    if pictures:
        encoder = work.sequences * activations.tower(architecture, work.image_tokens)
        found.append((encoder, f"{work.image_tokens:,} image tokens in the vision tower"))
    size, formula = max(found)
    return size + shared + pictures, formula


__all__ = ["Stage", "estimate", "stages"]
