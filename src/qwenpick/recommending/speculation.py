"""Speculation: a plan in which the model's own MTP block drafts, where engine and kind of device were measured to be faster with it.

llama.cpp, one stream, a 27B wholly on the GPU: 35.7 -> 61.6 tokens/s on a 3090, 11.8 -> 20.0 on Strix Halo, 35B-A3B 45.5 -> 51.0 there; vLLM, 27B in
FP8 over two 3090: 67 and 86 where 45 are estimated without (club-3090, dev.to agustinsacco). Not so: Flash-Next in vLLM on H100 loses 8 to 32 %
(vllm-project/recipes pull request 923), Apple loses (lmstudio-ai/lmstudio-bug-tracker issue 1969), and with experts in RAM nothing was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.planning.plan import judge
from qwenpick.runtimes import find_runtime

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan

# engine -> its options for it, and the vendors of the devices that it was measured on
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "llamacpp": {"spec_type": "draft-mtp", "draft_n_max": 3},  # the engine's own default (common/common.h)
    "vllm": {"num_speculative_tokens": 2},
}
MEASURED_ON: Mapping[str, tuple[str, ...]] = {"llamacpp": ("nvidia", "amd"), "vllm": ("nvidia",)}
SLOWER = ("qwen4_exp",)  # model types that were measured to lose
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
    """Whether the published file holds the MTP block: a listing says so of GGUF files, and the maker's own weights do."""
    file = plan.file
    return file is not None and (file.mtp if plan.runtime == "llamacpp" else plan.checkpoint.official)


def is_faster(plan: Plan, without: Plan) -> bool:
    """Whether drafting pays by the speed model, which was fitted to measured rows of both kinds."""
    return (
        plan.speed is not None
        and without.speed is not None
        and plan.speed.each.value >= FASTER * without.speed.each.value
    )
