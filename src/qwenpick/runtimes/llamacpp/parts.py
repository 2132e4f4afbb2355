"""What llama.cpp holds for a run on these devices: the parts that any device would hold, and what each driver takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from qwenpick.i18n import N_
from qwenpick.memory.account import Memory, Part, gpu
from qwenpick.memory.quantization.gguf import file_bytes
from qwenpick.runtimes.llamacpp.batch import Copies, batch_of
from qwenpick.runtimes.llamacpp.cache import padded
from qwenpick.runtimes.llamacpp.cut import cut, experts_asked, layers_asked
from qwenpick.runtimes.llamacpp.driver import driver_bytes, driver_source
from qwenpick.runtimes.llamacpp.model import load, repacked_bytes
from qwenpick.runtimes.llamacpp.options import read_options
from qwenpick.runtimes.llamacpp.projector import PROJECTOR, projector_parts
from qwenpick.runtimes.llamacpp.run import DRIVER, TABLE, LlamaContext, draft_parts, gpu_parts, ram_parts
from qwenpick.work.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device
    from qwenpick.work.serving import Serving


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What llama.cpp holds for `work`, part by part. Raises QwenpickError for an option it does not know."""
    return needed(architecture, checkpoint, work, placement, pooled=is_pooled(model))


def is_pooled(model: Model) -> bool:
    """Whether llama.cpp runs it with --embedding or --reranking, and so keeps the output of every token of a batch."""
    return model.kind in ("embedding", "reranker")


def needed(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement, *, pooled: bool = False
) -> Memory:
    """The same without the catalogue's entry. `pooled`: an embedding or reranker model, which keeps every token's output."""
    common = on_any_device(architecture, checkpoint, work, _shape(placement, work), pooled=pooled)
    backend = read_options(work.options).backend
    return Memory(tuple(_driver(placement, part, backend) if part.name == DRIVER else part for part in common.parts))


def on_gpus(
    architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement, *, pooled: bool = False
) -> list[int]:
    """Bytes that each GPU of the placement holds: what a search over many placements asks, without the parts."""
    common = on_any_device(architecture, checkpoint, work, _shape(placement, work), pooled=pooled)
    backend = read_options(work.options).backend
    held = [common.on(gpu(index)) for index in range(len(placement.devices))]
    for pool in common.parts:
        if pool.name == DRIVER:
            index = _index(pool)
            held[index] += driver_bytes(placement.devices[index], pool.bytes, backend) - pool.bytes
    return held


def on_first_gpu(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    placement: Placement,
    *,
    pooled: bool,
    rough: bool,
) -> int:
    """Bytes that the first GPU of the placement holds.

    `rough` is for searches over many placements: the compute buffer is that of a model cut in the middle.
    """
    common = on_any_device(architecture, checkpoint, work, _shape(placement, work), pooled=pooled, rough=rough)
    return first_gpu(common).with_driver(placement.devices[0])


class FirstGpu(NamedTuple):
    """Bytes that a run holds on the first GPU, beside its driver. `pool` are those that only NVIDIA's driver adds to what it takes."""

    held: int
    pool: int

    def with_driver(self, device: Device) -> int:
        """The bytes with what the driver of this GPU takes."""
        return self.held + driver_bytes(device, self.pool)


def first_gpu(common: Memory) -> FirstGpu:
    """The first GPU's share of what `on_any_device` gave."""
    pool = next(part.bytes for part in common.parts if part.name == DRIVER)
    return FirstGpu(common.on(gpu(0)) - pool, pool)


METAL_COPIES_FROM = 10500  # about: b10819 is of 5 September 2026


class Shape(NamedTuple):
    """A placement without its devices: how many there are, and how the model is cut."""

    devices: int
    split: tuple[int, ...] | None = None
    cpu_moe_layers: int = 0
    copies_cache: Copies = "quantized"
    ranks: int = 1


def _shape(placement: Placement, work: Serving) -> Shape:
    """The shape, and what of the cache its backend copies to 16 bits."""
    devices, ranks = len(placement.devices), placement.tensor_parallel
    copies = copies_of(placement.devices, work)
    return Shape(1 if ranks > 1 else devices, placement.split, placement.cpu_moe_layers, copies, ranks)


def copies_of(devices: Sequence[Device], work: Serving) -> Copies:
    """What the backend's attention keeps room for in 16 bits: CUDA's kernels for prompts copy a layer of a quantized cache (fattn.cu).

    Metal's do since about b10500 (ggml-org/llama.cpp#27390, August 2026) and reserve the copy whatever the cache is (ggml-metal-ops.cpp,
    ggml_metal_op_flash_attn_ext_extra_kv_f16). Vulkan's read the blocks, and so do those that HIP takes on RDNA: a 7900 XTX holds as much as
    without the copy.
    """
    options = read_options(work.options)
    if options.backend.casefold().startswith("vulkan"):
        return "none"
    if devices and all(device.vendor == "apple" for device in devices):
        return "every" if options.build is None or options.build >= METAL_COPIES_FROM else "none"
    return "quantized" if all(device.vendor == "nvidia" for device in devices) else "none"


