"""What to change when a plan does not fit: in order of what it costs the person least, each priced in bytes and ready as flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qwenpick.checkpoints import FAMILIES, checkpoints
from qwenpick.fitting import Answer, engines
from qwenpick.plan import Plan, evaluate, timed
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes, format_tokens
from qwenpick.workload import KvCache

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.hardware import Machine

EIGHT_BIT_CACHE = {"llamacpp": "q8_0", "ollama": "q8_0", "vllm": "fp8", "sglang": "fp8", "mlx": "q8_0"}


@dataclass(frozen=True, slots=True)
class Fix:
    """One change after which it fits: what, how many bytes it saves over all places, and the flags that ask for it.

    `speed_change` is what decoding loses or gains (-0.35 is a third slower than if the plan had fitted); None where a bandwidth is not known.
    """

    what: str
    saves: int
    flags: str
    plan: Plan
    speed_change: float | None = None


def fixes(catalog: Catalog, machine: Machine, answer: Answer) -> tuple[Fix, ...]:
    """The changes that make a plan that does not fit fit, one of each kind, cheapest for the person first."""
    if answer.fits or answer.plan.verdict == "refused":
        return ()
    found: list[Fix] = []
    for fix in _fixes(catalog, machine, answer):
        if fix.plan.holds(answer.request.strict) and fix.what not in {other.what for other in found}:
            found.append(_priced(fix, answer.plan, machine, catalog))
    return tuple(found)


def _fixes(catalog: Catalog, machine: Machine, answer: Answer) -> Iterator[Fix]:
    yield from _smaller_cache(machine, answer)
    yield from _shorter_context(machine, answer)
    yield from _fewer_sequences(machine, answer)
    yield from _offload(machine, answer)
    yield from _lower_precision(machine, answer)
    yield from _other_engine(machine, answer)
    yield from _smaller_model(catalog, machine, answer)
    yield from _more_gpus(machine, answer)


def _priced(fix: Fix, before: Plan, machine: Machine, catalog: Catalog) -> Fix:
    """The fix with its price in speed."""
    plan = timed(fix.plan, machine, catalog)
    change = plan.speed.each.value / before.speed.each.value - 1 if plan.speed and before.speed else None
    return replace(fix, plan=plan, speed_change=change)


def _fix(answer: Answer, plan: Plan | None, what: str, flags: str) -> Iterator[Fix]:
    if plan:
        yield Fix(what, answer.plan.memory.total - plan.memory.total, flags, plan)


def _again(machine: Machine, plan: Plan, gpu_only: bool, **changes: object) -> Plan | None:
    work = replace(plan.work, **changes)  # type: ignore[arg-type]
    return evaluate(plan.model, plan.architecture, plan.checkpoint, find_runtime(plan.runtime), work, machine, gpu_only)


def _smaller_cache(machine: Machine, answer: Answer) -> Iterator[Fix]:
    eight = EIGHT_BIT_CACHE.get(answer.plan.runtime)
    if eight and answer.plan.work.kv_cache == KvCache():
        plan = _again(machine, answer.plan, answer.request.gpu_only, kv_cache=KvCache(eight, eight))
        yield from _fix(answer, plan, f"KV cache in {eight}", f"--kv-cache {eight}")


def _shorter_context(machine: Machine, answer: Answer) -> Iterator[Fix]:
    if answer.longest and answer.longest < answer.plan.work.context:
        plan = _again(machine, answer.plan, answer.request.gpu_only, context=answer.longest)
        yield from _fix(
            answer, plan, f"context of {format_tokens(answer.longest)} tokens", f"--context {answer.longest}"
        )


def _fewer_sequences(machine: Machine, answer: Answer) -> Iterator[Fix]:
    for sequences in range(answer.plan.work.sequences - 1, 0, -1):
        plan = _again(machine, answer.plan, answer.request.gpu_only, sequences=sequences)
        if plan and plan.holds(answer.request.strict):
            yield from _fix(
                answer, plan, f"{sequences} sequence{'s' * (sequences > 1)} at once", f"--sequences {sequences}"
            )
            return


def _offload(machine: Machine, answer: Answer) -> Iterator[Fix]:
    if answer.request.gpu_only:
        plan = _again(machine, answer.plan, False)
        what = "experts in RAM" if plan and plan.mode == "gpu+experts-in-ram" else "layers in RAM"
        yield from _fix(answer, plan, f"{what} (slower)", "without --gpu-only")


def _lower_precision(machine: Machine, answer: Answer) -> Iterator[Fix]:
    engine = find_runtime(answer.plan.runtime)
    for family in FAMILIES:
        for checkpoint in checkpoints(answer.plan.model, engine, family):
            if checkpoint.format == answer.plan.checkpoint.format:
                continue
            plan = evaluate(
                answer.plan.model,
                answer.plan.architecture,
                checkpoint,
                engine,
                answer.plan.work,
                machine,
                answer.request.gpu_only,
            )
            if plan and plan.holds(answer.request.strict):
                yield from _fix(answer, plan, f"weights in {checkpoint.format}", f"--quant {checkpoint.format}")
                return


def _other_engine(machine: Machine, answer: Answer) -> Iterator[Fix]:
    for name in engines(machine, answer.plan.work.sequences):
        if name == answer.plan.runtime:
            continue
        engine = find_runtime(name)
        for checkpoint in checkpoints(answer.plan.model, engine, answer.request.quant or "4bit"):
            plan = evaluate(
                answer.plan.model,
                answer.plan.architecture,
                checkpoint,
                engine,
                answer.plan.work,
                machine,
                answer.request.gpu_only,
            )
            if plan and plan.holds(answer.request.strict):
                yield from _fix(
                    answer,
                    plan,
                    f"{engine.TITLE} with {checkpoint.format}",
                    f"--runtime {name} --quant {checkpoint.format}",
                )
                return


def _smaller_model(catalog: Catalog, machine: Machine, answer: Answer) -> Iterator[Fix]:
    engine = find_runtime(answer.plan.runtime)
    for model in _smaller(catalog, answer.plan.model):
        for checkpoint in checkpoints(model, engine, answer.request.quant or "4bit"):
            plan = evaluate(
                model,
                catalog.architecture(model),
                checkpoint,
                engine,
                answer.plan.work,
                machine,
                answer.request.gpu_only,
            )
            if plan and plan.holds(answer.request.strict):
                what = f"the next model down, {model.name} in {checkpoint.format} ({format_bytes(plan.memory.total)})"
                yield from _fix(answer, plan, what, f"qwenpick fit {model.id} --quant {checkpoint.format}")
                return


def _more_gpus(machine: Machine, answer: Answer) -> Iterator[Fix]:
    """More of the first GPU of the box, as many as it takes up to a node of eight."""
    if not machine.devices or machine.devices[0].unified:
        return
    device, old = machine.devices[0], answer.plan
    for count in (2, 4, 8):
        if count <= len(machine.devices):
            continue
        box = replace(machine, devices=(device,) * count)
        for name in dict.fromkeys((old.runtime, *engines(machine, old.work.sequences))):
            engine = find_runtime(name)
            for checkpoint in checkpoints(old.model, engine, answer.request.quant or "4bit"):
                plan = evaluate(old.model, old.architecture, checkpoint, engine, old.work, box, gpu_only=True)
                if plan and plan.holds(answer.request.strict):
                    what = f"{count} x {device.name} ({engine.TITLE}, {checkpoint.format})"
                    yield from _fix(answer, plan, what, f'--gpu "{count}x {device.gpu or device.name}"')
                    return


def _smaller(catalog: Catalog, model: Model) -> list[Model]:
    """The smaller models of the same series and kind, largest first."""
    size = model.parameters.total if model.parameters else 0
    same = (
        m for m in catalog.models.values() if (m.series, m.kind, m.variant) == (model.series, model.kind, model.variant)
    )
    below = [m for m in same if m.parameters and m.architecture and m.parameters.total < size]
    return sorted(below, key=lambda m: (-(m.parameters.total if m.parameters else 0), m.id))
