"""The answer of `fit`: one model on one machine, with the verdict, what was assumed, and what would make it fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.catalog.lookup import closed_weights
from qwenpick.errors import DoesNotFitError, QwenpickError
from qwenpick.fitting.notes import cache_notes, drafts_left_out, ranking_notes, unasked
from qwenpick.i18n import _, retell
from qwenpick.planning.checkpoints import check_quant, checkpoints, download_bytes
from qwenpick.planning.limits import check_context, longest_context
from qwenpick.planning.plan import Plan, fast_enough, judge, plan_ledger
from qwenpick.planning.unread import refuse_unread
from qwenpick.planning.words import size_note
from qwenpick.recommending.choose import Chooser, readable, task_for
from qwenpick.recommending.modalities import check_modalities, unplanned_modalities
from qwenpick.recommending.request import HIGHEST, Request
from qwenpick.recommending.search.space import work_of
from qwenpick.recommending.tasks import serves
from qwenpick.recommending.thinking import thinks_as_asked
from qwenpick.runtimes import RUNTIMES, engines_with, find_runtime
from qwenpick.units import format_bytes, format_gb, format_tokens
from qwenpick.values import dataclass
from qwenpick.work.placement import Placement

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.effort import Effort
    from qwenpick.recommending.rank import Ranked
    from qwenpick.recommending.search.space import Search
    from qwenpick.recommending.tasks import Task


@dataclass(frozen=True, slots=True)
class Answer:
    """The plan that answers the request for a task, the longest context that fits in it, and the ways not taken that were looked at.

    `ranked` is the plan's place with its points; None where no plan holds. `left_out` is why `recommend` would not offer the model.
    """

    request: Request
    task: Task
    plan: Plan
    ranked: Ranked | None
    others: tuple[Plan, ...]
    longest: int | None
    notes: tuple[str, ...]
    left_out: str | None = None

    @property
    def fits(self) -> bool:
        """Whether the exit code is 0."""
        return self.plan.holds(self.request.strict)

    @property
    def quick(self) -> bool:
        """Whether each user gets the tokens/s that were asked for; yes where none were."""
        return fast_enough(self.plan, self.request.min_speed, strict=self.request.strict)

    @property
    def effort(self) -> Effort | None:
        """How long it should think before it answers; None where no plan holds."""
        return self.ranked.effort if self.ranked else None

    @property
    def usable(self) -> bool:
        """Whether it fits and is fast enough for the task."""
        return self.ranked is not None and self.ranked.usable


def fit(catalog: Catalog, machine: Machine, model: Model, request: Request, *, everything: bool = False) -> Answer:
    """The best plan of the model on the machine as asked: the one that `recommend` picks, else the nearest miss.

    With `everything` the answer names all other ways that the request allows. Raises QwenpickError for what cannot be asked,
    HardwareUnreadableError where the hardware that decides could not be read.
    """
    if not model.open_weights or not model.architecture:
        raise QwenpickError(closed_weights(model))
    box = readable(machine)
    if request.quant and request.quant != HIGHEST:
        check_quant(request.quant)
    check_modalities(model, request)
    task = task_for([model], request)
    chooser = Chooser(catalog, [model], task, request)
    search = chooser.search(box)
    context = request.context or work_of(model, search).context
    notes = [reason] if (reason := _left_out(model, task, request)) else []
    if note := check_context(model, context):
        notes.append(note)
    if request.task is None or request.context is None:
        notes.append(
            _(
                "planned for {task}, {context} tokens; --task and --context change that",
                task=task.said,
                context=format_tokens(context),
            )
        )
    if unplanned := unplanned_modalities(model, task, request):
        notes.append(unplanned)
    ranked = chooser.one(box)
    found = chooser.plans(model, search, every_engine=everything) if everything or not ranked else []
    plan = ranked.plan if ranked else _nearest(catalog, model, chooser, search, found)
    if not plan.holds(request.strict) and plan.verdict != "refused":
        refuse_unread(machine, request.gpu_only)
    notes += [
        *filter(None, [size_note(plan)]),
        *unasked(plan, request.kv_cache),
        *cache_notes(plan),
        *ranking_notes(plan),
        *(drafts_left_out(plan, box) if request.options else ()),
        *bandwidth_notes(plan, box),
    ]
    if request.context is None and plan.runtime == "ollama":
        notes += usual_context(plan, box)
    return Answer(
        request,
        task,
        plan,
        ranked,
        tuple(other for other in found if not _same(other, plan)),
        longest_context(plan, box, request.strict, request.gpu_only) if plan.verdict != "refused" else None,
        tuple(notes),
        reason,
    )


def _left_out(model: Model, task: Task, request: Request) -> str | None:
    """Why `recommend` would not offer the model for the request, as a sentence; None where it would."""
    if reason := serves(model, task):
        return reason
    if thinks_as_asked(model, request.thinking):
        return None
    if request.thinking == "yes":
        return _("{name} does not think, which --thinking yes asks for: recommend leaves it out", name=model.name)
    return _("{name} always thinks, which --thinking no rules out: recommend leaves it out", name=model.name)


def as_described(plan: Plan, request: Request) -> Plan:
    """The plan, which does not hold where its engine would give up the start that the options describe.

    Who names an engine's options says how it is started: what they leave open is then the engine's own, not what `launch` would write.
    A release alone is no setting.
    """
    named = plan.holds(request.strict) and set(request.options) - {"version"}
    found = plan_ledger(plan) if named else None
    return replace(plan, verdict="no", refusal=found.refusal) if found and found.refusal else plan


def described(answer: Answer) -> Answer:
    """The answer about the start that the options describe, where `launch` writes none."""
    plan = as_described(answer.plan, answer.request)
    return answer if plan is answer.plan else replace(answer, plan=plan, ranked=None)


def why_none(catalog: Catalog, machine: Machine, models: Iterable[Model], request: Request) -> str | None:
    """Why the engine that was asked for runs none of the models on the machine, in the first one's words; None where only room lacks."""
    reasons = []
    for model in models:
        try:
            plan = fit(catalog, machine, model, request).plan
        except QwenpickError as error:
            reasons.append(str(error))
            continue
        if plan.verdict != "refused":
            return None
        reasons.append(plan.reason)
    return next(iter(reasons), None)


