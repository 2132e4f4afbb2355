"""`qwenpick machine`: what is in this box; its JSON is what `--machine FILE` reads back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qwenpick.cli.common import options as given
from qwenpick.cli.common import parsed
from qwenpick.cli.common.box import PROBED, Box
from qwenpick.cli.common.groups import spread
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _


@spread
def command(
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save this machine to a file for --machine.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure RAM bandwidth (about a second) and remember it.")
    ] = False,
    hardware: Box = PROBED,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """What this machine has, what of it may be used, and why. Exit code 3 if some hardware could not be read."""
    from qwenpick.machine.file import save as write
    from qwenpick.machine.file import to_json
    from qwenpick.machine.installed.engines import installed_engines
    from qwenpick.machine.installed.stores import home_directory
    from qwenpick.render.forms.output import emit
    from qwenpick.render.machine import engines_values, machine_report

    if hardware.is_said():
        box = hardware.read(parsed.read_catalog(catalog))
    else:
        from qwenpick.machine.probe import probe

        box = probe(parsed.read_catalog(catalog) if catalog else None)
    if measure:
        if hardware.is_said():
            raise QwenpickError(
                _("--measure measures this machine; leave out --machine, --gpu, --vram, --ram and --cpu-only")
            )
        from qwenpick.machine.probe.bandwidth import measured

        box = measured(box)
    if save:
        write(box, save)
    engines = None if hardware.is_said() else installed_engines(home_directory())
    values = {"machine": to_json(box), "engines": None if engines is None else engines_values(engines)}
    emit("machine", output.shown(), machine_report(box, engines), values)
    raise typer.Exit(3 if box.unreadable else 0)