@lru_cache(maxsize=16384)
def on_any_device(
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    shape: Shape,
    *,
    pooled: bool = False,
    rough: bool = False,
) -> Memory:
    """What a run needs whatever its devices are. The part DRIVER of each GPU holds only what the model adds to what its driver takes."""
    options = read_options(work.options)
    run = LlamaContext(
        architecture,
        checkpoint.format,
        load(architecture, checkpoint.format),
        options,
        cut(
            architecture.num_layers,
            shape.devices,
            shape.split,
            layers_asked(architecture, options.n_gpu_layers),
            shape.cpu_moe_layers or experts_asked(options, architecture.num_layers),
        ),
        batch_of(work, options, pooled, shape.copies_cache),
        work,
        rough,
    )
    parts = [*gpu_parts(run), *ram_parts(run), *projector_parts(architecture, work, options, shape.devices > 0)]
    parts += draft_parts(run)
    if shape.ranks > 1:
        batch = batch_of(work, options, pooled, "none")
        copied = run.buffers.gpus[0] - replace(run, batch=batch).buffers.gpus[0]
        parts = list(on_ranks(parts, architecture, shape.ranks, copied))
    held = Memory(tuple(part for part in parts if part.bytes or part.name == DRIVER))
    return held if checkpoint.bytes is None else as_measured(held, architecture, checkpoint)


def on_ranks(parts: Iterable[Part], architecture: Architecture, ranks: int, copied: int) -> Iterator[Part]:
    """The parts of one GPU as --split-mode tensor divides them: weights and states evenly, the cache by whole heads, buffers not at all.

    What a batch computes passes every GPU whole (ggml-backend-meta.cpp), so the compute buffers are each of one GPU's size, but for the `copied`
    bytes of a layer's cache in 16 bits, which each GPU makes of its own heads.
    """
    heads = architecture.attention.kv_heads
    by_heads = -(-heads // ranks) / heads
    for part in parts:
        if not part.where.startswith("gpu"):
            yield part
            continue
        size, formula = part.bytes, part.formula
        if part.kind in ("weights", "kv cache", "state") and part.name != PROJECTOR:
            shared = by_heads if part.kind == "kv cache" else 1 / ranks
            size = ceil(part.bytes * shared)
            formula = N_("{formula}; {share:.1%} of it on each GPU", formula=formula, share=shared)
        elif part.name == "compute buffer":
            size -= round(copied * (1 - by_heads))
        for index in range(1 if part.name.startswith(PROJECTOR) else ranks):
            yield replace(part, bytes=size, where=gpu(index), formula=formula)


def _index(part: Part) -> int:
    """Which GPU a part lies on."""
    return int(part.where.removeprefix("gpu"))


def _driver(placement: Placement, pool: Part, backend: str) -> Part:
    """What the driver takes of a GPU, with the `pool` of a run."""
    device = placement.devices[_index(pool)]
    size, source = driver_bytes(device, pool.bytes, backend), driver_source(device, pool.bytes, backend)
    return Part(DRIVER, size, pool.where, source, "overhead")


def file_share(architecture: Architecture, checkpoint: Checkpoint) -> float:
    """How large the file is, its n-gram table aside, by what llama.cpp's own rule makes of its format; 1 where it was not measured."""
    if checkpoint.bytes is None:
        return 1.0
    table = load(architecture, checkpoint.format).ram.ngram_table
    whole = file_bytes(architecture, checkpoint.format)
    return (checkpoint.bytes - table) / (whole - table) if checkpoint.bytes > table else checkpoint.bytes / whole


def as_measured(by_rule: Memory, architecture: Architecture, checkpoint: Checkpoint) -> Memory:
    """The weights as large as the file that was measured: a mix of types that llama.cpp's own rule does not give (imatrix, UD)."""
    share = file_share(architecture, checkpoint)
    return Memory(
        tuple(
            replace(
                part,
                bytes=round(part.bytes * share),
                formula=N_(
                    "{formula}; x {share:.4f}, so large is the published file", formula=part.formula, share=share
                ),
            )
            if part.kind == "weights" and part.name != TABLE
            else part
            for part in by_rule.parts
        )
    )


def resident(architecture: Architecture, checkpoint: Checkpoint, work: Serving, prompt_tokens: int) -> int:
    """Peak resident bytes of a CPU run with a prompt of that length: what it holds, less what such a prompt never touches of the compute buffer.

    A mapped file also counts the pages whose tensors were interleaved into a copy. They are clean, and the kernel drops them when memory is short, so
    they are no part of what must fit.
    """
    options = read_options(work.options)
    placement = Placement()
    whole = needed(architecture, checkpoint, work, placement)
    touched = needed(
        architecture, checkpoint, replace(work, context=min(work.context, padded(prompt_tokens))), placement
    )
    held = whole.total - whole.of("compute") + touched.of("compute")
    if not (options.mmap and options.repack):
        return held
    return held + repacked_bytes(architecture, checkpoint.format)
