"""How SGLang divides a GPU: the static share for weights and pools, and what it sets aside for activations and graphs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.machine.hardware import cuda_context, cuda_free
from qwenpick.runtimes.given import read
from qwenpick.runtimes.sglang.options import Options
from qwenpick.units import GIB, MIB
from qwenpick.values import dataclass
from qwenpick.work.sharding import communication_bytes, over_pcie

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.catalog.schema import VisionTower
    from qwenpick.machine.hardware import Device
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving

# (memory up to, chunked prefill size, largest graph batch below TP 4, from TP 4 on): memory_hook.py
_BY_MEMORY = (
    (20 * GIB, 2048, 8, 8), (35 * GIB, 4096, 48, 160), (60 * GIB, 4096, 32, 160), (160 * GIB, 8192, 256, 512), (2**62, 16384, 512, 512),
)  # fmt: skip
# Cards of 20 to 35 GiB before 0.5.20: server_args.py of 0.5.6 to 0.5.18, arg_groups/memory_hook.py of 0.5.19
SMALL_BEFORE, SMALL = (0, 5, 20), (2048, 24, 80)
CAPPED = (0, 5, 22)  # from here on batches that nobody named are at most max-running-requests
# Prefill is captured too from 0.5.10 on, piecewise up to 0.5.13; what leaves it out: server_args.py _handle_piecewise_cuda_graph of 0.5.10 to
# 0.5.13, _disable_breakable_cudagraph_if_incompatible of 0.5.14 to 0.5.18, arg_groups/cuda_graph_hook.py of 0.5.19 to 0.5.23
PREFILL_GRAPHS, BREAKABLE = (0, 5, 10), (0, 5, 14)
SEES_TEXT_ONLY = (0, 5, 15)  # from here on models with towers are left out, but for families that were validated since
VALIDATED = {"qwen3_5": (0, 5, 16), "qwen4_exp": (0, 5, 22)}  # the start of the model's type, and its release
ADAPTERS_TOO = (0, 5, 17)  # from here on beside adapters
ONE_STAGE = (0, 5, 19)  # from here on not with pipeline stages
GRAPHLESS = (0, 5, 14)  # from here on nothing is set aside for graphs that are switched off
# MiB set aside more where it speculates, before each release, and with STANDALONE
DRAFTING = (((0, 5, 10), 2048), ((0, 5, 14), 4096))
STANDALONE = 6144
# Before 0.5: server_args.py of 0.4.3 to 0.4.10
_BY_MEMORY_OLD = ((35 * GIB, 2048, 8, 80), (160 * GIB, 8192, 160, 160), (2**62, 16384, 160, 160))
# 0.4.10: GiB set aside by memory, and more for each GPU
_BEFORE_0_5 = ((35 * GIB, 2.8, 0.1), (90 * GIB, 9.5, 0.5), (160 * GIB, 12.0, 0.5), (2**62, 32.0, 0.0))
# Up to 0.4.7 a share by the number of GPUs instead: server_args.py of 0.4.3 to 0.4.7
_BY_GPUS, BY_GPUS_BEFORE = ((16, 0.79), (8, 0.81), (4, 0.85), (2, 0.87), (1, 0.88)), (0, 4, 8)
PCIE_MORE = 140 * MIB  # since then over PCIe beside what vLLM takes: two starts of 0.5.19 over two RTX 3090
NEW_NCCL = (0, 5, 12)  # from here on with torch 2.11, NCCL 2.28 or newer; 0.5.10 has torch 2.9.1
# What aiter, the attention of AMD's GPUs, leaves of the static share, a given one too, where sequences may be longer than so many tokens:
# model_runner.py of 0.4.10, server_args.py of 0.5.8 to 0.5.18, arg_groups/attention_hook.py of 0.5.23
AITER, AITER_FROM = 0.85, 8192
MOST = 0.999  # the largest share that is asked for


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server settles on: tokens per prefill chunk, the largest captured batch, tokens per page, and the static share.

    `asked` is the share that it is started with, which is not the `static` one on AMD's GPUs; `prefill` says that prefill is captured too.
    """

    chunk: int
    graph_batch: int
    page: int
    static: float
    asked: float
    prefill: bool


