"""`qwenpick scan [DIR…]`: the models on this disk, and how each would run here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qwenpick.cli.common import completion, parsed
from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import PROBED, Box
from qwenpick.cli.common.groups import spread


@spread
def command(
    directories: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR…", help="Directories to look in, instead of the engines' own stores."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK", help="What the models are for, e.g. coding.", autocompletion=completion.task_names
        ),
    ] = None,
    hardware: Box = PROBED,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """Which models are on this disk already, and how would each run here? Exit code 0 even if nothing is found."""
    import os

    from qwenpick.machine.installed.stores import home_directory
    from qwenpick.render.forms.output import emit
    from qwenpick.render.scan import scan_report, scan_values
    from qwenpick.scan.answer import scan

    facts = parsed.read_catalog(catalog)
    box = hardware.read(facts)
    found = scan(facts, box, directories or (), task=task, environ=os.environ, home=home_directory())
    emit("scan", output.shown(), scan_report(found, box), scan_values(found, box))
