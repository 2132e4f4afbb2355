"""What to change when a plan does not fit: in order of what it costs the person least, each priced in bytes and speed and ready as flags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, as_described, fit
from qwenpick.i18n import _
from qwenpick.memory.account import RAM
from qwenpick.memory.cache import KvCache
from qwenpick.planning.checkpoints import FAMILIES, checkpoints, every_file
from qwenpick.planning.limits import most
from qwenpick.planning.plan import Plan, evaluate, timed
from qwenpick.recommending.request import HIGHEST
from qwenpick.recommending.search.cache_format import caches_with_kernels
from qwenpick.recommending.search.space import engine_groups
from qwenpick.runtimes import find_runtime
from qwenpick.units import format_bytes, format_tokens
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Checkpoint, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.runtimes import Runtime
    from qwenpick.work.serving import Serving

MORE_GPUS = (2, 4, 8)


@dataclass(frozen=True, slots=True)
class Fix:
    """One change after which it fits: what, how many bytes it saves, and the flags that ask for it.

    For a plan that should have lain on GPUs alone `saves` is at the fullest GPU, else in all places together.
    `speed_change` is what decoding loses or gains (-0.35 is a third slower than if the plan had fitted); None where a bandwidth is not known.
    `without` are options to leave out, `model` is the id of another model. Where it `pins`, it is said of the plan's format and engine alone.
    """

    what: str
    saves: int
    flags: str
    plan: Plan
    speed_change: float | None = None
    without: tuple[str, ...] = ()
    model: str | None = None
    pins: bool = False


def fixes(catalog: Catalog, machine: Machine, answer: Answer) -> tuple[Fix, ...]:
    """The changes that make a plan that does not fit fit, one of each kind, cheapest for the person first."""
    if answer.fits:
        return ()
    if answer.plan.verdict == "refused":
        return tuple(_engine_that_runs(catalog, machine, answer))
    found = dict[str, Fix]()
    for fix in _fixes(catalog, _Trial(machine, answer)):
        found.setdefault(fix.what, _priced(fix, answer, machine, catalog))
    return tuple(found.values())


def _engine_that_runs(catalog: Catalog, machine: Machine, answer: Answer) -> Iterator[Fix]:
    """What runs the model there where the engine that was asked for cannot: in the format and the cache that were asked for, if that is possible."""
    asked = answer.request
    if asked.runtime is None:
        return
    freely = replace(asked, runtime=None, options={})
    for request in (freely, replace(freely, quant=None), replace(freely, quant=None, kv_cache=None)):
        try:
            plan = fit(catalog, machine, answer.plan.model, request).plan
        except QwenpickError:
            continue
        if not plan.holds(asked.strict) or plan.runtime == find_runtime(asked.runtime).NAME:
            continue
        what = _("{engine} with {format}", engine=find_runtime(plan.runtime).TITLE, format=plan.checkpoint.format)
        without = (
            *(("-o",) if asked.options else ()),
            *(("--kv-cache",) if asked.kv_cache and not request.kv_cache else ()),
        )
        flags = f"--runtime {plan.runtime} --quant {plan.checkpoint.format}"
        yield Fix(what, 0, flags, plan, None, without, pins=True)
        return


@dataclass(frozen=True, slots=True)
class _Trial:
    """The plan that does not fit, tried again with one thing changed."""

    machine: Machine
    answer: Answer

    @property
    def plan(self) -> Plan:
        return self.answer.plan

    @property
    def quant(self) -> str:
        """The precision in which other ways are tried."""
        asked = self.answer.request.quant
        return asked if asked and asked != HIGHEST else "4bit"

    def with_work(self, work: Serving, *, gpu_only: bool | None = None) -> Plan | None:
        """The same checkpoint and engine for other work, if that holds."""
        return self._held(
            self.plan.model, self.plan.checkpoint, find_runtime(self.plan.runtime), work, self.machine, gpu_only
        )

    def first(
        self,
        engine: Runtime,
        found: Iterable[Checkpoint],
        *,
        machine: Machine | None = None,
        gpu_only: bool | None = None,
    ) -> Plan | None:
        """The first of these checkpoints that holds in that engine."""
        plans = (
            self._held(self.plan.model, checkpoint, engine, self.plan.work, machine or self.machine, gpu_only)
            for checkpoint in every_file(found, self.plan.model, self.plan.architecture, engine.NAME)
        )
        return next((plan for plan in plans if plan), None)

    def _held(
        self,
        model: Model,
        checkpoint: Checkpoint,
        engine: Runtime,
        work: Serving,
        machine: Machine,
        gpu_only: bool | None,
    ) -> Plan | None:
        if work.options and self.plan.runtime != engine.NAME:
            return None  # the options of one engine are none of another's
        request = self.answer.request
        only = request.gpu_only if gpu_only is None else gpu_only
        plan = evaluate(model, self.plan.architecture, checkpoint, engine, work, machine, only, request.strict)
        if plan and self.plan.refusal:
            plan = as_described(plan, request)
        return plan if plan and plan.holds(request.strict) else None

    def fix(self, plan: Plan, what: str, flags: str, *, pins: bool = False) -> Fix:
        """The change as advice."""
        before, after = self.plan, plan
        on_gpus = before.mode == "gpu" and after.mode != "cpu"
        saves = _fullest(before) - _fullest(after) if on_gpus else before.memory.total - after.memory.total
        return Fix(what, saves, flags, plan, pins=pins)


def _fullest(plan: Plan) -> int:
    """Bytes at the fullest GPU."""
    return max(place.need for place in plan.places if place.where != RAM)


def _fixes(catalog: Catalog, trial: _Trial) -> Iterator[Fix]:
    yield from _as_launched(trial)
    yield from _smaller_cache(trial)
    yield from _smaller_prompt_steps(trial)
    yield from _shorter_context(trial)
    yield from _fewer_sequences(trial)
    yield from _offload(trial)
    yield from _lower_precision(trial)
    yield from _other_engine(trial)
    yield from _smaller_model(catalog, trial)
    yield from _more_gpus(trial)


def _engines(machine: Machine) -> Iterator[str]:
    """The engines that are compared on the machine, preferred first."""
    return chain(*engine_groups(machine.system, machine.devices))


def _priced(fix: Fix, answer: Answer, machine: Machine, catalog: Catalog) -> Fix:
    """The fix with its price in speed."""
    before, task = answer.plan, answer.task
    plan = timed(fix.plan, machine, catalog, task.prompt, min(fix.plan.work.context, task.depth), task.predictable)
    change = plan.speed.each.value / before.speed.each.value - 1 if plan.speed and before.speed else None
    return replace(fix, plan=plan, speed_change=change)


def _as_launched(trial: _Trial) -> Iterator[Fix]:
    """The settings that `launch` writes where the ones that were named are given up."""
    plan, said = trial.plan, trial.answer.request.options
    if not plan.refusal or plan.runtime != "vllm":
        return
    from qwenpick.runtimes.vllm.start import planned

    chosen = planned(plan.model, plan.architecture, plan.checkpoint, plan.work, plan.placement)
    wanted = {
        "max_num_seqs": chosen.sequences,
        "max_num_batched_tokens": chosen.batched_tokens,
        "gpu_memory_utilization": chosen.utilization,
    }
    added = {name: value for name, value in wanted.items() if name not in said}
    if found := trial.with_work(replace(plan.work, options={**plan.work.options, **added})):
        flags = " ".join(f"-o {name}={value:.9g}" for name, value in added.items())
        yield trial.fix(found, _("the settings that `launch` writes"), flags)


def _smaller_cache(trial: _Trial) -> Iterator[Fix]:
    missed = trial.plan
    if missed.work.kv_cache != KvCache():
        return
    for cache in caches_with_kernels(missed.runtime, missed.model, missed.architecture, trial.machine.devices):
        if plan := trial.with_work(replace(missed.work, kv_cache=cache)):
            yield trial.fix(plan, _("KV cache in {eight}", eight=cache), f"--kv-cache {cache}")
            return


def _smaller_prompt_steps(trial: _Trial) -> Iterator[Fix]:
    """Fewer prompt tokens at once in MLX, whose scores and activations grow with them; reading takes a little longer."""
    work = trial.plan.work
    if trial.plan.runtime != "mlx" or "prefill_step_size" in work.options:
        return
    for step in (1024, 512, 256):
        if plan := trial.with_work(replace(work, options={**work.options, "prefill_step_size": step})):
            yield trial.fix(plan, _("prompts in steps of {step} tokens", step=step), f"-o prefill_step_size={step}")
            return


def _shorter_context(trial: _Trial) -> Iterator[Fix]:
    longest = trial.answer.longest
    if (
        longest
        and longest < trial.plan.work.context
        and (plan := trial.with_work(replace(trial.plan.work, context=longest)))
    ):
        yield trial.fix(
            plan,
            _("context of {longest} tokens", longest=format_tokens(longest)),
            f"--context {longest}",
        )


def _fewer_sequences(trial: _Trial) -> Iterator[Fix]:
    def fewer(sequences: int) -> Plan | None:
        return trial.with_work(replace(trial.plan.work, sequences=sequences))

    sequences = most(trial.plan.work.sequences, lambda count: fewer(count) is not None)
    if plan := fewer(sequences) if sequences else None:
        yield trial.fix(
            plan,
            _("{count} sequences at once", count=sequences) if sequences > 1 else _("1 sequence at once"),
            f"--users {sequences}",
        )


def _offload(trial: _Trial) -> Iterator[Fix]:
    if trial.answer.request.gpu_only and (plan := trial.with_work(trial.plan.work, gpu_only=False)):
        experts = plan.mode == "gpu+experts-in-ram"
        what = _("experts in RAM (slower)") if experts else _("layers in RAM (slower)")
        yield replace(trial.fix(plan, what, _("without --gpu-only")), without=("--gpu-only",))


def _lower_precision(trial: _Trial) -> Iterator[Fix]:
    engine = find_runtime(trial.plan.runtime)
    for family in FAMILIES:
        others = (c for c in checkpoints(trial.plan.model, engine, family) if c.format != trial.plan.checkpoint.format)
        if plan := trial.first(engine, others):
            yield trial.fix(
                plan,
                _("weights in {format}", format=plan.checkpoint.format),
                f"--quant {plan.checkpoint.format}",
                pins=True,
            )
            return


def _other_engine(trial: _Trial) -> Iterator[Fix]:
    for name in _engines(trial.machine):
        engine = find_runtime(name)
        found = checkpoints(trial.plan.model, engine, trial.quant)
        if name != trial.plan.runtime and (plan := trial.first(engine, found)):
            flags = f"--runtime {name} --quant {plan.checkpoint.format}"
            what = _("{engine} with {format}", engine=engine.TITLE, format=plan.checkpoint.format)
            yield trial.fix(plan, what, flags, pins=True)
            return


def _smaller_model(catalog: Catalog, trial: _Trial) -> Iterator[Fix]:
    engine, request = find_runtime(trial.plan.runtime), trial.answer.request
    for model in _smaller(catalog, trial.plan.model):
        for checkpoint in checkpoints(model, engine, trial.quant):
            architecture = catalog.architecture(model)
            work, machine, only = trial.plan.work, trial.machine, request.gpu_only
            plan = evaluate(model, architecture, checkpoint, engine, work, machine, only, request.strict)
            if plan and plan.holds(request.strict):
                what = _(
                    "a smaller model: {name} in {format} ({total})",
                    name=model.name,
                    format=checkpoint.format,
                    total=format_bytes(plan.memory.total),
                )
                flags = f"qwenpick fit {model.id} --quant {checkpoint.format}"
                yield replace(trial.fix(plan, what, flags, pins=True), model=model.id)
                return


def _smaller(catalog: Catalog, model: Model) -> list[Model]:
    """The smaller models of the same series and kind, largest first."""
    size = model.parameters.total if model.parameters else 0
    same = (
        m for m in catalog.models.values() if (m.series, m.kind, m.variant) == (model.series, model.kind, model.variant)
    )
    below = [(m.parameters.total, m) for m in same if m.parameters and m.architecture and m.parameters.total < size]
    return [m for _unused, m in sorted(below, key=lambda pair: (-pair[0], pair[1].id))]


def _more_gpus(trial: _Trial) -> Iterator[Fix]:
    """More of the first GPU of the box, as many as it takes up to a node of eight."""
    machine, old = trial.machine, trial.plan
    if not machine.devices or machine.devices[0].unified:
        return
    device = machine.devices[0]
    for count in MORE_GPUS:
        if count <= len(machine.devices):
            continue
        box = replace(machine, devices=(device,) * count)
        for name in dict.fromkeys((old.runtime, *_engines(box))):
            engine = find_runtime(name)
            found = checkpoints(old.model, engine, trial.quant)
            if plan := trial.first(engine, found, machine=box, gpu_only=True):
                what = f"{count} x {device.name} ({engine.TITLE}, {plan.checkpoint.format})"
                yield trial.fix(plan, what, f'--gpu "{count}x {device.gpu or device.name}"', pins=True)
                return
