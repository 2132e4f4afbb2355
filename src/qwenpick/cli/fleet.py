"""`qwenpick fleet`: the nodes of a cluster by kind, as its own records have them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qwenpick.cli.common import options as given
from qwenpick.cli.common import parsed
from qwenpick.cli.common.clusters import NAMED, Clustered
from qwenpick.cli.common.groups import spread
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _


@spread
def command(
    clustered: Clustered = NAMED,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the nodes to a file that --cluster reads back.")
    ] = None,
    catalog: given.Catalogs = None,
    output: parsed.Output = parsed.SCREEN,
) -> None:
    """The nodes of a Kubernetes, Slurm or Ray cluster by kind, and what is free there. Nothing is changed there."""
    from qwenpick.fleet.kinds import fleet
    from qwenpick.render.fleet import fleet_report, fleet_values
    from qwenpick.render.forms.output import emit

    facts = parsed.read_catalog(catalog)
    cluster = clustered.read(facts)
    if cluster is None:
        raise QwenpickError(_("name a cluster: --cluster k8s, slurm, ray, ray=ADDRESS, a file, or -"))
    if save:
        from qwenpick.machine.inventory.neutral import text
        from qwenpick.storage import write_file

        write_file(save, text(cluster))
    found = fleet(cluster, facts, free=not clustered.total)
    emit("fleet", output.shown(), fleet_report(found), fleet_values(found))
