"""`qwenpick compare A B …`: models on one box, or GPUs for one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import completion
from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import PROBED, Box
from qwenpick.cli.common.groups import spread
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.units import parse_memory

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model


@spread
def command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="A B …", help="Models, or with --model GPUs.", autocompletion=completion.compared_names),
    ],
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Compare GPUs for this model.", autocompletion=completion.model_names),
    ] = None,
    run: given.Run = given.AS_USUAL,
    hardware: Box = PROBED,
    catalog: given.Catalogs = None,
    output: given.Output = given.SCREEN,
) -> None:
    """Models side by side on one box, or GPUs side by side for one model (--model)."""
    from qwenpick.buy.compare import compare_gpus, compare_models
    from qwenpick.catalog import find_gpu, find_model
    from qwenpick.render.compare import gpus_report, gpus_values, models_report, models_values
    from qwenpick.render.forms.output import emit

    facts = given.read_catalog(catalog)
    request = run.request()
    shown = output.shown()
    if model:
        wanted = find_model(facts, model)
        cards = compare_gpus(
            facts,
            [find_gpu(facts, name) for name in names],
            wanted,
            request,
            parse_memory(hardware.ram) if hardware.ram else None,
        )
        emit("compare", shown, gpus_report(cards, wanted.name), gpus_values(cards))
        return
    models = [_model(facts, name) for name in names]
    box = hardware.read(facts)
    sides = compare_models(facts, box, models, request)
    emit("compare", shown, models_report(sides, box), models_values(sides, box))


def _model(facts: Catalog, name: str) -> Model:
    """The model of that name; for the name of a GPU, a hint at --model."""
    from qwenpick.catalog import find_gpu, find_model

    try:
        return find_model(facts, name)
    except QwenpickError:
        try:
            gpu = find_gpu(facts, name)
        except QwenpickError:
            pass
        else:
            raise QwenpickError(
                _(
                    "'{name}' is a GPU ({gpu_name}); say for which model to compare GPUs: --model qwen3-8b",
                    name=name,
                    gpu_name=gpu.name,
                )
            ) from None
        raise
