"""`qwenpick launch MODEL`: the commands that start a model as planned."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import PROBED, Box
from qwenpick.cli.common.clusters import COPIED, Replicated
from qwenpick.cli.common.groups import spread
from qwenpick.cli.common.training import SERVED, Tuning, Wanted, serving_only
from qwenpick.cli.manifests import PLAIN, Manifest, print_manifest
from qwenpick.errors import DoesNotFitError, QwenpickError
from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.request import Request


@spread
def command(
    model: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]",
            help="A name, tag or repository, or a path to a .gguf file, config.json or directory; the first pick of `recommend` where there is none.",
            autocompletion=completion.model_names,
        ),
    ] = None,
    run: parsed.FullRun = parsed.ALL_AS_USUAL,
    docker: Annotated[bool, typer.Option("--docker", help="As `docker run` (vLLM and SGLang).")] = False,
    compose: Annotated[bool, typer.Option("--compose", help="As a docker compose file (vLLM and SGLang).")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="As a systemd unit that starts it at boot.")] = False,
    execute: Annotated[
        bool, typer.Option("--exec", envvar="QWENPICK_LAUNCH_EXEC", help="Run it instead of printing it.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="With --exec: compare what the server says about its memory with the plan, and go on."
        ),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="With --verify: stop after comparing; exit code 1 if the plan was off.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Print it even if it does not fit.")] = False,
    hub: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="HUB",
            help="Where weights are fetched from: huggingface, or modelscope (what --lang zh takes).",
            autocompletion=completion.hubs,
        ),
    ] = None,
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

    from qwenpick.fitting.answer import fit
    from qwenpick.launch import script
    from qwenpick.launch.answer import of_answer
    from qwenpick.launch.hub import read_hub
    from qwenpick.planning.words import rate
    from qwenpick.readers import is_path, wanted

    if (verify and not execute) or (once and not verify):
        raise QwenpickError(_("--once goes with --verify, and --verify with --exec"))
    if systemd and (docker or compose or execute):
        raise QwenpickError(_("one form at a time: --docker, --compose, --systemd or --exec"))
    tuning, source = training.read(), read_hub(hub)
    facts = parsed.read_catalog(catalog)
    if model and "+" in model:
        from qwenpick.cli.together import launch_together

        if (
            tuning
            or docker
            or compose
            or systemd
            or execute
            or form.form(None)
            or clustered.cluster
            or clustered.replicas
        ):
            raise QwenpickError(
                _("several models are launched by plain commands on one machine; leave out the other forms")
            )
        raise typer.Exit(launch_together(model, run, facts, hardware, online, source, force, json))
    asked, nodes = run.request(hardware), clustered.fleet(facts, hardware)
    box = None
    if model:
        said = given.one_name(model)
    elif nodes:
        raise QwenpickError(_("name the model that is to run in the cluster; qwenpick recommend --cluster says which"))
    else:
        asked = replace(asked, task=asked.task or "chat")
        box = hardware.read(facts)
        said = _first(facts, box, asked)
    found = wanted(said, facts, run.quant, online=online, runtime=run.runtime)
    if found.path is None and is_path(said.strip()) and not force:
        raise QwenpickError(
            _(
                "there are no weights at {path}, only a config: launch needs them, or a name (--force prints the commands anyway)",
                path=said,
            )
        )
    shape = form.form(nodes)
    if shape:
        if tuning or docker or compose or systemd or execute:
            raise QwenpickError(
                _(
                    "a manifest is for serving on a cluster; leave out --train, --docker, --compose, --systemd and --exec"
                )
            )
        manifest = replace(
            asked,
            quant=found.quant,
            runtime=run.runtime or found.runtime or ("vllm" if shape == "ray" else None),
        )
        raise typer.Exit(
            print_manifest(
                found, manifest, nodes or hardware.read(facts), shape, clustered, form.write, force, json, source
            )
        )
    if clustered.replicas:
        raise QwenpickError(_("--replicas goes with --kubernetes, --slurm or --ray"))
    box = box or hardware.read(facts)
    if tuning:
        serving_only(**run.served())
        raise typer.Exit(
            _train(
                found.catalog,
                box,
                found.model,
                tuning,
                None if found.notes and found.path is None else found.quant,
                force,
                json,
                source,
            )
        )
    request = replace(asked, quant=found.quant, runtime=run.runtime or found.runtime)
    answer = fit(found.catalog, box, found.model, request)
    if not answer.fits and not force:
        raise DoesNotFitError(
            _(
                "{reason}; qwenpick fit {model} says what would make it fit (--force prints the commands anyway)",
                reason=answer.plan.reason,
                model=shlex.join([said, *run.words(), *hardware.words()]),
            )
        )
    plan = answer.plan
    if not answer.quick and not force:
        raise DoesNotFitError(
            _(
                "{name} fits, but gives each user {speed} tokens/s where {wanted:g} were asked for (--force prints the commands anyway)",
                name=plan.model.name,
                speed=rate(plan.speed.each.low, plan.speed.each.high) if plan.speed else _("an unknown number of"),
                wanted=asked.min_speed,
            )
        )
    planned = of_answer(answer, box, found.path, source, found.notes, docker=docker, compose=compose, systemd=systemd)
    if execute:
        from qwenpick.launch.execute import execute as carry_out
        from qwenpick.launch.execute import own_directory

        serve = None
        if verify:
            from qwenpick.cli.watching import runner

            serve = runner(plan, planned, once=once)
        typer.echo(script(planned, box.system), err=True)
        raise typer.Exit(carry_out(planned, own_directory(plan.model.id), serve=serve))
    if json:
        from qwenpick.render.forms.envelope import print_json
        from qwenpick.render.launch import launch_values

        print_json("launch", launch_values(plan, planned, answer.fits, answer, hardware.here()(plan), box))
    else:
        typer.echo(script(planned, box.system), nl=False)
    raise typer.Exit(0 if answer.fits else 1)


def _first(facts: Catalog, box: Machine, request: Request) -> str:
    """The model that `recommend` puts first. Raises DoesNotFitError where nothing fits."""
    from qwenpick.recommending.answer import Recommender

    places = Recommender(facts, request).rank(box, 1)
    if not places:
        raise DoesNotFitError(_("nothing fits; qwenpick recommend says what was left out, and why"))
    return places[0].plan.model.id


def _train(
    facts: Catalog, box: Machine, model: Model, wanted: Wanted, quant: str | None, force: bool, json: bool, hub: str
) -> int:
    """Print how to start the fine-tuning run with its trainer; the exit code."""
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
                "{reason}; qwenpick fit {id} --train {method} says what would make it fit (--force prints the commands anyway)",
                reason=tuned.reason,
                id=model.id,
                method=wanted.training.method,
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
        typer.echo(script(planned), nl=False)
    return 0 if tuned.holds() else 1
