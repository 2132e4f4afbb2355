"""`qwenpick doctor`: what is wrong with this box, and how to mend it."""

from __future__ import annotations

import typer

from qwenpick.cli import options as given


def command(
    catalog: given.Catalogs = None,
    format: given.Format = "table",
    json: given.Json = False,
) -> None:
    """What is wrong with this box, and how to mend it. Exit code 1 if something keeps hardware from being used."""
    from qwenpick.doctor import findings
    from qwenpick.probe import probe, this_world
    from qwenpick.probe.surroundings import surroundings
    from qwenpick.render.machine import doctor_report, doctor_values
    from qwenpick.render.output import emit

    box = probe(given.read_catalog(catalog) if catalog else None)
    found = findings(box, surroundings(this_world()))
    emit("doctor", "json" if json else format, doctor_report(found), doctor_values(found))
    raise typer.Exit(1 if any(finding.level == "error" for finding in found) else 0)