def settings(architecture: Architecture, work: Serving, placement: Placement) -> Settings:
    """What the server settles on by itself. Raises QwenpickError for an option it does not know."""
    said, ranks = read(Options, work.options), placement.tensor_parallel
    total = min((d.total for d in placement.devices if d.total), default=24 * GIB)
    by_memory = _BY_MEMORY_OLD if said.release < (0, 5) else _BY_MEMORY
    chunk, low, high = next((chunk, low, high) for limit, chunk, low, high in by_memory if total < limit)
    if (0, 5) <= said.release < SMALL_BEFORE and 20 * GIB <= total < 35 * GIB:
        chunk, low, high = SMALL
    chunk = said.chunk or chunk
    captured = not said.disable_cuda_graph or said.release < GRAPHLESS
    batch = said.cuda_graph_max_bs or (low if ranks < 4 else high)
    if not said.cuda_graph_max_bs and said.release >= CAPPED:
        batch = min(batch, said.max_running_requests or work.sequences)
    batch, prefill = (batch if captured else 0), captured and captures_prefill(architecture, said, placement)
    default = static_share(total, chunk, batch, ranks * placement.pipeline_parallel, said, prefill)
    if architecture.vision and not said.language_only:
        default *= tower_share(architecture.vision)
    asked = said.mem_fraction_static or default
    return Settings(chunk, batch, said.page_size, asked * backend_share(work, placement), asked, prefill)


def captures_prefill(architecture: Architecture, said: Options, placement: Placement) -> bool:
    """Whether a release captures prefill of this model, cut so."""
    release, towers = said.release, bool(architecture.vision or architecture.audio)
    lora, stages = said.adapters[1] > 0, placement.pipeline_parallel > 1
    if release < BREAKABLE:
        return release >= PREFILL_GRAPHS and not (towers or lora or stages or said.speculative_num_draft_tokens)
    if towers and release >= SEES_TEXT_ONLY:
        known = (since for start, since in VALIDATED.items() if architecture.model_type.startswith(start))
        if release < next(known, (release[0] + 1,)):
            return False
    return not (lora and SEES_TEXT_ONLY <= release < ADAPTERS_TOO) and not (stages and release >= ONE_STAGE)


def backend_share(work: Serving, placement: Placement) -> float:
    """What the attention backend leaves of the static share."""
    amd = any(device.vendor == "amd" for device in placement.devices)
    return AITER if amd and work.context > AITER_FROM else 1.0


def least(architecture: Architecture, work: Serving, placement: Placement) -> Settings:
    """The settings that set least aside: the smallest prefill chunk and graphs, and the share of what is free that then remains.

    Explicit options stand. These are what a plan needs at least, where the server's defaults for a large GPU set more aside.
    """
    chosen = settings(architecture, work, placement)
    said = read(Options, work.options)
    if said.mem_fraction_static is not None:
        return chosen
    chunk = chosen.chunk if said.chunk else min(chosen.chunk, _BY_MEMORY[0][1])
    batch = chosen.graph_batch if said.cuda_graph_max_bs else min(chosen.graph_batch, _BY_MEMORY[0][2])
    free = min((f for d in placement.devices if (f := free_at_start(d))), default=0)
    gpus = placement.tensor_parallel * placement.pipeline_parallel
    aside = aside_bytes(architecture, work, free, aside_mib(chunk, batch, gpus, chosen.prefill))
    left = backend_share(work, placement)
    asked = min(MOST, math.ceil(1000 * (1 - aside / free) / left) / 1000) if free > aside else 0.0
    return replace(chosen, chunk=chunk, graph_batch=batch, static=asked * left, asked=asked)


