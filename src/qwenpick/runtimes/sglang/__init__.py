"""SGLang: a static share of the GPU for weights and pools, the rest set aside for activations and CUDA graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.i18n import N_, _
from qwenpick.memory.account import RAM, Memory, Part, gpu
from qwenpick.memory.account import memory as gather
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.runtimes.given import read
from qwenpick.runtimes.sglang.ledger import ledger, pool_tokens
from qwenpick.runtimes.sglang.options import Options
from qwenpick.runtimes.sglang.pools import LOADED, draft_matrices, draft_states, slot_bytes, slots, token_bytes, weights
from qwenpick.runtimes.sglang.share import Settings, free_at_start, least, settings
from qwenpick.runtimes.vllm import refusals
from qwenpick.runtimes.vllm.vendors import vendors
from qwenpick.work.parallel import parallel_placements, with_tables

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

NAME = "sglang"
TITLE = "SGLang"
READ_FROM = (
    "SGLang 0.5.5 to 0.5.23: srt/server_args.py, srt/arg_groups/memory_hook.py, srt/mem_cache/kv_cache_configurator.py, "
    "srt/mem_cache/memory_pool.py"
)
TABLE_IN_RAM = (0, 5, 23)  # arg_groups/fields/exec_.py ple_offload_embedding
# of a table that is mapped from a file, what stays in RAM: environ.py SGLANG_QWEN4_PLE_FILE_RSS_BUDGET_GB
MAPPED = 8 * 10**9
FORMATS = ("bf16", "fp16", "fp8", "fp8-online", "gptq-int8", "awq-int4", "gptq-int4", "nvfp4", "mxfp4", "nf4")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fp16": ("bf16", "fp16"),
    "8bit": ("fp8", "gptq-int8", "fp8-online"),
    "4bit": ("awq-int4", "gptq-int4", "nvfp4", "mxfp4", "nf4"),
}
TABLE_SAID = N_("the n-gram table, looked up over the bus")
# layers/quantization/fp8.py, modelopt_quant.py get_min_capability: its kernels of eight and four floating bits begin with Ampere
MIN_CAPABILITY = {**refusals.MIN_CAPABILITY, "fp8": 8.0, "fp8-online": 8.0, "nvfp4": 8.0}
NOT_SERVED = ("qwen3_tts", "qwen2_5_omni")  # srt/models has no file for them


def refusal(architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement) -> str | None:
    """Why SGLang would not start this there, as a sentence; None if it would (memory aside)."""
    settings(architecture, work, placement)
    if architecture.model_type in NOT_SERVED or (
        architecture.model_type == "qwen" and (architecture.vision or architecture.audio)
    ):
        return _("SGLang has no class for {model_type} models of this kind", model_type=architecture.model_type)
    # layers/quantization/quark/schemes: MXFP4, FP8 and INT8
    if checkpoint.format == "awq-int4" and "quark" in (checkpoint.repo or "").casefold():
        return _("SGLang does not load the 4-bit integers that Quark writes ({repo})", repo=checkpoint.repo)
    why = refusals.refusal(architecture, checkpoint, placement, FORMATS, TITLE, MIN_CAPABILITY)
    return why or refusals.cache_type_refusal(work, TITLE)


def device_refusal(checkpoint: Checkpoint, device: Device) -> str | None:
    """Why no plan with this device would run these weights; None where one may."""
    return refusals.device_refusal(checkpoint, device, TITLE, MIN_CAPABILITY)


def placements(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, machine: Machine
) -> Iterator[Placement]:
    """One GPU, then tensor parallel over equal ones, then pipeline stages; an n-gram table on the GPUs, then in RAM."""
    said = read(Options, work.options)
    found = parallel_placements(architecture, checkpoint.format, machine, vendors(TITLE), said.parallel)
    return with_tables(architecture, machine, found, said.table_in_ram, said.release >= TABLE_IN_RAM)


def budget(device: Device, work: Serving) -> int | None:
    """Bytes the server sees as free once its CUDA context is up."""
    return free_at_start(device)


def memory(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Memory:
    """What each GPU must hold: weights, the pools for `sequences` x `context`, and at least what the server must set aside."""
    work = _one_copy(work, placement)
    chosen = least(architecture, work, placement)
    per_stage = weights(architecture, checkpoint, work, placement)
    with_table = weights(architecture, checkpoint, work, replace(placement, host_table=False))
    rows = (-(-work.context // chosen.page) * work.sequences + 1) * chosen.page  # one page takes padded writes
    states, drafts = slots(work), draft_states(work.sequences, work)
    said = N_(
        "1 - mem-fraction-static {static:.3f}, chunks of {chunk}: activations and graphs",
        static=chosen.static,
        chunk=chosen.chunk,
    )
    parts: list[Part] = []
    for index, device in enumerate(placement.devices or (None,)):
        where, stage = gpu(index), per_stage[placement.stage(index)]
        free = (free_at_start(device) if device else None) or 0
        token = token_bytes(architecture, work, placement, placement.stage(index))
        slot = slot_bytes(architecture, work, placement, placement.stage(index))
        parts += [
            Part(
                N_("{part} weights", part=part),
                n,
                where,
                N_("tensors in {format}", format=checkpoint.format),
                "weights",
            )
            for part, n in stage
        ]
        parts.append(
            Part(
                "embedding and head of the draft",
                draft_matrices(architecture, work, placement),
                where,
                N_("16 bits, its own until the pools are sized"),
                "overhead",
            )
        )
        parts.append(Part("loading", LOADED, where, N_("kernels and allocator slack, measured"), "overhead"))
        parts.append(
            Part(
                "kv pool",
                rows * token,
                where,
                N_("{rows} tokens x {token} bytes", rows=rows, token=token),
                "kv cache",
            )
        )
        parts.append(
            Part(
                "mamba pool",
                states * slot,
                where,
                N_("{states} slots x {slot} bytes", states=states, slot=slot),
                "state",
            )
        )
        parts.append(
            Part(
                "states of drafts",
                drafts * slot,
                where,
                N_("{drafts} drafted tokens' states x {slot} bytes", drafts=drafts, slot=slot),
                "state",
            )
        )
        if placement.host_table:
            table = sum(n for part, n in with_table[placement.stage(index)] if part == NGRAM_TABLE)
            table = min(table, MAPPED) if read(Options, work.options).ple_offload_backend == "file" else table
            parts.append(Part(N_("{part} weights", part=NGRAM_TABLE), table, RAM, TABLE_SAID, "weights"))
        parts.append(Part("set aside", round(free * (1 - chosen.static)), where, said, "compute"))
    return gather(parts)


def _one_copy(work: Serving, placement: Placement) -> Serving:
    """The work of one of several copies: sequences are spread over them."""
    return replace(work, sequences=-(-work.sequences // placement.data_parallel))


def planned(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> Settings:
    """The settings to start with: the server's own where weights and pools fit their static share, else those that set least aside."""
    chosen = settings(architecture, work, placement)
    static = memory(model, architecture, checkpoint, work, placement)
    held = max(
        sum(p.bytes for p in static.parts if p.where == place and p.kind != "compute") for place in static.places
    )
    share = min((f for d in placement.devices if (f := free_at_start(d))), default=0) * chosen.static
    return chosen if held <= share else least(architecture, work, placement)


def kv_tokens(
    model: Model, architecture: Architecture, checkpoint: Checkpoint, work: Serving, placement: Placement
) -> int:
    """Tokens that the server would print as max_total_num_tokens."""
    return ledger(model, architecture, checkpoint, work, placement).kv_cache_tokens


__all__ = [
    "FAMILIES",
    "FORMATS",
    "NAME",
    "READ_FROM",
    "TITLE",
    "Settings",
    "budget",
    "kv_tokens",
    "least",
    "ledger",
    "memory",
    "placements",
    "planned",
    "pool_tokens",
    "refusal",
    "settings",
    "slot_bytes",
    "token_bytes",
    "weights",
]  # fmt: skip
