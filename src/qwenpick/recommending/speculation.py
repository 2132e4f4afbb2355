"""Speculation: a plan in which the model's own MTP block drafts, where engine and kind of device were measured to be faster with it.

llama.cpp, one stream, a 27B wholly on the GPU: 35.7 -> 61.6 tokens/s on a 3090, 11.8 -> 20.0 on Strix Halo, 35B-A3B 45.5 -> 51.0 there; vLLM, 27B in
FP8 over two 3090: 67 and 86 where 45 are estimated without (club-3090, dev.to agustinsacco). Not so: Flash-Next in vLLM on H100 loses 8 to 32 %
(vllm-project/recipes pull request 923), Apple loses (lmstudio-ai/lmstudio-bug-tracker issue 1969), and with experts in RAM nothing was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.memory.quantization import FORMATS
from qwenpick.planning.plan import evaluate, judge
from qwenpick.recommending.search.cache_format import made_to_fit, miss_of, miss_without_ram
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.flags import read_flags

if TYPE_CHECKING:
    from qwenpick.catalog import Checkpoint
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.search.candidates import Candidate
    from qwenpick.recommending.search.space import Search

# engine -> its options for it, and the vendors of the devices that it was measured on
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "llamacpp": {"spec_type": "draft-mtp", "draft_n_max": 3},  # the engine's own default (common/common.h)
    "vllm": {"num_speculative_tokens": 2},
}
MEASURED_ON: Mapping[str, tuple[str, ...]] = {"llamacpp": ("nvidia", "amd"), "vllm": ("nvidia",)}
SLOWER = ("qwen4_exp",)  # model types that were measured to lose
LEAST_BITS = 4.0  # a weight, of what is looked at because it could draft: fewer lose what the drafts gain
MOST_BITS: Mapping[str, float] = {"llamacpp": 5.0, "vllm": 9.0}
FASTER = 1.1  # times as fast at least: a smaller gain is not worth the memory


def speculating(plan: Plan, machine: Machine) -> Plan | None:
    """The same plan with drafts, its speed not worked out; None where the file, the engine or the measurements do not speak for it."""
    options, devices = OPTIONS.get(plan.runtime), plan.placement.devices
    if not options or plan.work.options or plan.work.sequences > 1 or plan.mode != "gpu" or plan.work.image_tokens:
        return None
    if (
        not plan.architecture.mtp_layers
        or plan.architecture.model_type in SLOWER
        or plan.placement.pipeline_parallel > 1
    ):
        return None
    if not all(device.vendor in MEASURED_ON[plan.runtime] for device in devices) or not _has_the_block(plan):
        return None
    work = replace(plan.work, options=options)
    engine = find_runtime(plan.runtime)
    found = judge(plan.model, plan.architecture, plan.checkpoint, engine, work, plan.placement, machine)
    return found if found.verdict == plan.verdict else None


def _has_the_block(plan: Plan) -> bool:
    """Whether the published file holds the MTP block: a listing says so of GGUF files, the maker's own weights do, and others' where it is said."""
    file = plan.file
    if file is None:
        return False
    return file.mtp if plan.runtime == "llamacpp" else keeps_the_block(plan.checkpoint)


def keeps_the_block(checkpoint: Checkpoint) -> bool:
    """Whether weights in a repository of safetensors hold the MTP block: the maker's own do, and others' where somebody ran them with it."""
    return checkpoint.official or checkpoint.mtp_source is not None


def drafts_of(engine: str) -> int:
    """Tokens that are drafted a step."""
    return read_flags(engine, OPTIONS[engine]).drafts


def may_draft(candidate: Candidate, search: Search) -> bool:
    """Whether a format of a model could draft there, and so be quicker than one which is better without: one of four to eight bits, by engine."""
    name, architecture, work = candidate.engine, candidate.architecture, candidate.work
    if not architecture.mtp_layers or architecture.model_type in SLOWER:
        return False
    if work.options or work.sequences > 1 or work.image_tokens:
        return False
    if name not in OPTIONS or not all(device.vendor in MEASURED_ON[name] for device in search.machine.devices):
        return False
    bits = FORMATS[candidate.checkpoint.format].bits
    return LEAST_BITS <= bits <= MOST_BITS[name] and (name == "llamacpp" or keeps_the_block(candidate.checkpoint))


def on_gpus(candidate: Candidate, search: Search) -> Iterator[Plan]:
    """The candidate's plan on the GPUs alone, else those that are made to fit."""
    model, architecture, work = candidate.model, candidate.architecture, candidate.work
    checkpoint, engine, machine = candidate.checkpoint, find_runtime(candidate.engine), search.machine
    plan = evaluate(model, architecture, checkpoint, engine, work, machine, True, search.strict)
    if plan and plan.holds(search.strict):
        yield plan
        return
    by_rule = engine.NAME == "llamacpp"
    miss = miss_without_ram(architecture, checkpoint, work, search) if by_rule else miss_of(plan, machine)
    yield from made_to_fit(architecture, model, checkpoint, engine, work, search, miss)


def is_faster(plan: Plan, without: Plan) -> bool:
    """Whether drafting pays by the speed model, which was fitted to measured rows of both kinds."""
    return (
        plan.speed is not None
        and without.speed is not None
        and plan.speed.each.value >= FASTER * without.speed.each.value
    )