def aside_bytes(architecture: Architecture, work: Serving, free: int, mib: float) -> int:
    """Bytes set aside of `free` where activations and graphs take so many MiB, the share of a vision tower included."""
    aside = int(mib * MIB)
    if architecture.vision and not read(Options, work.options).language_only:
        aside = free - int(max(0, free - aside) * tower_share(architecture.vision))
    return aside


def free_at_start(device: Device, gpus: int = 1, experts: bool = False, old: bool = False) -> int | None:
    """Bytes the server sees as free once its CUDA context and communicators are up: the static share is a share of these."""
    free, around = cuda_free(device), communication_bytes(gpus, experts, device, old)
    if around and not old and over_pcie(device):
        around += PCIE_MORE
    return None if free is None else max(0, free - cuda_context(device) - around)


def graph_bytes(chosen: Settings) -> int:
    """What is set aside for graphs."""
    return _graphs_mib(chosen.chunk, chosen.graph_batch, chosen.prefill) * MIB


def _graphs_mib(chunk: int, graph_batch: int, prefill: bool) -> int:
    """2 MiB a decode batch, 8 a captured prefill size."""
    return graph_batch * 2 + (prefill_graphs(chunk) * 8 if prefill else 0)


def aside_mib(chunk: int, graph_batch: int, gpus: int, prefill: bool) -> float:
    """MiB for metadata, activations, other GPUs' buffers and graphs: arg_groups/memory_hook.py.

    512, 1.5 a chunk token, 128 a GPU, 2 a decode batch, 8 a captured prefill size.

    >>> aside_mib(4096, 48, 1)  # 512 + 6144 + 128 + 96 + 50 x 8
    7280.0
    """
    return 512 + max(chunk, 2048) * 1.5 + gpus / 8 * 1024 + _graphs_mib(chunk, graph_batch, prefill)


def static_share(total: int, chunk: int, graph_batch: int, gpus: int, said: Options, prefill: bool) -> float:
    """The default --mem-fraction-static of a release, three decimals; above 60 GiB at least 10 GiB are set aside.

    >>> static_share(24 * GIB, 4096, 48, 1, Options())  # 7280 of 24576 MiB
    0.704
    """
    aside, memory = aside_mib(chunk, graph_batch, gpus, prefill), total / MIB
    if memory > 60 * 1024:
        aside = max(aside, 10 * 1024)
    if said.release < (0, 5):
        aside = next((base + each * gpus) * 1024 for limit, base, each in _BEFORE_0_5 if total < limit)
    if said.release < BY_GPUS_BEFORE:
        return _old_share(memory, gpus, bool(said.speculative_num_draft_tokens))
    if said.speculative_num_draft_tokens:
        more = next((mib for before, mib in DRAFTING if said.release < before), 0)
        aside += STANDALONE if more and said.speculative_algorithm == "STANDALONE" and said.release >= (0, 5) else more
    return max(0.0, round((memory - aside) / memory, 3))


def _old_share(memory: float, gpus: int, drafts: bool) -> float:
    share = next(share for least, share in _BY_GPUS if gpus >= least) if memory <= 80 * 1024 else 0.88
    if memory > 96 * 1024:
        return min(share + 48 * 1024 * (1 - share) / memory, (memory - (20 if drafts else 18) * 1024) / memory)
    return share * 0.95 if drafts else share


def prefill_graphs(chunk: int) -> int:
    """How many prefill sizes are captured up to the chunk: arg_groups/cuda_graph_hook.py.

    >>> prefill_graphs(2048), prefill_graphs(8192)
    (42, 58)
    """
    steps = ((4, 33, 4), (48, 257, 16), (288, 513, 32), (576, 1025, 64), (1280, 4097, 256), (4608, chunk + 1, 512))
    return sum(size <= chunk for step in steps for size in range(*step))


def tower_share(tower: VisionTower) -> float:
    """What a vision tower leaves of the default share: 0.95, less for a tower wider than 1,024 (memory_hook.py reads no depth of Qwen's)."""
    ratio = tower.hidden_size**2 / 1024**2
    return 0.95 * min(1.05, max(0.8, 1.0 - 0.1 * (ratio - 1.0)))
