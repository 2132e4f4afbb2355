"""Which engines and formats of a model are compared on a machine: enough of them to find the best plan, and no more, since a person waits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from qwenpick.memory.quantization import FORMATS, stored_bytes
from qwenpick.planning.checkpoints import FAMILIES, checkpoints, download_bytes, every_file, is_family, without_bf16
from qwenpick.planning.files import published_file, settled
from qwenpick.planning.library import library_tag
from qwenpick.planning.plan import Plan, evaluate
from qwenpick.recommending.search.cache_format import Miss, made_to_fit, miss_of, miss_without_ram
from qwenpick.recommending.search.space import work_of
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.llamacpp.whole import layer_bytes

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.recommending.search.space import Search
    from qwenpick.runtimes import Runtime
    from qwenpick.work.serving import Serving

ONLINE = "fp8-online"  # made from 16-bit weights when the engine starts: twice the download of a published FP8
# Blackwell has units for one; Ampere has them for 8-bit integers and not for FP8
OWN_HARDWARE = frozenset({"nvfp4", "gptq-int8"})
LEGACY = ("Q4_0", "Q4_1", "Q5_0", "Q5_1")  # llama.cpp types without scales of scales: worse than others of their size
LOW_BITS = 5.0  # once a format of about four bits is held by the GPUs alone, fewer bits only lose quality


def rungs(architecture: Architecture, model: Model, engine: Runtime, search: Search) -> list[Checkpoint]:
    """The checkpoints of an engine that are compared, most bits first; their sizes as they are listed.

    Of one format the preferred publisher's comes first, behind it those that are lighter (`ends_format`).
    """
    known = list(every_file(ladder(model, engine, search.quant), model, architecture, engine.NAME))
    found = without_bf16(known, search.quant, search.machine.devices)
    asked, fp8_is_published = search.request, any(one.format == "fp8" and one.repo for one in model.checkpoints)
    return [
        one
        for one in found
        if not (one.format == ONLINE and fp8_is_published and not search.quant)
        and (asked.max_disk is None or download_bytes(model, architecture, one, engine.NAME) <= asked.max_disk)
        and (search.quant or named_bits(one.format) >= asked.least_bits)
    ]


def ladder(model: Model, engine: Runtime, quant: str | None) -> Iterator[Checkpoint]:
    """The checkpoints to compare, most bits first: the preferred ones of every precision, or all of the one that was asked for.

    Where somebody publishes a precision, what would have to be made is left out, and of one that was asked for what engines make on loading and
    llama.cpp's types without scales of scales.
    """
    for precision in (quant,) if quant else FAMILIES:
        found = checkpoints(model, engine, precision)
        published = tuple(one for one in found if is_published(model, one, engine.NAME))
        if quant is None:
            found = compared(published or found)
        elif is_family(quant) and published and not _makeshift(published[0]):
            found = tuple(one for one in found if not _makeshift(one))
        yield from found


def _makeshift(one: Checkpoint) -> bool:
    return one.format in LEGACY or FORMATS[one.format].on_load


def compared(found: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
    """Of the formats of one precision those that are compared: the preferred, the smallest, and those that have hardware of their own.

    Between them lies nothing that changes a choice. The smallest is that of the fewest bits, and of files whose sizes are known that of the
    fewest bytes: of two of four bits the one that leaves less in 16 may be what fits.
    """
    if not found:
        return ()
    smallest = min(found, key=lambda one: (one.format in LEGACY, FORMATS[one.format].bits))
    sized = [one for one in found if one.bytes and FORMATS[one.format].container != "gguf"]
    lightest = min(sized, key=lambda one: one.bytes or 0, default=None)
    always = found[0], smallest, lightest
    return tuple(one for one in found if one.format in OWN_HARDWARE or any(one is other for other in always))


def is_published(model: Model, checkpoint: Checkpoint, engine: str) -> bool:
    """Whether somebody is known to publish the checkpoint, or the weights that the engine makes it of when it starts."""
    if checkpoint.repo is None:
        return engine == "ollama" and library_tag(model, checkpoint.format) is not None
    if FORMATS[checkpoint.format].container != "gguf":
        return True
    return published_file(model, checkpoint.label or checkpoint.format, engine, checkpoint.repo) is not None


def named_bits(format_name: str) -> int:
    """The bits that a format is named for: 3 of Q3_K_L, though it takes 4.3 a weight.

    >>> named_bits("Q4_K_M"), named_bits("awq-int4"), named_bits("bf16")
    (4, 4, 16)
    """
    found = re.search(r"\d+", format_name)
    return int(found[0]) if found else 16


def is_enough(plan: Plan) -> bool:
    """Whether fewer bits than the plan's could only lose quality."""
    return plan.verdict == "fits" and FORMATS[plan.checkpoint.format].bits < LOW_BITS and plan.mode == "gpu"