def bandwidth_notes(plan: Plan, box: Machine) -> list[str]:
    """Where the speed of a probed box rests on a bandwidth of RAM that nobody measured there."""
    cpu = box.cpu
    if box.origin != "probe" or plan.mode == "gpu" or not cpu.bandwidth:
        return []
    from qwenpick.machine.probe.bandwidth import MEASURED

    if cpu.bandwidth_from == MEASURED:
        return []
    told = retell(cpu.bandwidth_from) if cpu.bandwidth_from else _("assumed")
    rate = f"{cpu.bandwidth / 1e9:.1f}"
    return [_("RAM bandwidth {rate} GB/s ({source}); qwenpick machine --measure measures it", rate=rate, source=told)]


def usual_context(plan: Plan, box: Machine) -> list[str]:
    """What Ollama holds with the context that it gives a model when nobody says how many tokens, where that is another than planned."""
    from qwenpick.runtimes.ollama import default_context

    tokens = default_context(sum(device.total or 0 for device in box.devices))
    tokens = min(tokens, plan.model.context.native if plan.model.context else tokens)
    if tokens == plan.work.context or plan.verdict == "refused":
        return []
    work = replace(plan.work, context=tokens)
    usual = find_runtime("ollama").memory(plan.model, plan.architecture, plan.checkpoint, work, plan.placement)
    return [
        _(
            "Ollama by itself gives a model {context} tokens of context on such a machine: {size} in all (OLLAMA_CONTEXT_LENGTH, which launch sets)",
            context=format_tokens(tokens),
            size=format_bytes(usual.total),
        )
    ]


def _same(one: Plan, other: Plan) -> bool:
    return replace(one, speed=None) == replace(other, speed=None)


def _nearest(catalog: Catalog, model: Model, chooser: Chooser, search: Search, found: list[Plan]) -> Plan:
    """The plan that is nearest to hold, with its speed; else a refusal, with its reason. Raises QwenpickError where there is neither."""
    # of a model without parameters on record, which has no points
    held = [plan for plan in found if plan.holds(search.strict)]
    if held:
        return chooser.timed(next((plan for plan in held if plan.mode == "gpu"), held[0]), search.machine)
    misses = [plan for plan in found if plan.verdict in {"no", "tight"}]
    if misses:
        return chooser.timed(max(misses, key=lambda plan: plan.headroom), search.machine)
    if found:
        return found[0]
    if search.request.max_disk is not None:
        raise DoesNotFitError(_too_large(catalog, model, chooser.task, search))
    if refused := _unusable(catalog, model, search):
        return refused
    raise QwenpickError(_no_way(model, search))


def _too_large(catalog: Catalog, model: Model, task: Task, search: Search) -> str:
    """That no format which runs there is a download as small as was asked, and the smallest that is."""
    freely = replace(search.request, max_disk=None)
    chooser = Chooser(catalog, [model], task, freely)
    plans = chooser.plans(model, chooser.search(search.machine), every_engine=True)
    sizes = [download_bytes(model, plan.architecture, plan.checkpoint, plan.runtime) for plan in plans]
    if not sizes:
        return _no_way(model, search)
    return _(
        "nothing of {name} that runs there is a download of {most} or less: the smallest is {least}",
        name=model.name,
        most=format_gb(search.request.max_disk or 0),
        least=format_gb(min(sizes)),
    )


def _unusable(catalog: Catalog, model: Model, search: Search) -> Plan | None:
    """Where no engine has a placement on the machine: the refusal of the first that has the format, whose reason names the hardware."""
    request, machine = search.request, search.machine
    if request.gpu_only and not machine.devices:
        return None
    architecture, there = catalog.architecture(model), Placement(machine.devices[:1])
    for name in engines_with(
        (request.runtime,) if request.runtime else request.engines or tuple(RUNTIMES), request.options
    ):
        engine = find_runtime(name)
        for checkpoint in checkpoints(model, engine, search.quant)[:1]:
            plan = judge(model, architecture, checkpoint, engine, search.work, there, machine)
            if plan.verdict == "refused":
                return plan
    return None


def _no_way(model: Model, search: Search) -> str:
    request, machine = search.request, search.machine
    what = _(" in {quant}", quant=request.quant) if request.quant else ""
    where = _("this machine") if machine.origin == "probe" else _("that machine")
    if request.gpu_only and not machine.devices:
        return _("--gpu-only keeps everything on a GPU, and {where} has none", where=where)
    if request.runtime:
        engine = find_runtime(request.runtime)
        if not checkpoints(model, engine, search.quant):
            formats = ", ".join(dict.fromkeys(c.format for c in checkpoints(model, engine)))
            return _(
                "{engine} does not run {name}{what}; it takes {formats}",
                engine=engine.TITLE,
                name=model.name,
                what=what,
                formats=formats or _("no published format of it"),
            )
        return _("{engine} cannot use this machine for {name}{what}", engine=engine.TITLE, name=model.name, what=what)
    return _("no engine can run {name}{what} on {where}", name=model.name, what=what, where=where)
