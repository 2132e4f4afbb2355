"""`qwenpick replace MODEL`: what supersedes it in the same memory."""

from __future__ import annotations

from typing import Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import PROBED, Box
from qwenpick.cli.common.groups import spread
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _


@spread
def command(
    ctx: typer.Context,
    model: given.ModelName,
    quant: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="How the old model is stored (4bit; on a machine what suits it)."),
    ] = None,
    context: given.Context = None,
    runtime: Annotated[
        str | None, typer.Option("--runtime", metavar="NAME", help="The engine (llama.cpp; on a machine any).")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="For this work instead of what the model is for.", autocompletion=completion.task_names
        ),
    ] = None,
    users: given.Users = 1,
    hardware: Box = PROBED,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=10_000, help="Rows to show; JSON and CSV hold all.")
    ] = 5,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """What is better than this model in the same memory, or on the machine of --gpu, and on what evidence?"""
    from qwenpick.catalog import find_model
    from qwenpick.planning.checkpoints import check_quant
    from qwenpick.recommending.replace import replacement, replacement_on
    from qwenpick.recommending.request import Request
    from qwenpick.render.forms.output import emit
    from qwenpick.render.replace import replace_report, replace_values

    facts = parsed.read_catalog(catalog)
    if quant:
        check_quant(quant)
    wanted, tokens = find_model(facts, given.one_name(model)), parsed.read_context(context)
    if hardware.is_said():
        request = Request(task=task, context=tokens, users=users, runtime=runtime, quant=quant)
        found = replacement_on(facts, wanted, hardware.read(facts), request)
    elif alone := _of_a_machine(ctx, users):
        raise QwenpickError(_("{option} goes with a machine: add --gpu or --machine", option=alone))
    else:
        found = replacement(
            facts, wanted, quant=quant or "4bit", context=tokens or 8192, runtime=runtime or "llama.cpp", task=task
        )
    emit("replace", output.shown(), replace_report(found, limit), replace_values(found))


def _of_a_machine(ctx: typer.Context, users: int) -> str | None:
    """The first option that was typed and says something of a machine alone."""
    names = ("reserve", "system", "nodes", "link", "ram_bandwidth")
    typed = [name for name in names if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"]
    return next((f"--{name.replace('_', '-')}" for name in (*(["users"] if users > 1 else []), *typed)), None)
