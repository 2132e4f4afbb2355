"""vLLM: a share of each GPU is requested, and weights, the profiled peak and the KV cache are paid out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from qwenpick.memory.account import Memory
from qwenpick.runtimes.given import read
from qwenpick.runtimes.vllm import cache as pool
from qwenpick.runtimes.vllm import refusals
from qwenpick.runtimes.vllm.account import available, budget, parts_of, requested, smallest, stages_of
from qwenpick.runtimes.vllm.ledger import ledger
from qwenpick.runtimes.vllm.options import Options
from qwenpick.runtimes.vllm.profile import Profile
from qwenpick.runtimes.vllm.settings import least, settings
from qwenpick.runtimes.vllm.start import cache_refusal, held_refusal, planned, share_refusal
from qwenpick.runtimes.vllm.vendors import follows, vendors
from qwenpick.work.parallel import parallel_placements, with_tables
from qwenpick.work.sharding import stage_layers

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

NAME = "vllm"
TITLE = "vLLM"
READ_FROM = "vLLM 0.8 to 0.33: config/cache.py, config/vllm.py, engine/arg_utils.py, v1/worker/gpu_worker.py, v1/core/kv_cache_utils.py"
TABLE_IN_RAM = (0, 33)  # config/engram.py
FORMATS = ("bf16", "fp16", "fp8", "fp8-online", "gptq-int8", "awq-int4", "gptq-int4", "nvfp4", "mxfp4", "nf4")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("bf16", "fp16"),
    "8bit": ("fp8", "gptq-int8", "fp8-online"),
    "4bit": ("awq-int4", "gptq-int4", "nvfp4", "mxfp4", "nf4"),
}


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why vLLM would not start this there, as a sentence; None if it would (the KV cache aside)."""
    if why := refusals.refusal(architecture, checkpoint, placement, FORMATS, TITLE):
        return why
    if why := refusals.model_refusal(
        architecture, settings(architecture, work, None).version, read(Options, work.options).version is not None
    ):
        return why
    for device in placement.devices:
        if (release := follows(device, TITLE)) and (why := refusals.model_refusal(architecture, release, stated=True)):
            return why
    return (
        refusals.cache_type_refusal(work, TITLE, refusals.CACHE_TYPES_SINCE, placement)
        or refusals.selected_cache_refusal(architecture, work, TITLE)
        or refusals.adapters_refusal(architecture, read(Options, work.options), placement)
        or share_refusal(architecture, work, placement)
        or held_refusal(architecture, work, placement)
    )


def device_refusal(checkpoint: Checkpoint, device: Device) -> str | None:
    """Why no plan with this device would run these weights; None where one may."""
    return refusals.device_refusal(checkpoint, device, TITLE)


def placements(
    model: Model,
    architecture: Architecture,
    checkpoint: Checkpoint,
    work: Serving,
    machine: Machine,
) -> Iterator[Placement]:
    """One GPU, then tensor parallel over equal ones, then pipeline stages; an n-gram table on the GPUs, then in RAM."""
    said = read(Options, work.options)
    found = parallel_placements(architecture, checkpoint.format, machine, vendors(TITLE), said.parallel)
    return with_tables(architecture, machine, found, said.table_in_ram, said.release >= TABLE_IN_RAM)


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What each GPU must hold at least: weights, the profiled peak, what lies outside torch, graphs, and blocks for `sequences` x `context`."""
    return parts_of(model, architecture, checkpoint, work, placement, least(architecture, work, smallest(placement)))


def profiled(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> Profile:
    """What vLLM's profile run finds on the GPU that peaks highest, with vLLM's own settings, by the card that has least memory."""
    chosen = settings(architecture, work, smallest(placement))
    stages = stages_of(None, architecture, checkpoint, work, placement, chosen)
    return max((stage.profile for stage in stages), key=lambda found: found.activation)


def available_kv(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> int:
    """Bytes left for the KV cache on the GPU that has least: "Available KV cache memory". Negative where weights do not fit."""
    chosen = settings(architecture, work, smallest(placement))
    return available(model, architecture, checkpoint, work, placement, chosen)


def start_refusal(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> str | None:
    """Why vLLM would not start, or give up while it starts, with its own settings; None if it would serve."""
    return refusal(architecture, checkpoint, work, placement) or cache_refusal(
        model, architecture, checkpoint, work, placement
    )


def kv_tokens(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> int:
    """Tokens that vLLM would print as "GPU KV cache size"; 0 where it would not start."""
    return ledger(model, architecture, checkpoint, work, placement).kv_cache_tokens


def tokens_of(available: int, architecture: Architecture, work: Serving, placement: Placement) -> int:
    """Tokens of a KV cache of `available` bytes per GPU, as vLLM would print them."""
    chosen = settings(architecture, work, placement.devices[0] if placement.devices else None)
    layers = stage_layers(architecture.num_layers, placement.pipeline_parallel, placement.stage_layers)[0]
    cut = pool.layout(
        architecture, chosen, work.kv_cache, placement.tensor_parallel, layers, placement.pipeline_parallel == 1
    )
    return pool.tokens(cut, max(0, available) // cut.block_bytes, chosen.context, chosen.release)


def max_concurrency(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> float:
    """How many sequences of the full context are served at once: "Maximum concurrency". Below 1, vLLM refuses to start."""
    return ledger(model, architecture, checkpoint, work, placement).max_concurrency


__all__ = [
    "FAMILIES",
    "FORMATS",
    "NAME",
    "READ_FROM",
    "TITLE",
    "Options",
    "available_kv",
    "budget",
    "kv_tokens",
    "ledger",
    "max_concurrency",
    "memory",
    "placements",
    "planned",
    "profiled",
    "refusal",
    "requested",
    "start_refusal",
    "tokens_of",
]  # fmt: skip
