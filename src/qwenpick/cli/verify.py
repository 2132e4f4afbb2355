"""`qwenpick verify --log FILE`: predicted against what the engine really allocated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from qwenpick.bounded import read_ends
from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import Box
from qwenpick.cli.common.groups import spread
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _

LOG_LIMIT = 64 * 2**20  # bytes: engines say what they allocate at the start


@spread
def command(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="Where the log does not say which it is.", autocompletion=completion.model_names
        ),
    ] = None,
    log: Annotated[Path | None, typer.Option("--log", metavar="FILE", help="The engine's log; - is stdin.")] = None,
    quant: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Where the log does not say it: Q4_K_M, awq-int4, …")
    ] = None,
    runtime: given.RuntimeName = None,
    tolerance: Annotated[str, typer.Option(metavar="SHARE", help="10% or 0.1: how far off is still right.")] = "10%",
    record: Annotated[bool, typer.Option("--record/--no-record", help="Keep the result as a correction.")] = True,
    report_: Annotated[
        bool,
        typer.Option(
            "--report",
            envvar="QWENPICK_VERIFY_REPORT",
            help="Print one anonymous row of the run, to paste into an issue.",
        ),
    ] = False,
    corrections: Annotated[bool, typer.Option("--corrections", help="Show what was learned here and stop.")] = False,
    machine: given.MachineFiles = None,
    gpu: given.Gpus = None,
    vram: given.Vram = None,
    ram: given.Ram = None,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """Was the prediction right? Exit code 1 if it was off by more than the tolerance."""
    from qwenpick.render.forms.output import emit
    from qwenpick.render.verify import corrections_report, stated, verify_report, verify_values
    from qwenpick.runtimes import find_runtime
    from qwenpick.verify.compare import Comparison
    from qwenpick.verify.corrections import learn, load, store_path, teaches
    from qwenpick.verify.logs import read_log
    from qwenpick.verify.predicted import compared, of_whole_machine
    from qwenpick.verify.recognise import recognise
    from qwenpick.verify.report import anonymous_row
    from qwenpick.verify.speed import speed_rows

    if corrections:
        known = load(store_path())
        rows = [
            {"runtime": c.engine, "device": c.device, "kind": c.kind, "factor": c.factor, "runs": len(c.ratios)}
            for c in known
        ]
        emit("verify", output.shown(), corrections_report(known), {"corrections": rows})
        return
    allowed = read_tolerance(tolerance)
    facts = parsed.read_catalog(catalog)
    seen = read_log(read_text(log), find_runtime(runtime).NAME if runtime else None)
    box = Box(machine, gpu, vram, ram).read(facts) if machine or gpu or vram else None
    devices = box.devices if box else ()
    run = recognise(facts, seen, devices, model, quant)
    found = compared(run, seen)
    found = Comparison((*found.rows, *speed_rows(facts, box, run, seen)))
    if not found.compares and found.rows and not devices and seen.total is None:
        raise QwenpickError(
            _(
                "the log states {stated}, but not which card it ran on; give it: qwenpick verify --gpu NAME --log FILE",
                stated=", ".join(dict.fromkeys(stated(row) for row in found.rows if row.actual)),
            )
        )
    if not found.compares:
        raise QwenpickError(
            _("nothing in this log can be compared: it states neither weights nor cache; give all of it")
        )
    device = seen.device or (devices[0].name if devices else None)
    sized = teaches(found) and not of_whole_machine(run, seen)
    kept = record and device is not None and sized and learn(seen.engine, device, found)
    if report_:
        typer.echo(anonymous_row(run, seen, found))
        raise typer.Exit(0 if found.within(allowed) else 1)
    report = verify_report(seen, run, found, allowed, kept)
    emit("verify", output.shown(), report, verify_values(seen, run, found, allowed, kept))
    raise typer.Exit(0 if found.within(allowed) else 1)


def read_text(log: Path | None) -> str:
    """The log's text; of one with more than 64 MiB its beginning and its end. Raises QwenpickError for no log."""
    if log is None:
        raise QwenpickError(_("which log? qwenpick verify --log FILE, or --log - for stdin"))
    if str(log) == "-":
        return sys.stdin.buffer.read(LOG_LIMIT).decode("utf-8", "replace")
    return read_ends(log, LOG_LIMIT).decode("utf-8", "replace")


def read_tolerance(text: str) -> float:
    """A share: `10%` is 0.1, and so is `0.1`. Raises QwenpickError for anything else.

    >>> read_tolerance("10%"), read_tolerance("0.05")
    (0.1, 0.05)
    """
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 10:
        raise QwenpickError(_("cannot read tolerance '{text}'; write it like 10% or 0.1", text=text))
    return share