def ends_format(plan: Plan, work: Serving) -> bool:
    """Whether a lighter file of the plan's format has no turn: this one fits as it was asked for, and has more layers in 16 bits."""
    return plan.verdict == "fits" and plan.work == work and plan.mode == "gpu"


def as_many_bits(format_name: str, other: str) -> bool:
    """Whether a format is named for at least the bits of the other and made for other hardware: NVFP4 beside GPTQ. GGUF types run on all alike.

    >>> as_many_bits("nvfp4", "gptq-int4"), as_many_bits("IQ4_XS", "Q4_K_M")
    (True, False)
    """
    return FORMATS[format_name].container != "gguf" and named_bits(format_name) >= named_bits(other)


def every_plan(
    architecture: Architecture, model: Model, search: Search, *, every_engine: bool = False
) -> Iterator[Plan]:
    """Every candidate of one model planned, whether it holds or not: engines of a group after the first that holds one are left out."""
    work, holds = work_of(model, search), False
    for group in search.groups:
        for engine in map(find_runtime, group):
            ended: set[str] = set()
            for checkpoint in rungs(architecture, model, engine, search):
                if checkpoint.format in ended:
                    continue
                plan = evaluate(
                    model, architecture, checkpoint, engine, work, search.machine, search.gpu_only, search.strict
                )
                if plan and ends_format(plan, work):
                    ended.add(checkpoint.format)
                if plan:
                    holds |= plan.holds(search.strict)
                    yield plan
                if plan and plan.holds(search.strict) and (plan.runtime != "llamacpp" or plan.mode in ("gpu", "cpu")):
                    continue
                missing = _miss(plan, checkpoint, search)
                for small in made_to_fit(architecture, model, checkpoint, engine, work, search, missing):
                    holds = True
                    yield small
        if holds and not every_engine:
            return


def holds_somehow(architecture: Architecture, model: Model, search: Search) -> bool:
    """Whether any of the engines and formats holds the model; the fewest bits are tried first."""
    work, machine = work_of(model, search), search.machine
    for group in search.groups:
        for engine in map(find_runtime, group):
            for checkpoint in reversed(rungs(architecture, model, engine, search)):
                if least_held(architecture, model, checkpoint) > search.room:
                    continue
                if weights_of(architecture, settled(architecture, checkpoint)) > search.room:
                    continue
                tried = evaluate(model, architecture, checkpoint, engine, work, machine, search.gpu_only, search.strict)
                if tried and tried.holds(search.strict):
                    return True
                missing = _miss(tried, checkpoint, search)
                if any(made_to_fit(architecture, model, checkpoint, engine, work, search, missing)):
                    return True
    return False


def _miss(tried: Plan | None, checkpoint: Checkpoint, search: Search) -> Miss | None:
    """How far from the GPUs the plan is: as it was tried there, or, where llama.cpp was tried beside RAM, as it would be on the only one."""
    if tried is None or tried.runtime != "llamacpp" or tried.mode == "gpu":
        return miss_of(tried, search.machine)
    return miss_without_ram(tried.architecture, checkpoint, tried.work, search)


def least_held(architecture: Architecture, model: Model, checkpoint: Checkpoint) -> int:
    """Bytes that any run of the checkpoint holds at least: half of what the parameters take in the format, which needs no look at each tensor."""
    if model.parameters is None:
        return (checkpoint.bytes or 0) // 3
    held = model.parameters.total - sum(extra.parameters for extra in architecture.extras)
    half = int(held * FORMATS[checkpoint.format].bits / 16)
    return min(half, checkpoint.bytes // 2) if checkpoint.bytes else half


def weights_of(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of the checkpoint's weights that any run of it holds: no MTP block, no tower, and of a GGUF file the layers."""
    if FORMATS[checkpoint.format].container == "gguf":
        return layer_bytes(architecture, checkpoint)
    text = stored_bytes(architecture, checkpoint.format, parts=_TEXT)
    if checkpoint.bytes is None:
        return text
    return int(text * checkpoint.bytes / stored_bytes(architecture, checkpoint.format))


_TEXT = frozenset({"text"})
