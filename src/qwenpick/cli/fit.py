"""`qwenpick fit MODEL`: the exit code is the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import options as given
from qwenpick.cli.common import parsed
from qwenpick.cli.common.again import asked_of_plan, of_fix, of_run, typed_again
from qwenpick.cli.common.box import FIELDS, PROBED, Box
from qwenpick.cli.common.clusters import COPIED, Replicated
from qwenpick.cli.common.groups import spread
from qwenpick.cli.common.measuring import measured_once
from qwenpick.cli.common.training import SERVED, TrainingRequest, Tuning, serving_only, trains_in
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _, command_line
from qwenpick.units import format_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from qwenpick.catalog import Catalog, Model
    from qwenpick.fitting.answer import Answer
    from qwenpick.fleet.kinds import Fleet
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.request import Request
    from qwenpick.training.fixes import TuningFix
    from qwenpick.training.reach import Reach


@spread
def command(
    ctx: typer.Context,
    model: given.ModelName,
    run: parsed.FullRunOptions = parsed.ALL_AS_USUAL,
    explain: Annotated[bool, typer.Option("--explain", help="Show every part with its formula.")] = False,
    online: given.Online = False,
    use_corrections: Annotated[
        bool, typer.Option("--use-corrections", help="Multiply by what `verify` learned about this engine and GPU.")
    ] = False,
    all: Annotated[bool, typer.Option("--all", help="Show every format and engine, not only the answer.")] = False,
    hardware: Box = PROBED,
    clustered: Replicated = COPIED,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
    training: Tuning = SERVED,
) -> None:
    """Will this model run here, and if not, what would make it? Exit code 0 fits, 1 does not, 2 bad request, 3 hardware unreadable."""
    from dataclasses import replace

    from qwenpick.fitting.answer import described, fit
    from qwenpick.fitting.fixes import fixes
    from qwenpick.fitting.users import users_of
    from qwenpick.readers import resolve
    from qwenpick.render.fit import fit_report, fit_values
    from qwenpick.render.forms.output import emit

    tuning = training.read()
    if "+" in model and clustered.cluster:
        raise typer.Exit(_packed(model, run, parsed.read_catalog(catalog), clustered, hardware, online, output.shown()))
    if "+" in model:
        from qwenpick.cli.together import fit_together

        if tuning or all or use_corrections or explain:
            raise QwenpickError(
                _(
                    "several models are planned for serving only; leave out --train, --all, --explain and --use-corrections"
                )
            )
        clustered.refuse()
        raise typer.Exit(fit_together(model, run, parsed.read_catalog(catalog), hardware, online, output.shown()))
    found = resolve(given.one_name(model), parsed.read_catalog(catalog), run.quant, online=online, runtime=run.runtime)
    facts, engine = found.catalog, run.runtime or found.runtime
    if nodes := clustered.fleet(facts, hardware):
        if tuning or all or use_corrections or explain:
            raise QwenpickError(
                _(
                    "--cluster asks where a model can be served; leave out --train, --all, --explain and --use-corrections"
                )
            )
        raise typer.Exit(
            _cluster(
                facts,
                nodes,
                found.model,
                replace(run.request(hardware), quant=found.quant, runtime=engine),
                clustered,
                output.shown(),
            )
        )
    clustered.refuse()
    box = hardware.read(facts)
    if tuning:
        serving_only(**run.served(), all=all, use_corrections=use_corrections)
        trains_in(run.quant, tuning)
        stored = None if found.notes and found.path is None else found.quant
        said = typed_again(ctx, {"model", "explain", "json", "format", *FIELDS})
        start = command_line(["launch", given.one_name(model), *said, *hardware.words()]) + hardware.aside()
        raise typer.Exit(
            _train(ctx, facts, box, found.model, tuning, stored, run.strict, explain, output.shown(), start)
        )
    request = replace(run.request(hardware), quant=found.quant, runtime=engine)
    answer = fit(facts, box, found.model, request, everything=all)
    if measured := measured_once(box, hardware, answer.plan, output.shown()):
        box = measured
        answer = fit(facts, box, found.model, request, everything=all)
    answer = replace(described(answer), notes=(*answer.notes, *found.notes))
    if use_corrections:
        answer = _corrected(answer, box)
    changes, users = fixes(facts, box, answer), users_of(answer, box)
    commands, start = tuple(of_fix(ctx, one, box) for one in changes), _start(model, run, hardware, online, catalog)
    emit(
        "fit",
        output.shown(),
        fit_report(answer, box, changes, explain, all, start, users, commands),
        fit_values(answer, box, changes, hardware.here()(answer.plan), users, commands, start),
    )
    raise typer.Exit(0 if answer.fits and answer.quick else 1)


def _start(
    model: list[str], run: parsed.FullRunOptions, hardware: Box, online: bool, catalogs: list[Path] | None
) -> str:
    """The command that starts what was planned."""
    words = [given.one_name(model), *run.words(), *hardware.words(), *(["--online"] if online else [])]
    words += [word for path in catalogs or () for word in ("--catalog", str(path))]
    return command_line(["launch", *words]) + hardware.aside()


def _cluster(facts: Catalog, nodes: Fleet, model: Model, request: Request, clustered: Replicated, format: str) -> int:
    """Print where in the cluster the model runs; the exit code."""
    from qwenpick.fleet.copies import plan_deployment
    from qwenpick.render.fleet import fleet_fit_report, fleet_fit_values
    from qwenpick.render.forms.output import emit

    answer = plan_deployment(facts, nodes, model, request, clustered.replicas, clustered.link)
    emit("fit", format, fleet_fit_report(answer), fleet_fit_values(answer))
    return answer.exit_code


def _packed(
    words: list[str],
    run: parsed.FullRunOptions,
    facts: Catalog,
    clustered: Replicated,
    box: Box,
    online: bool,
    format: str,
) -> int:
    """Print where in the cluster each of several models lies; the exit code."""
    from dataclasses import replace

    from qwenpick.fleet.pack import Workload, pack
    from qwenpick.fleet.words import several
    from qwenpick.readers import resolve
    from qwenpick.render.fleet_sets import packed_report, packed_values
    from qwenpick.render.forms.output import emit

    parts = []
    for asked in several(words):
        found = resolve(asked.name, facts, asked.quant or run.quant, online=online, runtime=run.runtime)
        usual = run.request(box)
        users = asked.users or usual.users
        engine = run.runtime or found.runtime
        request = replace(usual, quant=found.quant, runtime=engine, context=asked.context or usual.context, users=users)
        parts.append((found.catalog, Workload(found.model, request, clustered.replicas or 1)))
    nodes = clustered.fleet(facts, box)
    if nodes is None:
        raise QwenpickError(_("name a cluster: --cluster k8s, slurm, ray, ray=ADDRESS, a file, or -"))
    models = tuple(part for _facts, part in parts)
    packing = pack(facts, nodes, models)
    emit("fit", format, packed_report(nodes, models, packing), packed_values(nodes, models, packing))
    return 0 if packing.fits else 1


def _corrected(answer: Answer, box: Machine) -> Answer:
    """The answer with the local corrections of its engine and device, and a note that says so."""
    from dataclasses import replace

    from qwenpick.planning.plan import with_memory
    from qwenpick.verify.corrections import corrected, load, store_path

    plan = answer.plan
    device = plan.placement.devices[0].name if plan.placement.devices else "CPU"
    needed = corrected(plan.memory, load(store_path()), plan.runtime, device)
    if needed == plan.memory:
        return replace(
            answer,
            notes=(
                *answer.notes,
                _(
                    "nothing has been learned about {runtime} on {device} yet: qwenpick verify --log FILE",
                    runtime=plan.runtime,
                    device=device,
                ),
            ),
        )
    note = _(
        "corrected by what `verify` learned about {runtime} on {device} (the estimate was {total})",
        runtime=plan.runtime,
        device=device,
        total=format_bytes(plan.memory.total),
    )
    return replace(answer, plan=with_memory(plan, needed, box), notes=(*answer.notes, note))


def _train(
    ctx: typer.Context,
    facts: Catalog,
    box: Machine,
    model: Model,
    wanted: TrainingRequest,
    quant: str | None,
    strict: bool,
    explain: bool,
    format: str,
    start: str,
) -> int:
    """Print whether the run, or each method of it, holds, and the command that starts it; the exit code."""
    from dataclasses import replace

    from qwenpick.launch.training import refused
    from qwenpick.render.forms.output import emit
    from qwenpick.render.forms.report import Line
    from qwenpick.render.tuning import methods_report, tuning_report
    from qwenpick.render.tuning_values import tuning_values
    from qwenpick.training.answer import methods, tune
    from qwenpick.training.fixes import tuning_fixes
    from qwenpick.training.reach import reach

    wanted = wanted.of(model)
    changes: tuple[TuningFix, ...] = ()
    commands: tuple[str, ...] = ()
    reached: tuple[Reach, ...] = ()
    average = begins = None
    if wanted.every_method:
        found = list(methods(facts, box, model, wanted.training, strict))
        report = methods_report(model.name, found, box, wanted.dataset_tokens)
    else:
        run = tune(facts, box, model, wanted.training, quant, strict)
        found = [run]
        changes = () if run.holds(strict) else tuning_fixes(facts, box, run, strict)
        commands = tuple(of_run(ctx, run.training, one.tuned.training) for one in changes)
        length = wanted.training.average_seq
        if length and not wanted.training.packing and length < wanted.training.seq:
            average = tune(facts, box, model, replace(wanted.training, seq=length), quant, strict)
        reached = reach(box, run, strict)
        report = tuning_report(
            run, box, wanted.dataset_tokens, explain, changes, average, reached, commands, asked_of_plan(ctx)
        )
        if run.holds(strict):
            reason = refused(run.training)
            begins = None if reason else start
            report = (*report, Line(reason, "dim") if reason else Line(_("start it: {command}", command=start), "good"))
    values = tuning_values(found, box, wanted.dataset_tokens, strict, changes, reached, average, commands, begins)
    emit("fit", format, report, values)
    return values["exit_code"]
