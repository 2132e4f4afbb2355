"""`qwenpick doctor`: what is wrong with this box, and how to mend it."""

from __future__ import annotations

import typer

from qwenpick.cli.common import options as given
from qwenpick.cli.common import parsed
from qwenpick.cli.common.box import PROBED, Box
from qwenpick.cli.common.groups import spread


@spread
def command(
    hardware: Box = PROBED,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """Find and fix problems with this machine (or one from a file). Exit code 1 if something keeps hardware from being used."""
    from datetime import date

    from qwenpick.catalog.read import data_date
    from qwenpick.cli.common.defaults import config_file, defaults
    from qwenpick.machine.doctor import findings, old_facts
    from qwenpick.machine.installed.engines import installed_engines
    from qwenpick.machine.installed.stores import home_directory
    from qwenpick.machine.probe import World, probe
    from qwenpick.machine.probe.surroundings import Surroundings, surroundings
    from qwenpick.render.forms.output import emit
    from qwenpick.render.machine import doctor_report, doctor_values

    if hardware.is_said():
        box, around = hardware.read(parsed.read_catalog(catalog)), Surroundings()
    else:
        box, around = probe(parsed.read_catalog(catalog) if catalog else None), surroundings(World())
    found = findings(box, around)
    if not hardware.is_said():  # a box from a file is judged alone: the same answer on any day
        found += old_facts(data_date(), date.today().isoformat())
    kept, file = defaults(), config_file()
    engines = None if hardware.is_said() else installed_engines(home_directory())
    emit("doctor", output.shown(), doctor_report(box, found, kept, file, engines), doctor_values(found, kept, engines))
    raise typer.Exit(1 if any(finding.level == "error" for finding in found) else 0)
