"""`qwenpick launch MODEL`: the commands that start a model as planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.again import asked_of_fit
from qwenpick.cli.common.box import PROBED, Box
from qwenpick.cli.common.clusters import COPIED, Replicated
from qwenpick.cli.common.groups import spread
from qwenpick.cli.common.training import SERVED, TrainingRequest, Tuning, serving_only, trains_in
from qwenpick.cli.manifests import PLAIN, Manifest, print_manifest
from qwenpick.errors import DoesNotFitError, QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.fitting.answer import Answer
    from qwenpick.machine.hardware import Machine
    from qwenpick.readers import Resolved
    from qwenpick.recommending.request import Request


@dataclass(frozen=True, slots=True)
class Start:
    """The options that say as what the commands are written, or that they are run."""

    docker: Annotated[bool, typer.Option("--docker", help="As `docker run` (vLLM and SGLang).")] = False
    compose: Annotated[bool, typer.Option("--compose", help="As a docker compose file (vLLM and SGLang).")] = False
    systemd: Annotated[bool, typer.Option("--systemd", help="As a systemd unit that starts it at boot.")] = False
    execute: Annotated[
        bool, typer.Option("--exec", envvar="QWENPICK_LAUNCH_EXEC", help="Run it instead of printing it.")
    ] = False
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="With --exec: compare what the server says about its memory with the plan, and go on."
        ),
    ] = False
    once: Annotated[
        bool, typer.Option("--once", help="With --verify: stop after comparing; exit code 1 if the plan was off.")
    ] = False
    force: Annotated[bool, typer.Option("--force", help="Print it even if it does not fit.")] = False
    hub: Annotated[
        str | None,
        typer.Option(
            "--from",
            envvar="QWENPICK_LAUNCH_FROM",
            metavar="HUB",
            help="Where weights are fetched from: huggingface, or modelscope (what --lang zh takes).",
            autocompletion=completion.hubs,
        ),
    ] = None

    def formed(self) -> bool:
        """Whether they are written in another form than plain commands, or run."""
        return self.docker or self.compose or self.systemd or self.execute

    def source(self) -> str:
        """The hub that weights are fetched from. Raises QwenpickError for options that exclude each other."""
        from qwenpick.launch.hub import read_hub

        if (self.verify and not self.execute) or (self.once and not self.verify):
            raise QwenpickError(_("--once goes with --verify, and --verify with --exec"))
        if self.systemd and (self.docker or self.compose or self.execute):
            raise QwenpickError(_("one form at a time: --docker, --compose, --systemd or --exec"))
        return read_hub(self.hub)


PRINTED = Start()


@spread
def command(
    ctx: typer.Context,
    model: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]",
            help="A name, tag or repository, or a path to a .gguf file, config.json or directory; the first pick of `recommend` where there is none.",
            autocompletion=completion.model_names,
        ),
    ] = None,
    run: parsed.FullRunOptions = parsed.ALL_AS_USUAL,
    min_context: Annotated[
        str | None, typer.Option(metavar="TOKENS", help="Without MODEL: context that the first pick must hold here.")
    ] = None,
    start: Start = PRINTED,
    online: given.Online = False,
    form: Manifest = PLAIN,
    hardware: Box = PROBED,
    clustered: Replicated = COPIED,
    catalog: given.Catalogs = None,
    json: given.Json = False,
    training: Tuning = SERVED,
) -> None:
    """The command line that starts a model exactly as planned. Exit code 1 and no commands if it does not fit."""
    from dataclasses import replace

    from qwenpick.readers import resolve

    tuning, source, force = training.read(), start.source(), start.force
    if tuning and start.formed():
        raise QwenpickError(
            _("a run that trains is printed as a script alone; leave out --docker, --compose, --systemd and --exec")
        )
    facts = parsed.read_catalog(catalog)
    if model and "+" in model:
        from qwenpick.cli.together import launch_together

        if tuning or start.formed() or form.form(None) or clustered.cluster or clustered.replicas:
            raise QwenpickError(
                _("several models are launched by plain commands on one machine; leave out the other forms")
            )
        raise typer.Exit(launch_together(model, run, facts, hardware, online, source, force, json))
    if model and min_context:
        raise QwenpickError(_("--min-context chooses among models: with a model use --context"))
    asked, nodes = run.request(hardware), clustered.fleet(facts, hardware)
    box = None
    if model:
        said = given.one_name(model)
    elif nodes:
        raise QwenpickError(_("name the model that is to run in the cluster; qwenpick recommend --cluster says which"))
    else:
        asked = replace(asked, task=asked.task or "chat", min_context=parsed.read_context(min_context))
        box = hardware.read(facts)
        said, context = _first(facts, box, asked)
        asked = replace(asked, context=context if min_context else asked.context)
    found = resolve(said, facts, run.quant, online=online, runtime=run.runtime)
    _has_weights(found, said, force)
    shape = form.form(nodes)
    request = replace(asked, quant=found.quant, runtime=run.runtime or found.runtime)
    if shape:
        if tuning or start.formed():
            raise QwenpickError(
                _(
                    "a manifest is for serving on a cluster; leave out --train, --docker, --compose, --systemd and --exec"
                )
            )
        manifest = replace(request, runtime=request.runtime or ("vllm" if shape == "ray" else None))
        where = nodes or hardware.read(facts)
        raise typer.Exit(
            print_manifest(
                found, manifest, where, shape, clustered, form.write, force, json, asked_of_fit(ctx, said), source
            )
        )
    if clustered.replicas:
        raise QwenpickError(_("--replicas goes with --kubernetes, --slurm or --ray"))
    box = box or hardware.read(facts)
    if tuning:
        serving_only(**run.served())
        trains_in(run.quant, tuning)
        stored = None if found.notes and found.path is None else found.quant
        raise typer.Exit(
            _train(found.catalog, box, found.model, tuning, stored, force, json, source, asked_of_fit(ctx, said))
        )
    raise typer.Exit(_serve(found, box, request, start, hardware, asked_of_fit(ctx, said), json))


def _has_weights(found: Resolved, said: str, force: bool) -> None:
    """QwenpickError where a path was named that holds a config and no weights."""
    from qwenpick.readers import is_path

    if found.path is None and is_path(said.strip()) and not force:
        raise QwenpickError(
            _(
                "there are no weights at {path}, only a config: launch needs them, or a name (--force prints the commands anyway)",
                path=said,
            )
        )


def _serve(found: Resolved, box: Machine, request: Request, start: Start, hardware: Box, again: str, json: bool) -> int:
    """Print how to serve the model, or do it; the exit code. Raises DoesNotFitError, which names what was asked `again`."""
    from qwenpick.fitting.answer import fit
    from qwenpick.launch import script
    from qwenpick.launch.answer import of_answer

    answer = fit(found.catalog, box, found.model, request)
    if not start.force:
        _refuse(answer, again)
    forms = {"docker": start.docker, "compose": start.compose, "systemd": start.systemd}
    planned = of_answer(answer, box, found.path, start.source(), found.notes, **forms)
    if start.execute and planned.others:
        raise QwenpickError(
            _("it lies on several machines, and --exec starts one: leave it out, or write --slurm or --kubernetes")
        )
    if start.execute:
        from qwenpick.launch.execute import execute as carry_out
        from qwenpick.launch.execute import own_directory

        serve = None
        if start.verify:
            from qwenpick.cli.watching import runner

            serve = runner(answer.plan, planned, once=start.once)
        typer.echo(script(planned, box.system), err=True)
        return carry_out(planned, own_directory(answer.plan.model.id), serve=serve)
    if json:
        from qwenpick.render.forms.envelope import print_json
        from qwenpick.render.launch import launch_values

        here = hardware.here()(answer.plan)
        print_json("launch", launch_values(answer.plan, planned, answer.fits, answer.effort, answer, here, box))
    else:
        typer.echo(script(planned, box.system), nl=False)
    return 0 if answer.fits else 1


def _refuse(answer: Answer, again: str) -> None:
    """DoesNotFitError where the plan does not hold, or is slower than was asked."""
    from qwenpick.planning.words import rate

    plan = answer.plan
    if not answer.fits:
        raise DoesNotFitError(
            _(
                "{reason}; {command} says what would make it fit (--force prints the commands anyway)",
                reason=plan.reason,
                command=again,
            )
        )
    if not answer.quick:
        raise DoesNotFitError(
            _(
                "{name} fits, but gives each user {speed} tokens/s where {wanted:g} were asked for (--force prints the commands anyway)",
                name=plan.model.name,
                speed=rate(plan.speed.each.low, plan.speed.each.high) if plan.speed else _("an unknown number of"),
                wanted=answer.request.min_speed,
            )
        )


def _first(facts: Catalog, box: Machine, request: Request) -> tuple[str, int]:
    """The model that `recommend` puts first, and the context that it plans. Raises DoesNotFitError where nothing fits."""
    from qwenpick.recommending.answer import Recommender

    recommender = Recommender(facts, request)
    places = recommender.rank(box, 1)
    if not places:
        raise DoesNotFitError(_("nothing fits; qwenpick recommend says what was left out, and why"))
    return places[0].plan.model.id, recommender.context


def _train(
    facts: Catalog,
    box: Machine,
    model: Model,
    wanted: TrainingRequest,
    quant: str | None,
    force: bool,
    json: bool,
    hub: str,
    again: str,
) -> int:
    """Print how to start the fine-tuning run with its trainer; the exit code. `again` asks `fit` about it."""
    from dataclasses import replace

    from qwenpick.launch import script
    from qwenpick.launch.training import as_script, launch
    from qwenpick.training.answer import tune
    from qwenpick.training.checks import can_grow

    if wanted.every_method:
        raise QwenpickError(_("launch takes one method: --train full, lora or qlora"))
    wanted = wanted.of(model)
    growing = wanted.training.segments or can_grow(wanted.training)  # every start that shares GPUs sets it
    tuned = tune(facts, box, model, replace(wanted.training, segments=growing), quant)
    if not tuned.holds() and not force:
        raise DoesNotFitError(
            _(
                "{reason}; {command} says what would make it fit (--force prints the commands anyway)",
                reason=tuned.reason,
                command=again,
            )
        )
    planned = as_script(
        launch(model, tuned.architecture, tuned.training, tuned.checkpoint, hub), tuned.training.trainer
    )
    if json:
        from qwenpick.render.forms.envelope import print_json
        from qwenpick.render.launch import training_launch_values

        print_json("launch", training_launch_values(tuned, planned))
    else:
        typer.echo(script(planned, box.system), nl=False)
    return 0 if tuned.holds() else 1
