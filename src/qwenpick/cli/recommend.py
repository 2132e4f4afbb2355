"""`qwenpick recommend`: which Qwen for this box and this job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import PROBED, Box
from qwenpick.cli.common.choosing import ANY, Choice, check_places, typed
from qwenpick.cli.common.clusters import NAMED, Clustered
from qwenpick.cli.common.groups import spread
from qwenpick.cli.common.measuring import measured_once
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _, typed_language
from qwenpick.units import MOST_SEQUENCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwenpick.catalog import Catalog
    from qwenpick.fleet.kinds import Fleet
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.answer import Recommender
    from qwenpick.recommending.request import Request


@spread
def command(
    ctx: typer.Context,
    task: given.TaskName = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A preset, e.g. pilot: qwenpick scenarios lists them.",
            autocompletion=completion.scenario_names,
        ),
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask me questions instead.")] = False,
    context: given.Context = None,
    users: Annotated[
        int | None,
        typer.Option("--users", "--sequences", min=1, max=MOST_SEQUENCES, help="Users (sequences) at once (1)."),
    ] = None,
    runtime: given.RuntimeName = None,
    quant: given.Quant = None,
    kv_cache: given.Cache = None,
    series: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only models of this series, e.g. Qwen3.5.", autocompletion=completion.series
        ),
    ] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only models whose license allows commercial use.")
    ] = False,
    languages: Annotated[str | None, typer.Option(metavar="zh,en,…", help="Languages it must know.")] = None,
    min_context: Annotated[str | None, typer.Option(metavar="TOKENS", help="Context it must hold here.")] = None,
    any_: Annotated[
        bool,
        typer.Option("--any/--official-only", envvar="QWENPICK_RECOMMEND_ANY", help="Include community fine-tunes."),
    ] = False,
    gpu_only: Annotated[bool, typer.Option("--gpu-only", help="Keep everything on the GPU.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Leave room for the estimate's error.")] = False,
    choice: Choice = ANY,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many picks.")] = 5,
    explain: Annotated[bool, typer.Option("--explain", help="Show the numbers behind each place.")] = False,
    hardware: Box = PROBED,
    clustered: Clustered = NAMED,
    catalog: given.Catalogs = None,
    html: given.Html = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """Which Qwen should I run on this machine, for this job? Exit code 0 if something fits, 1 if nothing does."""
    from qwenpick.recommending.answer import Recommender
    from qwenpick.render.forms.output import emit, write_page
    from qwenpick.render.forms.progress import working
    from qwenpick.render.recommend import recommend_report, recommend_values

    check_places(hardware, gpu_only)
    facts = parsed.read_catalog(catalog)
    said: dict[str, object] = {
        "task": task,
        "context": parsed.read_context(context),
        "users": users,
        "runtime": runtime,
        "quant": quant,
        "kv_cache": parsed.read_cache(kv_cache),
        "series": series,
        "commercial": commercial or None,
        "languages": tuple(languages.replace(" ", "").split(",")) if languages else None,
        "min_context": parsed.read_context(min_context),
        "official_only": not any_,
        **choice.said(hardware),
        "gpu_only": gpu_only,
        "strict": strict,
    }
    if scenario:
        said = _of_scenario(scenario) | {name: value for name, value in said.items() if value is not None}
    shown = output.shown()
    if nodes := clustered.fleet(facts, hardware):
        if ask or explain or html:
            raise QwenpickError(_("--cluster prints the sets of nodes; leave out --ask, --explain and --html"))
        raise typer.Exit(_cluster(facts, nodes, _request(said), limit, hardware.link, shown))
    boxes = hardware.read_all(facts)
    if ask:
        from qwenpick.cli.common.asking import asked

        answers_, hardware = asked(facts, boxes, said, hardware, ctx)
        said, boxes = said | answers_, hardware.read_all(facts)
    request = _request(said)
    with working(_("looking for the best models")):
        recommender = Recommender(facts, request)
        details = explain or shown == "json"
        answers = [(label, box, recommender.recommend(box, limit, details=details)) for label, box in boxes]
    label, box, first = answers[0]
    if request.runtime and not any(answer.picks for _label, _box, answer in answers):
        _refuse(facts, recommender, box)
    if measured := measured_once(box, hardware, first.picks[0].plan if first.picks else None, shown):
        answers = [(label, measured, recommender.recommend(measured, limit, details=details))]
    here = hardware.here()
    again = [_again(one, recommender, choice) for one in hardware.each()]
    report = recommend_report(answers, explain, here, again)
    if html:
        write_page(
            html,
            _("Which Qwen should I run?"),
            report,
            [pick.plan for _label, _box, answer in answers for pick in answer.picks],
            [label for label, _box, answer in answers for _pick in answer.picks] if len(answers) > 1 else (),
        )
    emit("recommend", shown, report, recommend_values(answers, here, again))
    raise typer.Exit(0 if all(answer.picks for _label, _box, answer in answers) else 1)


def _request(said: Mapping[str, object]) -> Request:
    """What was said as a request, which knows what is usual of the rest."""
    from qwenpick.recommending.request import Request

    return Request(**{name: value for name, value in said.items() if value is not None})  # type: ignore[arg-type]


def _of_scenario(name: str) -> dict[str, object]:
    """What a scenario stands for, which is also told."""
    from qwenpick.recommending.scenarios import find_scenario

    found = find_scenario(name)
    meant: dict[str, object] = {"task": found.task, **found.constraints}
    flags = " ".join(
        f"--{option.replace('_', '-')}" + ("" if value is True else f" {value}") for option, value in meant.items()
    )
    told = _("scenario {name}: {title}; the same as {as_flags}", name=found.name, title=_(found.title), as_flags=flags)
    typer.echo(told, err=True)
    return meant


def _cluster(facts: Catalog, nodes: Fleet, request: Request, limit: int, link: str | None, format: str) -> int:
    """Print which models serve the users in the cluster; the exit code."""
    from qwenpick.fleet.serve import serve
    from qwenpick.render.fleet_sets import served_report, served_values
    from qwenpick.render.forms.output import emit
    from qwenpick.render.forms.progress import working

    with working(_("looking for the best models")):
        served = serve(facts, nodes, request, limit, link)
    emit("recommend", format, served_report(served), served_values(served))
    return 0 if served.picks else 1


def _refuse(facts: Catalog, recommender: Recommender, box: Machine) -> None:
    """QwenpickError where the engine that was asked for cannot run such models on that box, whatever room there is."""
    from qwenpick.fitting.answer import why_none
    from qwenpick.runtimes import find_runtime

    request = recommender.request
    if reason := why_none(facts, box, recommender.models, request):
        raise QwenpickError(
            _(
                "{engine} cannot run any model for {task} there: {reason}; leave out --runtime to see what can",
                engine=find_runtime(request.runtime or "").TITLE,
                task=recommender.task.said,
                reason=reason,
            )
        )


def _again(hardware: Box, recommender: Recommender, choice: Choice) -> str:
    """The words that make `launch` plan what was recommended: the box, and what was asked of the run."""
    import shlex

    request, context = recommender.request, recommender.context
    said = request.context is not None or context != recommender.task.context
    disk = request.max_disk
    asked = {
        "--task": request.task if request.task != "chat" else None,
        "--context": context if said else None,
        "--users": request.users if request.users > 1 else None,
        "--runtime": request.runtime,
        "--quant": request.quant,
        "--kv-cache": request.kv_cache,
        "--prefer": request.prefer if request.prefer != "balanced" else None,
        "--thinking": request.thinking if request.thinking != "either" else None,
        "--min-speed": request.min_speed,
        "--max-disk": choice.max_disk or (f"{disk}B" if disk else None),
        "--installed": choice.installed,
        "--gpu-only": request.gpu_only,
        "--strict": request.strict,
    }
    return (
        "".join(f" {shlex.quote(word)}" for word in [*hardware.words(), *typed(asked), *typed_language()])
        + hardware.aside()
    )
