"""`qwenpick compare A B …`: models on one box, GPUs for one model, or which Qwen each GPU gets one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import PROBED, Box, read_system
from qwenpick.cli.common.choosing import check_places
from qwenpick.cli.common.groups import spread
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.units import parse_dollars, parse_memory

if TYPE_CHECKING:
    from qwenpick.buy.named import Cards, Rest
    from qwenpick.buy.upgrade import Ladder
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.recommending.request import Request


@spread
def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="A B …", help="Models, or GPUs.", autocompletion=completion.compared_names),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Compare GPUs for this model.", autocompletion=completion.model_names),
    ] = None,
    upgrade: Annotated[
        bool,
        typer.Option(
            "--upgrade", help="Compare this machine's GPU (or --gpu) with the GPUs named, or with those on sale."
        ),
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(metavar="USD", parser=parse_dollars, help="With --upgrade: GPUs that cost at most this."),
    ] = None,
    used: Annotated[bool, typer.Option("--used", help="With --upgrade: used GPUs too.")] = False,
    run: parsed.RunOptions = parsed.AS_USUAL,
    gpu_only: given.GpuOnly = False,
    strict: given.Strict = False,
    hardware: Box = PROBED,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """Models side by side on one machine, GPUs side by side for one model (--model), or which Qwen each GPU gets you."""
    from dataclasses import replace

    from qwenpick.buy.compare import compare_gpus, compare_models
    from qwenpick.buy.named import read_cards
    from qwenpick.catalog import find_model
    from qwenpick.render.compare import gpus_report, gpus_values, models_report, models_values
    from qwenpick.render.forms.output import emit

    check_places(hardware, gpu_only)
    facts, shown, said = parsed.read_catalog(catalog), output.shown(), names or []
    request = replace(run.request(hardware), gpu_only=gpu_only, strict=strict)
    if (budget is not None or used) and (not upgrade or said):
        raise QwenpickError(_("--budget and --used go with --upgrade and no names: they say which GPUs to look at"))
    if model and upgrade:
        raise QwenpickError(_("--upgrade looks among all models; leave out --model"))
    if not (said or upgrade):
        raise QwenpickError(_("name what to compare: two models, or two GPUs; or use --upgrade"))
    if model:
        wanted = find_model(facts, model)
        _refuse(hardware, gpu_only)
        cards = compare_gpus(facts, [read_cards(facts, name) for name in said], wanted, request, _rest(hardware))
        emit("compare", shown, gpus_report(cards, wanted.name), gpus_values(cards))
        return
    gpus = _gpus(facts, said)
    if upgrade or gpus:
        from qwenpick.render.upgrade import ladder_report, ladder_values

        if gpus is None:
            raise QwenpickError(_("--upgrade takes GPUs, or no name; '{name}' is none", name=said[0]))
        _refuse(PROBED if upgrade else hardware, gpu_only)
        found = _ladder(facts, gpus, request, hardware, upgrade, budget, used)
        emit("compare", shown, ladder_report(found), ladder_values(found))
        return
    models = [_model(facts, name) for name in said]
    box = hardware.read(facts)
    sides = compare_models(facts, box, models, request)
    emit("compare", shown, models_report(sides, box), models_values(sides, box))


def _ladder(
    facts: Catalog, gpus: list[Cards], request: Request, hardware: Box, upgrade: bool, budget: float | None, used: bool
) -> Ladder:
    """Which Qwen each of the GPUs gets; with `upgrade` beside the box's own, and without names the steps up from it."""
    from qwenpick.buy.upgrade import steps_up, which_qwen
    from qwenpick.render.forms.progress import working

    with working(_("trying one GPU after the other")):
        if not upgrade:
            return which_qwen(facts, gpus, request, _rest(hardware))
        mine = hardware.read(facts)
        if gpus:
            return which_qwen(facts, gpus, request, _rest(hardware, mine), mine)
        return steps_up(facts, mine, request, budget, _rest(hardware, mine), used=used)


def _rest(hardware: Box, mine: Machine | None = None) -> Rest:
    """What the boxes have beside the cards that are compared: as it was said, and the RAM of one's `own` machine."""
    from qwenpick.buy.named import Rest

    ram = mine.ram_total if mine else parse_memory(hardware.ram) if hardware.ram else None
    return Rest(
        ram, read_system(hardware.system), parse_memory(hardware.reserve) if hardware.reserve is not None else None
    )


def _refuse(hardware: Box, gpu_only: bool) -> None:
    """QwenpickError for options of a machine where cards are named: each of them is one."""
    if gpu_only:
        raise QwenpickError(_("GPUs are compared alone, with nothing in RAM: leave out --gpu-only"))
    said = {
        "--machine": hardware.machine,
        "--gpu": hardware.gpu,
        "--vram": hardware.vram,
        "--cpu-only": hardware.cpu_only,
        "--nodes": hardware.nodes > 1,
        "--link": hardware.link,
        "--ram-bandwidth": hardware.ram_bandwidth,
    }
    for option in (option for option, value in said.items() if value):
        raise QwenpickError(
            _(
                "the GPUs that are named are compared, each in a box of its own: leave out {option}, or name it among them",
                option=option,
            )
        )


def _gpus(facts: Catalog, names: list[str]) -> list[Cards] | None:
    """The GPUs of those names; None where the first is a model or nothing known."""
    from qwenpick.buy.named import read_cards
    from qwenpick.catalog import find_model

    if not names:
        return []
    try:
        find_model(facts, names[0])
    except QwenpickError:
        try:
            read_cards(facts, names[0])
        except QwenpickError:
            return None
        return [read_cards(facts, name) for name in names]
    return None


def _model(facts: Catalog, name: str) -> Model:
    """The model of that name; for the name of a GPU beside models, a sentence that says so."""
    from qwenpick.buy.named import read_cards
    from qwenpick.catalog import find_model

    try:
        return find_model(facts, name)
    except QwenpickError:
        try:
            gpu = read_cards(facts, name).gpu
        except QwenpickError:
            pass
        else:
            raise QwenpickError(
                _(
                    "'{name}' is a GPU ({gpu_name}); compare models with models and GPUs with GPUs",
                    name=name,
                    gpu_name=gpu.name,
                )
            ) from None
        raise
