"""What to change when a plan does not fit: in order of what it costs the person least, each priced in bytes and speed and ready as flags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import Answer, fit
from qwenpick.fitting.trial import Fix, Trial
from qwenpick.i18n import _
from qwenpick.memory.cache import KvCache
from qwenpick.planning.checkpoints import FAMILIES, checkpoints
from qwenpick.planning.limits import most
from qwenpick.planning.plan import Plan, evaluate, timed
from qwenpick.planning.words import where
from qwenpick.recommending.search.cache_format import caches_with_kernels
from qwenpick.recommending.search.space import engine_groups
from qwenpick.runtimes import find_runtime
from qwenpick.runtimes.given import read
from qwenpick.units import GIB, MIB, format_bytes, format_tokens
from qwenpick.work.parallel import NEVER_STAGED

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Machine

MORE_GPUS = (2, 4, 8)
WHOLE_EXPERTS = {"vllm": "enable_expert_parallel", "sglang": "ep_size"}
CUTS = frozenset(
    "tensor_parallel_size pipeline_parallel_size data_parallel_size pp_layer_partition enable_expert_parallel tp_size pp_size dp_size ep_size".split()
)
# About what a stage holds beside layers and their cache: the first trial of how many layers it gets
STAGE_TAKES = 3 * GIB


def fixes(catalog: Catalog, machine: Machine, answer: Answer) -> tuple[Fix, ...]:
    """The changes that make a plan that does not fit fit, one of each kind, cheapest for the person first."""
    if answer.fits:
        return ()
    if answer.plan.verdict == "refused":
        trial = Trial(machine, answer)
        same = (*_other_cache_bytes(trial), *_other_cut(trial))
        return (*(_priced(fix, answer, machine, catalog) for fix in same), *_engine_that_runs(catalog, machine, answer))
    found = dict[str, Fix]()
    for fix in _fixes(catalog, Trial(machine, answer)):
        found.setdefault(fix.what, _priced(fix, answer, machine, catalog))
    return tuple(found.values())


def _engine_that_runs(catalog: Catalog, machine: Machine, answer: Answer) -> Iterator[Fix]:
    """What runs the model where the engine that was asked for, or that alone reads the format, cannot: in that format and cache if possible."""
    asked = answer.request
    freely = replace(asked, runtime=None, options={})
    for request in (freely, replace(freely, quant=None), replace(freely, quant=None, kv_cache=None)):
        try:
            plan = fit(catalog, machine, answer.plan.model, request).plan
        except QwenpickError:
            continue
        if not plan.holds(asked.strict) or plan.runtime == answer.plan.runtime:
            continue
        what = _("{engine} with {format}", engine=find_runtime(plan.runtime).TITLE, format=plan.checkpoint.format)
        without = (
            *(("-o",) if asked.options else ()),
            *(("--kv-cache",) if asked.kv_cache and not request.kv_cache else ()),
        )
        flags = f"--runtime {plan.runtime} --quant {plan.checkpoint.format}"
        yield Fix(what, 0, flags, plan, None, without, pins=True)
        return


def _other_cut(trial: Trial) -> Iterator[Fix]:
    """Experts that lie whole on GPUs where their columns do not divide, or divided ones where whole ones are refused; then the cut of no option."""
    placement, runtime = trial.plan.placement, trial.plan.runtime
    if runtime not in WHOLE_EXPERTS:
        return
    name = WHOLE_EXPERTS[runtime]
    if trial.plan.architecture.is_moe and placement.tensor_parallel * placement.data_parallel > 1:
        whole = not placement.expert_parallel
        value: object = whole if runtime == "vllm" else placement.tensor_parallel if whole else 1
        if plan := trial.with_options({name: value}):
            what = _("experts spread whole over the GPUs") if whole else _("every expert divided over the GPUs")
            yield Fix(what, 0, f"-o {name}={str(value).lower()}", plan, without=trial.dropped(plan))
            return
    if CUTS.intersection(trial.named().values()) and (plan := trial.with_options({}, CUTS)):
        yield Fix(_("the cut that fits best: {where}", where=where(plan)), 0, "", plan, without=trial.dropped(plan))


def _fixes(catalog: Catalog, trial: Trial) -> Iterator[Fix]:
    yield from _as_launched(trial)
    yield from _other_cache_bytes(trial)
    yield from _smaller_cache(trial)
    yield from _smaller_prompt_steps(trial)
    yield from _shorter_context(trial)
    yield from _fewer_sequences(trial)
    yield from _uneven_stages(trial)
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


def _as_launched(trial: Trial) -> Iterator[Fix]:
    """The settings that `launch` writes where the ones that were named are given up."""
    plan, said = trial.plan, trial.answer.request.options
    if not plan.refusal or plan.runtime != "vllm":
        return
    from qwenpick.runtimes.vllm.start import planned, written

    chosen = planned(plan.model, plan.architecture, plan.checkpoint, plan.work, plan.placement)
    added = {name: value for name, value in written(chosen).items() if name not in said}
    if found := trial.with_options(added):
        flags = " ".join(f"-o {name}={value:.9g}" for name, value in added.items())
        yield trial.fix(found, _("the settings that `launch` writes"), flags)


def _other_cache_bytes(trial: Trial) -> Iterator[Fix]:
    """A cache that finds room, or holds what is planned, where it was set by its bytes: whatever the share, nothing else bounds it."""
    if trial.plan.runtime != "vllm":
        return
    from qwenpick.runtimes.vllm.options import Options

    asked = (read(Options, trial.plan.work.options).kv_cache_memory_bytes or 0) // MIB

    def of(mebibytes: int) -> Plan | None:
        return trial.with_options({"kv_cache_memory_bytes": mebibytes * MIB})

    size = most(asked, lambda mebibytes: of(mebibytes) is not None)
    if not size and (larger := next((asked << n for n in range(1, 12) if asked and of(asked << n)), None)):
        size = larger - most(larger - asked, lambda less: of(larger - less) is not None)
    if size and (plan := of(size)):
        what, flags = _("a cache of {size}", size=format_bytes(size * MIB)), f"-o kv_cache_memory_bytes={size * MIB}"
        yield Fix(what, 0, flags, plan) if trial.plan.refusal else trial.fix(plan, what, flags)


def _smaller_cache(trial: Trial) -> Iterator[Fix]:
    missed = trial.plan
    if missed.work.kv_cache != KvCache():
        return
    for cache in caches_with_kernels(missed.runtime, missed.model, missed.architecture, trial.machine.devices):
        if plan := trial.with_work(replace(missed.work, kv_cache=cache)):
            yield trial.fix(plan, _("KV cache in {eight}", eight=cache), f"--kv-cache {cache}")
            return


def _smaller_prompt_steps(trial: Trial) -> Iterator[Fix]:
    """Fewer prompt tokens at once in MLX, whose scores and activations grow with them; reading takes a little longer."""
    if trial.plan.runtime != "mlx" or "prefill_step_size" in trial.plan.work.options:
        return
    for step in (1024, 512, 256):
        if plan := trial.with_options({"prefill_step_size": step}):
            yield trial.fix(plan, _("prompts in steps of {step} tokens", step=step), f"-o prefill_step_size={step}")
            return


def _shorter_context(trial: Trial) -> Iterator[Fix]:
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


def _fewer_sequences(trial: Trial) -> Iterator[Fix]:
    def fewer(sequences: int) -> Plan | None:
        return trial.with_work(replace(trial.plan.work, sequences=sequences))

    sequences = most(trial.plan.work.sequences, lambda count: fewer(count) is not None)
    if plan := fewer(sequences) if sequences else None:
        yield trial.fix(
            plan,
            _("{count} sequences at once", count=sequences) if sequences > 1 else _("1 sequence at once"),
            f"--users {sequences}",
        )


def _uneven_stages(trial: Trial) -> Iterator[Fix]:
    """A stage of layers for each of vLLM's unlike cards, as many as its memory holds, where an even cut is too much for the smallest."""
    plan, devices = trial.plan, trial.machine.devices
    alike = len({device.name for device in devices}) < 2 or len({device.vendor for device in devices}) > 1
    if plan.runtime != "vllm" or alike or plan.architecture.model_type in NEVER_STAGED:
        return
    if CUTS.intersection(trial.named().values()):
        return
    layers = plan.architecture.num_layers
    rooms = [max(0, (device.free or device.total or 0) - STAGE_TAKES) for device in devices]
    shares = [layers * room / (sum(rooms) or 1) for room in rooms]
    for moved in (0, 1, -1, 2, -2, 3, -3):  # the first stage holds the embeddings too, the last one the head
        counts = [max(1, round(share)) for share in shares[1:]]
        counts = [layers - sum(counts) - moved, counts[0] + moved, *counts[1:]]
        options = {"pipeline_parallel_size": len(counts), "pp_layer_partition": ",".join(map(str, counts))}
        if min(counts) > 0 and (found := trial.with_options(options)):
            flags = " ".join(f"-o {name}={value}" for name, value in options.items())
            yield trial.fix(
                found, _("layers by the memory of each card: {counts}", counts=options["pp_layer_partition"]), flags
            )
            return


