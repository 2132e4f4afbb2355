"""`qwenpick plan MODEL`: what hardware it needs."""

from __future__ import annotations

from typing import Annotated

import typer

from qwenpick.cli import options as given


def command(
    model: given.ModelName,
    quant: given.Quant = None,
    context: given.Context = None,
    users: Annotated[int, typer.Option(min=1, help="Sequences at once.")] = 1,
    runtime: given.RuntimeName = None,
    kv_cache: given.Cache = None,
    online: given.Online = False,
    gpu: given.Gpus = None,
    budget: Annotated[
        float | None, typer.Option(metavar="USD", min=0, help="GPUs that cost at most this, all together.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 15,
    strict: Annotated[bool, typer.Option("--strict", help="Leave room for the estimate's error.")] = False,
    catalog: given.Catalogs = None,
    html: given.Html = None,
    format: given.Format = "table",
    json: given.Json = False,
) -> None:
    """What hardware does this model need; which GPU to buy or rent? Smallest box first."""
    from qwenpick.buying import offers
    from qwenpick.catalog import find_gpu
    from qwenpick.fitting import Request
    from qwenpick.render.output import emit, write_page
    from qwenpick.render.plan import plan_command_values, plan_report

    facts, wanted, stored = given.read_wanted(given.read_catalog(catalog), model, online)
    request = Request(
        quant or stored, given.read_context(context), users, runtime, given.read_cache(kv_cache), strict=strict
    )
    pool = [find_gpu(facts, name) for name in gpu] if gpu else None
    found = offers(facts, wanted, request, pool, budget)
    report = plan_report(wanted, found, limit)
    if html:
        write_page(html, f"What hardware does {wanted.name} need?", report, [offer.plan for offer in found[:limit]])
    emit("plan", "json" if json else format, report, plan_command_values(wanted, found))
    raise typer.Exit(0 if found else 1)
