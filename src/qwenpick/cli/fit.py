"""`qwenpick fit MODEL`: the exit code is the answer."""

from __future__ import annotations

from typing import Annotated

import typer

from qwenpick.cli import options as given


def command(
    model: given.ModelName,
    quant: given.Quant = None,
    context: given.Context = None,
    sequences: given.Sequences = 1,
    runtime: given.RuntimeName = None,
    kv_cache: given.Cache = None,
    option: given.EngineOptions = None,
    gpu_only: Annotated[bool, typer.Option("--gpu-only", help="Do not put experts or layers in RAM.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Tight (inside the estimate's error) counts as no.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show every part with its formula.")] = False,
    online: given.Online = False,
    all: Annotated[bool, typer.Option("--all", help="Show every format and engine, not only the answer.")] = False,
    machine: given.MachineFiles = None,
    gpu: given.Gpus = None,
    vram: given.Vram = None,
    ram: given.Ram = None,
    cpu_only: given.CpuOnly = False,
    catalog: given.Catalogs = None,
    format: given.Format = "table",
    json: given.Json = False,
) -> None:
    """Will this model run here, and if not, what would make it? Exit code 0 fits, 1 does not, 2 bad request, 3 hardware unreadable."""
    from qwenpick.advice import fixes
    from qwenpick.fitting import Request, fit
    from qwenpick.render.fit import fit_report, fit_values
    from qwenpick.render.output import emit

    facts, wanted, stored = given.read_wanted(given.read_catalog(catalog), model, online)
    request = Request(
        quant or stored,
        given.read_context(context),
        sequences,
        runtime,
        given.read_cache(kv_cache),
        given.read_engine_options(option),
        gpu_only,
        strict,
    )
    box = given.read_machine(facts, machine, gpu, vram, ram, cpu_only)
    answer = fit(facts, box, wanted, request, everything=all)
    changes = fixes(facts, box, answer)
    emit(
        "fit",
        "json" if json else format,
        fit_report(answer, box, changes, explain, all),
        fit_values(answer, box, changes),
    )
    raise typer.Exit(0 if answer.fits else 1)