def _offload(trial: Trial) -> Iterator[Fix]:
    if trial.answer.request.gpu_only and (plan := trial.with_work(trial.plan.work, gpu_only=False)):
        experts = plan.mode == "gpu+experts-in-ram"
        what = _("experts in RAM (slower)") if experts else _("layers in RAM (slower)")
        yield replace(trial.fix(plan, what, _("without --gpu-only")), without=("--gpu-only",))


def _lower_precision(trial: Trial) -> Iterator[Fix]:
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


def _other_engine(trial: Trial) -> Iterator[Fix]:
    for name in _engines(trial.machine):
        engine = find_runtime(name)
        found = checkpoints(trial.plan.model, engine, trial.quant)
        if name != trial.plan.runtime and (plan := trial.first(engine, found)):
            flags = f"--runtime {name} --quant {plan.checkpoint.format}"
            what = _("{engine} with {format}", engine=engine.TITLE, format=plan.checkpoint.format)
            yield trial.fix(plan, what, flags, pins=True)
            return


def _smaller_model(catalog: Catalog, trial: Trial) -> Iterator[Fix]:
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


def _more_gpus(trial: Trial) -> Iterator[Fix]:
    """More of the first GPU of the box, as many as it takes up to a node of eight."""
    machine, old = trial.machine, trial.plan
    # of a GPU that is parted a process has one instance
    if not machine.devices or machine.devices[0].unified or machine.devices[0].kind == "mig":
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
