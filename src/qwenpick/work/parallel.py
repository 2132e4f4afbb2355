"""The GPU groups that a tensor-parallel engine can use: one GPU, several equal ones, several in stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.machine.nodes import per_node
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.work.placement import Cut, Placement, placed
from qwenpick.work.sharding import BLOCK, world_refusal

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.machine.hardware import Device, Machine

TENSOR_SIZES = (2, 4, 8)
MOST_TENSOR = max(TENSOR_SIZES)
STAGED_GPUS = (2, 4, 8)  # GPUs of a node that are cut into stages unasked: nobody serves over three, five or seven
# Model types whose n-gram embedding vLLM and SGLang keep on one stage (vllm-project/vllm issue 55515, sgl-project/sglang issue 39393)
NEVER_STAGED = ("qwen4_exp",)
BLOCKED = ("fp8", "gptq-int4", "gptq-int8", "awq-int4")  # formats whose scales span 128 columns


def parallel_placements(
    architecture: Architecture,
    format_name: str,
    machine: Machine,
    vendors: tuple[str, ...],
    asked: Cut | None = None,
) -> Iterator[Placement]:
    """The ways of `_placements`, each with the number of boxes that it lies in."""
    for placement in _placements(architecture, format_name, machine, vendors, asked):
        boxes = -(-len(placement.devices) // per_node(machine)) if machine.nodes > 1 else 1
        yield replace(placement, nodes=boxes) if boxes > 1 else placement


def with_tables(
    architecture: Architecture, machine: Machine, placements: Iterator[Placement], asked: bool | None, known: bool
) -> Iterator[Placement]:
    """The placements with an n-gram table on the GPUs, then those with it in RAM, where the release is `known` to have that; as `asked`."""
    if not known or not any(extra.name == NGRAM_TABLE for extra in architecture.extras):
        yield from placements
        return
    every = tuple(placements)
    if asked is not True:
        yield from every
    if asked or (asked is None and machine.ram_free is not None):
        yield from (replace(placement, host_table=True) for placement in every)


def _placements(
    architecture: Architecture,
    format_name: str,
    machine: Machine,
    vendors: tuple[str, ...],
    asked: Cut | None,
) -> Iterator[Placement]:
    """One GPU of each kind, the fastest first, then tensor parallel over equal GPUs, then pipeline stages for counts that heads do not divide by.

    GPUs of one vendor that are all different come last, together: the engine uses of each what the smallest has. Experts are left whole where their
    columns do not divide. A cut that is `asked` for is the only one, on as many GPUs as there are: what it lacks, the engine's refusal says. Layers
    that were counted out for each stage are meant for the GPUs in the machine's order, others go to the largest first.
    """
    if asked:
        known = [(number, d) for number, d in enumerate(machine.devices) if d.vendor in vendors]
        largest = sorted(known, key=lambda one: (-(one[1].free or one[1].total or 0), one[1].name))[: asked.gpus]
        if largest:
            taken = sorted(largest, key=lambda one: one[0]) if asked.stage_layers else largest
            yield placed(tuple(device for _, device in taken), asked)
        return
    usable = [d for d in machine.devices if d.vendor in vendors]
    widest = per_node(machine) if machine.nodes > 1 and per_node(machine) > 1 else MOST_TENSOR
    groups: dict[tuple[str, int | None], list[Device]] = {}
    for device in sorted(usable, key=lambda d: -(d.free or d.total or 0)):
        groups.setdefault((device.name, device.total), []).append(device)
    fastest = sorted(groups.values(), key=lambda group: -(group[0].bandwidth or 0.0))
    for group in fastest:
        yield Placement((group[0],))
    for group in fastest:
        yield from _over(architecture, format_name, tuple(group), widest=widest)
    if len(groups) > 1 and len({d.vendor for d in usable}) == 1:
        yield from _over(
            architecture, format_name, tuple(d for group in groups.values() for d in group), only=len(usable)
        )


def _over(
    architecture: Architecture,
    format_name: str,
    devices: tuple[Device, ...],
    only: int | None = None,
    widest: int = MOST_TENSOR,
) -> Iterator[Placement]:
    """Tensor parallel over 2, 4, 8 of these devices, then stages of as many ranks as divide, the widest first.

    Boxes of several GPUs share layers inside (`widest` ranks) and have stages of their own; boxes of one GPU share layers between them.
    """
    block = BLOCK if format_name in BLOCKED else 1
    counts = [only] if only else [n for n in range(2, len(devices) + 1) if n <= widest or n % widest == 0]
    fitting = [n for n in (1, *TENSOR_SIZES) if n <= widest and world_refusal(architecture, n, block) is None]
    tensor = [n for n in counts if n in fitting]
    whole = [n for n in counts if n in TENSOR_SIZES and n <= widest and n not in fitting and architecture.is_moe]
    whole = [n for n in whole if world_refusal(architecture, n, block, whole_experts=True) is None]
    for n in sorted([*tensor, *whole]):
        yield placed(devices[:n], Cut(n, whole_experts=n in whole))
    staged = [
        (max(t for t in (1, *TENSOR_SIZES) if n % t == 0 and t < n and t in fitting), n)
        for n in counts
        if n not in tensor and n not in whole
    ]
    if architecture.model_type in NEVER_STAGED:
        return
    staged = [(ranks, n) for ranks, n in staged if n in STAGED_GPUS or n > widest]
    for ranks, n in sorted(staged, key=lambda cut: (-cut[0], cut[1])):
        yield Placement(devices[:n], tensor_parallel=ranks, pipeline_parallel=n // ranks)
