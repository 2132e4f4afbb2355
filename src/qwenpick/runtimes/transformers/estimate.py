"""The parts of a generation with transformers, on each GPU of a placement or in RAM."""

from __future__ import annotations

from collections.abc import Iterator

from qwenpick.catalog.schema import Architecture, Checkpoint, LinearAttention
from qwenpick.i18n import N_
from qwenpick.memory.account import Memory, Part, memory
from qwenpick.memory.tensors import Tensor
from qwenpick.runtimes.given import read
from qwenpick.runtimes.transformers import activations, allocator, weights
from qwenpick.runtimes.transformers.options import Options
from qwenpick.runtimes.transformers.prefill import cache_bytes, highest
from qwenpick.runtimes.transformers.stages import Stage, stages
from qwenpick.runtimes.transformers.versions import SHARED_ROTARY, Version, version
from qwenpick.values import dataclass
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving


def estimate(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> Memory:
    """Weights, cache, state, the widest moment of prefill, workspaces, the allocator's reserve and the CUDA context."""
    release = version(architecture, work.options)
    said = read(Options, work.options)
    double_quant = said.bnb_4bit_use_double_quant
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
        N_(
            "{num_layers} layers, embeddings and head in {form}, in torch's blocks",
            num_layers=architecture.num_layers,
            form=form,
        ),
        "weights",
    )
    if stage.has_embeddings:
        for name, size in named.parts.items():
            yield Part(
                N_("{name} weights", name=name),
                size,
                where,
                N_("{size:,} parameters x 2", size=size // 2),
                "weights",
            )
    cache = cache_bytes(architecture, work, stage, work.context)
    yield Part("kv cache", cache, where, _cache_formula(architecture, work, stage), "kv cache")
    linear = [layer for layer in architecture.layer_list[stage.first : stage.end] if isinstance(layer, LinearAttention)]
    sequences = work.sequences if read(Options, work.options).use_cache else 0
    state = sequences * sum(
        4 * layer.ssm_state_elements + 2 * (layer.conv_state_elements + layer.conv_channels) for layer in linear
    )
    yield Part(
        "recurrent state",
        state,
        where,
        N_(
            "{sequences} sequences x {count} linear layers, FP32 state and bf16 convolution",
            sequences=work.sequences,
            count=len(linear),
        ),
        "state",
    )
    tables = (
        activations.rotary_tables(architecture, stage.end - stage.first)
        if release < SHARED_ROTARY and architecture.model_type != "qwen"
        else 0
    )
    yield Part(
        "rotary tables", tables, where, N_("32,768 positions x head_dim x 2 x 2 bytes in every layer"), "weights"
    )
    masks = weights.causal_masks(architecture, checkpoint, stage.end - stage.first, release)
    yield Part("causal masks", masks, where, N_("8,192 x 8,192 bytes in every layer of Qwen 1's first code"), "weights")
    prefill, formula = highest(architecture, form, work, release, stage)
    yield Part("prefill activations", prefill, where, formula, "compute")
    if stage.device is None:
        return
    yield Part(
        "cuBLAS workspace",
        allocator.workspace(stage.device),
        where,
        N_("torch: 32 MiB on Hopper and B200, 8.1 MiB elsewhere"),
        "overhead",
    )
    yield Part(
        "allocator cache",
        allocator.kept(cache, prefill, eager=read(Options, work.options).attn_implementation == "eager"),
        where,
        N_("0.33 x kv cache + 0.02 x activations: holes of concatenation"),
        "overhead",
    )
    context = allocator.CUDA_CONTEXT + (allocator.BITSANDBYTES_KERNELS if form == "int8" else 0)
    yield Part("CUDA context", context, where, N_("measured on an H200"), "overhead")


def _cache_formula(architecture: Architecture, work: Serving, stage: Stage) -> str:
    layers = sum(not isinstance(layer, LinearAttention) for layer in architecture.layer_list[stage.first : stage.end])
    one = architecture.attention
    return N_(
        "2 x {layers} layers x {kv_heads} kv heads x {head_dim} x {context:,} tokens x {sequences} x 2 bytes",
        layers=layers,
        kv_heads=one.kv_heads,
        head_dim=one.head_dim,
        context=work.context,
        sequences=work.sequences,
    )
