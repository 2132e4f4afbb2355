"""`qwenpick launch MODEL --kubernetes | --slurm | --ray`: the plan as what a cluster's own software reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.bounded import reason
from qwenpick.errors import DoesNotFitError, QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.cli.common.clusters import Replicated
    from qwenpick.fleet.copies import Deployment
    from qwenpick.fleet.kinds import Fleet
    from qwenpick.fleet.rooms import Room
    from qwenpick.launch import Launch
    from qwenpick.launch.run import Run
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.readers import Resolved
    from qwenpick.recommending.request import Request

FORMS = ("kubernetes", "slurm", "ray")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The options that say in which form a plan is written."""

    kubernetes: Annotated[
        bool, typer.Option("--kubernetes", help="As Kubernetes objects (vLLM, SGLang, llama.cpp).")
    ] = False
    slurm: Annotated[bool, typer.Option("--slurm", help="As a batch script for Slurm.")] = False
    ray: Annotated[bool, typer.Option("--ray", help="As a config of Ray Serve LLM (vLLM).")] = False
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Write the files to this directory instead of stdout.")
    ] = None

    def form(self, fleet: Fleet | None) -> str | None:
        """kubernetes, slurm or ray: as asked, else what the cluster is; None where neither says. Raises QwenpickError for two of them."""
        asked = [name for name in FORMS if getattr(self, name)]
        if len(asked) > 1:
            raise QwenpickError(_("one form at a time: --kubernetes, --slurm or --ray"))
        if not asked and fleet and fleet.source not in FORMS:
            raise QwenpickError(_("choose a form: --kubernetes, --slurm or --ray"))
        found = asked[0] if asked else fleet.source if fleet else None
        if self.write and found is None:
            raise QwenpickError(_("--write goes with --kubernetes, --slurm or --ray"))
        return found


PLAIN = Manifest()


def manifest(
    form: str, run: Run, planned: Launch, plan: Plan, room: Room | None, replicas: int, nodes: int = 1
) -> Launch:
    """The plan in the form, for the kind of node that has room for it; for any node where no cluster was read."""
    from importlib import import_module

    from qwenpick.launch.target import target

    where = target(plan, room.kind if room else None, replicas, room.nodes if room else nodes)
    written: Launch = import_module(f"qwenpick.launch.{form}").launch(run, planned, where)
    return written


def chosen(answer: Deployment) -> Room:
    """The kind of node that all copies go to. Raises QwenpickError where none holds all, or none is as fast as was asked."""
    if room := answer.chosen:
        return room
    if not any(room.ways and room.quick for room in answer.rooms):
        raise DoesNotFitError(
            _("{name} has room in the cluster, but is slower there than --min-speed asks", name=answer.model.name)
        )
    raise QwenpickError(
        _(
            "one manifest starts copies on one kind of node, and none has room for more than {most}: ask for fewer --replicas",
            most=max(room.alike for room in answer.rooms if room.quick),
        )
    )


def printed(form: str, planned: Launch, write: Path | None) -> None:
    """One document on stdout, or the files in a directory."""
    from importlib import import_module

    if write is None:
        text = (
            import_module("qwenpick.launch.kubernetes").document(planned)
            if form == "kubernetes"
            else "".join(planned.files.values())
        )
        typer.echo(text, nl=False)
        return
    from qwenpick.storage import write_file

    try:
        write.mkdir(parents=True, exist_ok=True)
        for name, text in planned.files.items():
            write_file(write / name, text)
            typer.echo(str(write / name))
    except OSError as problem:
        raise QwenpickError(_("cannot write {path}: {problem}", path=write, problem=reason(problem))) from None
    for note in planned.notes:
        typer.echo(_("note: {note}", note=note), err=True)


def print_manifest(
    found: Resolved,
    request: Request,
    where: Fleet | Machine,
    shape: str,
    clustered: Replicated,
    write: Path | None,
    force: bool,
    json: bool,
    again: str,
    hub: str = "huggingface",
) -> int:
    """Print the plan as what a cluster's software reads; the exit code. `again` asks `fit` about it."""
    from qwenpick.fitting.answer import fit
    from qwenpick.fleet.copies import plan_deployment
    from qwenpick.fleet.kinds import Fleet
    from qwenpick.launch import launch, run_of
    from qwenpick.launch.thinking import is_quiet, with_thinking
    from qwenpick.machine.nodes import per_node

    nodes, copies, single = 1, clustered.replicas or 1, None
    if isinstance(where, Fleet):
        answer = plan_deployment(found.catalog, where, found.model, request, clustered.replicas, clustered.link)
        if not answer.fits:
            raise DoesNotFitError(
                _(
                    "there is room for {found} copies of {name} in the cluster; {command} says where",
                    found=answer.copies,
                    name=found.model.name,
                    command=again,
                )
            )
        room, copies = chosen(answer), answer.wanted
        plan, fits = room.ways[0].plan, True
    else:
        single = fit(found.catalog, where, found.model, request)
        room, plan, fits = None, single.plan, single.fits
        nodes = max(1, -(-len(plan.placement.devices) // max(1, per_node(where))))
        if not fits and not force:
            raise DoesNotFitError(
                _(
                    "{reason}; {command} says what would make it fit (--force prints the commands anyway)",
                    reason=plan.reason,
                    command=again,
                )
            )
        if not single.quick and not force:
            raise DoesNotFitError(
                _(
                    "{name} fits, but gives each user less than the {wanted:g} tokens/s that were asked for (--force prints it anyway)",
                    name=found.model.name,
                    wanted=request.min_speed,
                )
            )
    ranked = single.ranked if single else room.ranked if room else None
    effort = ranked.effort if ranked else None
    # Ray Serve LLM takes arguments of the engine, not of its server
    quiet = shape != "ray" and is_quiet(plan.model, effort)
    run = replace(run_of(plan, found.path, hub=hub), quiet=quiet)
    planned = manifest(shape, run, with_thinking(launch(run), plan.model, effort), plan, room, copies, nodes)
    planned = replace(planned, notes=(*planned.notes, *found.notes))
    if json:
        from qwenpick.render.forms.envelope import print_json
        from qwenpick.render.launch import launch_values

        print_json("launch", launch_values(plan, planned, fits, effort, single))
    else:
        printed(shape, planned, write)
    return 0 if fits else 1
