"""`qwenpick replace MODEL`: what supersedes it in the same memory."""

from __future__ import annotations

from typing import Annotated

import typer

from qwenpick.cli.common import completion
from qwenpick.cli.common import options as given
from qwenpick.cli.common.groups import spread


@spread
def command(
    model: given.ModelName,
    quant: Annotated[str, typer.Option(metavar="FORMAT", help="How the old model is stored.")] = "4bit",
    context: given.Context = None,
    runtime: Annotated[str, typer.Option("--runtime", metavar="NAME", help="The engine.")] = "llama.cpp",
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="For this work instead of what the model is for.", autocompletion=completion.task_names
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Rows to show.")] = 5,
    catalog: given.Catalogs = None,
    output: given.Output = given.SCREEN,
) -> None:
    """What supersedes this model in the same memory, with the evidence?"""
    from qwenpick.catalog import find_model
    from qwenpick.planning.checkpoints import check_quant
    from qwenpick.recommending.replace import replacement
    from qwenpick.render.forms.output import emit
    from qwenpick.render.replace import replace_report, replace_values

    facts = given.read_catalog(catalog)
    check_quant(quant)
    wanted = find_model(facts, given.one_name(model))
    found = replacement(
        facts, wanted, quant=quant, context=given.read_context(context) or 8192, runtime=runtime, task=task
    )
    emit("replace", output.shown(), replace_report(found, limit), replace_values(found))
