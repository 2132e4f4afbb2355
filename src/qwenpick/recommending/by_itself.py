"""Whether `ollama run TAG` alone runs what was planned: nothing then says how many tokens, users or bits of cache there are to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.memory.cache import KvCache
from qwenpick.planning.library import library_tag
from qwenpick.planning.plan import evaluate
from qwenpick.runtimes import find_runtime
from qwenpick.work.serving import Serving

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan


def by_itself(plan: Plan, machine: Machine) -> str | None:
    """The tag of Ollama's library that holds the plan's format, where Ollama started without a word gives what was planned: None elsewhere.

    That is one user, a cache of 16 bits, at least the planned context (its default goes by the box's GPU memory), layers where the plan has them, and
    no drafts or options of an engine.
    """
    from qwenpick.catalog import Checkpoint
    from qwenpick.runtimes.ollama import default_context

    work, native = plan.work, plan.model.context.native if plan.model.context else None
    tag = library_tag(plan.model, plan.checkpoint.format) if plan.checkpoint.label is None else None
    if tag is None or work.sequences > 1 or work.options or work.kv_cache != KvCache():
        return None
    context = default_context(sum(device.total or 0 for device in machine.devices))
    context = min(context, native or context)
    if context < work.context:
        return None
    alone = Serving(context, image_tokens=work.image_tokens, audio_seconds=work.audio_seconds)
    file = Checkpoint(format=plan.checkpoint.format, official=False)
    found = evaluate(plan.model, plan.architecture, file, find_runtime("ollama"), alone, machine)
    return tag.name if found and found.holds() and found.mode == plan.mode else None
