"""What to know of a plan that its numbers do not say: what it does though nobody asked, and what is slow about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.memory.cache import KvCache
from qwenpick.planning.words import rate
from qwenpick.recommending.speculation import OPTIONS, speculating
from qwenpick.runtimes import options_of
from qwenpick.units import format_gb, format_tokens

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan


def unasked(plan: Plan, asked_cache: KvCache | None) -> list[str]:
    """What the plan does of its own accord and nobody asked for: a smaller cache, drafts, a table that stays on disk."""
    said = []
    if plan.work.kv_cache not in (KvCache(), asked_cache):
        said.append(
            _(
                "the KV cache is kept in {cache}, which is what makes it fit; --kv-cache f16 plans 16 bits",
                cache=plan.work.kv_cache,
            )
        )
    if plan.speed and (alone := plan.speed_without):
        said.append(
            _(
                "it drafts {count} tokens a step itself (MTP); {rate} tokens/s without",
                count=plan.speed.generation.drafts,
                rate=rate(alone.each.low, alone.each.high),
            )
        )
    if table := table_on_disk(plan):
        said.append(
            _(
                "{size} of the file stay on disk: a table whose rows are read as they are looked up",
                size=format_gb(table),
            )
        )
    return said


def table_on_disk(plan: Plan) -> int:
    """Bytes of a GGUF file's n-gram table (Flash-Next's), whose rows llama.cpp reads from the file; 0 where there is none, or it is in RAM."""
    if plan.runtime != "llamacpp" or plan.verdict == "refused":
        return 0
    from qwenpick.runtimes.llamacpp.model import load
    from qwenpick.runtimes.llamacpp.run import TABLE

    held = any(part.name == TABLE for part in plan.memory.parts)
    return 0 if held else load(plan.architecture, plan.checkpoint.format).ram.ngram_table


def cache_notes(plan: Plan) -> list[str]:
    """What to know of a cache whose types llama.cpp has no attention kernel for on the plan's devices."""
    if plan.speed is None:
        return []
    load, found = plan.speed.generation.load, list[str]()
    ways = {load.attends(stage.place.kind) for stage in plan.speed.generation.parts}
    other = _("--kv-cache q8_0 or q4_0 has one")
    if "cpu" in ways:
        found.append(
            _(
                "that GPU has no attention kernel for a {cache} cache: attention would run on the CPU, slowly; {other}",
                cache=plan.work.kv_cache,
                other=other,
            )
        )
    if "converted" in ways:
        found.append(
            _(
                "a default build has no kernel for a {cache} cache and converts it to 16 bits for every token, slowly; "
                "{other} (GGML_CUDA_FA_QUANTS=all builds them all)",
                cache=plan.work.kv_cache,
                other=other,
            )
        )
    return found


def ranking_notes(plan: Plan) -> list[str]:
    """What to know of a reranker in llama-server: it reads query and passage in one micro-batch or not at all (server-context.cpp, can_split)."""
    if plan.model.kind != "reranker" or plan.runtime != "llamacpp":
        return []
    from qwenpick.runtimes.llamacpp.options import read_options

    options = read_options(plan.work.options)
    most, asked = min(options.n_ubatch, options.n_batch), plan.work.context
    if most >= asked:
        return []
    said = _(
        "llama-server refuses a query and passage of more than {most} tokens, its micro-batch; -o ub={asked} -o b={asked} plans all {context}",
        most=most,
        asked=asked,
        context=format_tokens(asked),
    )
    return [said]


def drafts_left_out(plan: Plan, box: Machine) -> list[str]:
    """What asks for drafts that the plan would have had by itself, where options were named: beside those nothing is added unasked."""
    options = OPTIONS.get(plan.runtime, {})
    if not plan.holds() or options_of(plan.runtime, plan.work.options).named & options.keys():
        return []
    bare = replace(plan, work=replace(plan.work, options={}))
    if speculating(bare, box) is None:
        return []
    flags = " ".join(f"-o {name}={value}" for name, value in options.items())
    return [_("with -o nothing drafts unasked: {flags} lets the model draft for itself (MTP)", flags=flags)]
