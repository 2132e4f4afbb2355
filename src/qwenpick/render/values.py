"""Plans and what hangs on them as JSON values: bytes as integers, names as the catalogue has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.planning.plan import plan_ledger
from qwenpick.planning.replicas import replicas
from qwenpick.planning.server_caches import of_plan, settings
from qwenpick.runtimes import find_runtime
from qwenpick.speed.decode import accepted_tokens

if TYPE_CHECKING:
    from qwenpick.fitting.trial import Fix
    from qwenpick.machine.hardware import Machine
    from qwenpick.memory.account import Memory, Part
    from qwenpick.memory.bands import Band
    from qwenpick.planning.files import File
    from qwenpick.planning.plan import Plan
    from qwenpick.planning.verdict import Place
    from qwenpick.render.payloads.choosing import FixValues
    from qwenpick.render.payloads.plans import (
        BandValues,
        CopiesValues,
        EngineValues,
        FileValues,
        MachineValues,
        MemoryValues,
        PartValues,
        PlaceValues,
        PlanValues,
        RankValues,
        ServerCacheValues,
        SpeculationValues,
        SpeedValues,
    )
    from qwenpick.speed import Band as Range
    from qwenpick.speed import Speed


def plan_values(plan: Plan, here: str | None = None, machine: Machine | None = None) -> PlanValues:
    """Everything a plan says; `here` is where its file lies on this disk, `machine` the box that may hold copies."""
    licence = plan.model.licence
    return {
        "model": plan.model.id,
        "name": plan.model.name,
        "verdict": plan.verdict,
        "reason": plan.reason,
        "runtime": plan.runtime,
        "runtime_version": find_runtime(plan.runtime).READ_FROM,
        "format": plan.checkpoint.format,
        "repository": plan.checkpoint.repo,
        "file": file_values(plan.file) if plan.file else None,
        "here": here,
        "official": plan.checkpoint.official,
        "licence": {"id": licence.id, "commercial_use": licence.commercial_use},
        "context": plan.work.context,
        "sequences": plan.work.sequences,
        "kv_cache": {"k": plan.work.kv_cache.k, "v": plan.work.kv_cache.v},
        "options": dict(plan.work.options),
        "placement": {
            "mode": plan.mode,
            "devices": [device.name for device in plan.placement.devices],
            "tensor_parallel": plan.placement.tensor_parallel,
            "pipeline_parallel": plan.placement.pipeline_parallel,
            "split": list(plan.placement.split) if plan.placement.split is not None else None,
            "cpu_moe_layers": plan.placement.cpu_moe_layers,
            "data_parallel": plan.placement.data_parallel,
            "expert_parallel": plan.placement.expert_parallel,
            "stage_layers": list(plan.placement.stage_layers) if plan.placement.stage_layers is not None else None,
            "table_in_ram": plan.placement.host_table,
        },
        "memory": memory_values(plan.memory, plan.band),
        "places": [place_values(place) for place in plan.places],
        "speed": speed_values(plan.speed) if plan.speed else None,
        "speculation": speculation_values(plan),
        "replicas": replicas_values(plan, machine),
    }  # fmt: skip


def replicas_values(plan: Plan, machine: Machine | None) -> CopiesValues | None:
    """The copies that the box holds; None where that is one, or nobody said which box."""
    found = replicas(plan, machine) if machine else None
    if found is None:
        return None
    return {"count": found.count, "together": band_values(found.together) if found.together else None}


def engine_values(plan: Plan) -> EngineValues | None:
    """The account that the plan's engine would log; None for engines that keep none, and where the plan has no GPU of known size."""
    found = plan_ledger(plan)
    if found is None:
        return None
    ranks: list[RankValues] = [
        {
            "where": rank.where,
            "weights_bytes": rank.weights_bytes,
            "peak_activation_bytes": rank.peak_activation_bytes,
            "outside_torch_bytes": rank.outside_torch_bytes,
            "cuda_graph_bytes": rank.cuda_graph_bytes,
            "available_kv_cache_bytes": rank.available_kv_cache_bytes,
        }
        for rank in found.ranks
    ]
    fullest = ranks[found.ranks.index(found.fullest)]
    alike = len({tuple(list(rank.values())[1:]) for rank in ranks}) == 1
    return {
        "version": found.version,
        "measured": found.measured,
        "starts": found.refusal is None,
        "refusal": found.refusal,
        "weights_bytes": fullest["weights_bytes"],
        "peak_activation_bytes": fullest["peak_activation_bytes"],
        "outside_torch_bytes": fullest["outside_torch_bytes"],
        "cuda_graph_bytes": fullest["cuda_graph_bytes"],
        "available_kv_cache_bytes": fullest["available_kv_cache_bytes"],
        "blocks": found.blocks,
        "block_tokens": found.block_tokens,
        "kv_cache_tokens": found.kv_cache_tokens,
        "max_concurrency": round(found.max_concurrency, 2),
        "mem_fraction_static": found.mem_fraction_static,
        "state_slots": found.state_slots,
        "ranks": [] if alike else ranks,
    }


