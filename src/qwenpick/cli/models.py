"""`qwenpick models [NAME]`: the models we know, and everything about one, with sources."""

from __future__ import annotations

from typing import Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.groups import spread


@spread
def command(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]", help="Show everything about this one.", autocompletion=completion.model_names),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            metavar="SERIES",
            help="Only this series: qwen3.5, qwen3-vl, …",
            autocompletion=completion.series,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Only this kind: chat, base, code, vision, embedding, …",
            autocompletion=completion.kinds,
        ),
    ] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only models that are free for commercial use.")
    ] = False,
    current: Annotated[bool, typer.Option("--current", help="Only models that have no newer successor.")] = False,
    api: Annotated[bool, typer.Option("--api", help="Include models that are offered by API only.")] = False,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """The models we know, and everything about one."""
    from qwenpick.catalog import find_model
    from qwenpick.render.forms.output import emit
    from qwenpick.render.models import model_report, model_values, models_report

    facts = parsed.read_catalog(catalog)
    shown = output.shown()
    if name:
        parsed.alone(series=series, kind=kind, commercial=commercial, current=current, api=api)
        model = find_model(facts, given.one_name(name))
        emit("models", shown, model_report(facts, model), {"models": [model_values(facts, model)]})
        return
    everything = list(facts.models.values())
    series = parsed.one_of(series, (model.series for model in everything), "series") if series is not None else None
    kind = parsed.one_of(kind, (model.kind for model in everything), "kind") if kind is not None else None
    chosen = [
        model
        for model in everything
        if (model.open_weights or api)
        and (series is None or model.series == series)
        and (kind is None or model.kind == kind)
        and (not commercial or model.licence.commercial_use in {"free", "free-under-threshold"})
        and (not current or model.successor is None)
    ]
    emit("models", shown, models_report(chosen), {"models": [model_values(facts, model) for model in chosen]})
