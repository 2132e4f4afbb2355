"""`qwenpick plan MODEL`: what hardware it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import options as given
from qwenpick.cli.common import parsed
from qwenpick.cli.common.groups import spread
from qwenpick.cli.common.training import SERVED, TrainingRequest, Tuning
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.units import parse_dollars

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Gpu, Model
    from qwenpick.training.offers import RentedRun, TuningOffer


@spread
def command(
    model: given.ModelName,
    quant: given.Quant = None,
    context: given.Context = None,
    task: given.TaskName = None,
    users: given.Users = 1,
    runtime: given.RuntimeName = None,
    kv_cache: given.Cache = None,
    online: given.Online = False,
    gpu: given.Kinds = None,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="USD",
            parser=parse_dollars,
            help="GPUs that cost at most this, all together (with --cloud, an hour).",
        ),
    ] = None,
    used: Annotated[
        bool, typer.Option("--used", help="Used GPUs too: what is no longer made, at used prices where they are known.")
    ] = False,
    cloud: Annotated[bool, typer.Option("--cloud", help="Machines to rent instead of GPUs to buy.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=10_000, help="Rows to show; JSON and CSV hold all.")
    ] = 15,
    strict: Annotated[bool, typer.Option("--strict", help="Leave room for the estimate's error.")] = False,
    catalog: given.Catalogs = None,
    html: given.Html = None,
    output: parsed.Output = parsed.SCREEN,
    training: Tuning = SERVED,
) -> None:
    """What hardware does this model need; which GPU to buy or rent?"""
    from qwenpick.buy.named import one_of
    from qwenpick.readers import resolve
    from qwenpick.recommending.request import Request
    from qwenpick.render import plan as show
    from qwenpick.render.forms.output import emit, write_page
    from qwenpick.render.forms.progress import working

    tuning, said = training.read(served=False), given.one_name(model)
    if cloud and (used or gpu):
        raise QwenpickError(_("--cloud lists machines to rent; leave out --used and --gpu"))
    with working(_("reading {name}", name=said)):
        facts, wanted, stored, *_rest = resolve(said, parsed.read_catalog(catalog), online=online)
    pool = [one_of(facts, name) for name in gpu] if gpu else None
    shown, title = output.shown(), _("What hardware does {name} need?", name=wanted.name)
    trying = _("trying {name} on one GPU after the other", name=wanted.name)
    if tuning:
        from qwenpick.cli.common.training import serving_only

        serving_only(
            context=context, users=users, runtime=runtime, kv_cache=kv_cache, quant=quant, html=html, task=task
        )
        with working(trying):
            raise typer.Exit(_train(facts, wanted, tuning.of(wanted), pool, budget, used, cloud, limit, strict, shown))
    request = Request(
        task=task,
        context=parsed.read_context(context),
        users=users,
        runtime=runtime,
        quant=quant or stored,
        kv_cache=parsed.read_cache(kv_cache),
        strict=strict,
    )
    if cloud:
        from qwenpick.buy.cloud import rented
        from qwenpick.render.plan import by_the_hour
        from qwenpick.render.renting import rented_report, rented_values

        with working(trying):
            hired = tuple(rented(facts, wanted, request, budget))
            in_yuan = tuple(rented(facts, wanted, request, currency="CNY")) if budget is None else ()
        report = rented_report(wanted, hired, in_yuan, limit)
        if html:
            rents = hired[:limit]
            write_page(html, title, report, [one.plan for one in rents], [by_the_hour(one) for one in rents])
        emit("plan", shown, report, rented_values(wanted, hired, in_yuan))
        raise typer.Exit(0 if hired or in_yuan else 1)
    from qwenpick.buy.advice import look

    with working(trying):
        market = look(facts, wanted, request, pool, budget, used=used)
    found = market.offers
    report = show.plan_report(wanted, market, limit, budget, request)
    if html:
        few = found[:limit]
        write_page(html, title, report, [one.plan for one in few], [show.hardware(one) for one in few])
    emit("plan", shown, report, show.plan_command_values(wanted, found, market.advice))
    raise typer.Exit(0 if found else 1)


def _train(
    facts: Catalog,
    model: Model,
    asked: TrainingRequest,
    pool: list[Gpu] | None,
    budget: float | None,
    used: bool,
    cloud: bool,
    limit: int,
    strict: bool,
    shown: str,
) -> int:
    """Print on which GPUs to buy, or machines to rent, the run (or each method of it) holds; the exit code."""
    from dataclasses import replace

    from qwenpick.render import tuning_plan as show
    from qwenpick.render.forms.output import emit
    from qwenpick.render.forms.report import Block
    from qwenpick.render.tuning import named
    from qwenpick.training.answer import METHODS
    from qwenpick.training.offers import rented_runs, tuning_offers, within

    runs = [replace(asked.training, method=one) for one in METHODS] if asked.every_method else [asked.training]
    tokens, report = asked.dataset_tokens, list[Block]()
    if cloud:
        everything: tuple[RentedRun, ...] = ()
        for run in runs:
            hired = rented_runs(facts, model, run, tokens, strict)
            some = tuple(one for one in hired if within(one.paid(tokens), budget))
            least = min((paid for one in hired if (paid := one.paid(tokens)) is not None), default=None)
            report += show.rented_runs_report(model, named(run), some, limit, tokens, least)
            everything += some
        emit("plan", shown, tuple(report), show.rented_runs_values(model, everything, tokens))
        return 0 if everything else 1
    offered: tuple[TuningOffer, ...] = ()
    for run in runs:
        bought = tuning_offers(facts, model, run, pool, strict, used=used)
        found = tuple(one for one in bought if within(one.price, budget))
        cheapest = min((one.price for one in bought if one.price is not None), default=None)
        is_named = pool is not None
        report += show.tuning_plan_report(model, named(run), found, limit, tokens, cheapest=cheapest, named=is_named)
        offered += found
    emit("plan", shown, tuple(report), show.tuning_plan_values(model, offered, tokens))
    return 0 if offered else 1