def file_values(file: File) -> FileValues:
    """The published file: which, how large, and who says so."""
    return {
        "repository": file.repository,
        "tag": file.tag,
        "files": list(file.files),
        "bytes": file.bytes,
        "rounding": file.rounding,
        "by_rule": file.by_rule,
        "least": file.least,
        "most": file.most,
        "projector": file.projector,
        "source": file.source,
        "checked": file.checked,
    }


def speculation_values(plan: Plan) -> SpeculationValues | None:
    """How the plan drafts of its own accord, and how fast it would be without; None where it does not."""
    if plan.speed is None or plan.speed_without is None:
        return None
    drafts = plan.speed.generation.drafts
    return {
        "kind": "mtp",
        "draft_tokens": drafts,
        "accepted": round(accepted_tokens(drafts, plan.speed.generation.load.predictable) - 1, 2),
        "speed_without": band_values(plan.speed_without.each),
    }


def memory_values(memory: Memory, edge: Band) -> MemoryValues:
    """Every part, and the band around their sum."""
    return {
        "total": memory.total,
        "low": round(memory.total * edge.low),
        "high": round(memory.total * edge.high),
        "parts": [part_values(part) for part in memory.parts],
        "later": [part_values(part) for part in memory.later],
    }


def part_values(part: Part) -> PartValues:
    """One part, with its formula."""
    return {"name": part.name, "kind": part.kind, "bytes": part.bytes, "where": part.where, "formula": part.formula}


def place_values(place: Place) -> PlaceValues:
    """What one place must hold of what it may."""
    return {
        "where": place.where,
        "name": place.name,
        "need": place.need,
        "budget": place.budget,
        "total": place.total,
        "headroom": place.headroom,
    }


def fix_values(fix: Fix, command: str | None = None) -> FixValues:
    """A change after which it fits, and the whole command that asks for it."""
    return {
        "what": fix.what,
        "saves": fix.saves,
        "flags": fix.flags,
        "need": fix.plan.memory.total,
        "speed_change": fix.speed_change if fix.speed_change is None else round(fix.speed_change, 3),
        "speed": band_values(fix.plan.speed.each) if fix.plan.speed else None,
        "command": command,
    }


def machine_values(machine: Machine) -> MachineValues:
    """The box in short: the whole of it is `qwenpick machine --json`."""
    return {
        "origin": machine.origin,
        "devices": [
            {"name": d.name, "vendor": d.vendor, "total": d.total, "free": d.free, "gpu": d.gpu, "unified": d.unified}
            for d in machine.devices
        ],
        "ram_total": machine.ram_total,
        "ram_free": machine.ram_free,
        "system": machine.system,
        "notes": list(machine.notes),
    }


def server_cache_values(plan: Plan) -> ServerCacheValues | None:
    """What the plan's server may keep beside the run; None for engines whose server keeps nothing of the kind."""
    kept = of_plan(plan)
    if kept is None:
        return None
    return {
        "server": kept.server,
        "where": kept.where,
        "prompts": kept.prompts,
        "checkpoints": kept.checkpoints,
        "left": kept.left,
        "exceeds": kept.exceeds,
        "settings": settings(kept.server, kept.limits),
    }


def speed_values(speed: Speed) -> SpeedValues:
    """How fast a plan runs."""
    roofline, by_depth = speed.roofline, speed.by_depth
    return {
        "decode": band_values(speed.decode),
        "prefill": band_values(by_depth[-1].prefill or speed.prefill),
        "first_token": band_values(speed.first_token),
        "together": band_values(speed.together),
        "each": band_values(speed.each),
        "depth": speed.depth,
        "prompt": speed.prompt,
        "sequences": speed.sequences,
        "why": speed.why,
        "by_depth": [
            {
                "depth": at.depth,
                "each": band_values(at.each),
                "prefill": band_values(at.prefill) if at.prefill else None,
            }
            for at in by_depth
        ],
        "roofline": {
            "tokens_per_second": float(f"{roofline.tokens_per_second:.4g}"),
            "bytes_per_token": round(roofline.bytes_per_token),
            "bandwidth": round(roofline.bandwidth),
            "accepted": roofline.accepted,
        },
    }


def band_values(band: Range) -> BandValues:
    """A figure with its range, to four digits."""
    return {"value": float(f"{band.value:.4g}"), "low": float(f"{band.low:.4g}"), "high": float(f"{band.high:.4g}")}
