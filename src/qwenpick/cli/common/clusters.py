"""The options that say which cluster is meant, for the commands that take one as a box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qwenpick.cli.common import options as given
from qwenpick.cli.common.box import Box
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.fleet.kinds import Fleet
    from qwenpick.machine.inventory.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Clustered:
    """The options that name a cluster."""

    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", metavar="WHAT", help="A cluster: k8s, slurm, ray, ray=ADDRESS, a file, or - for stdin."
        ),
    ] = None
    total: Annotated[bool, typer.Option("--total", help="All that its nodes have, not what is free now.")] = False

    def read(self, catalog: Catalog) -> Cluster | None:
        """The cluster's records; None where none is named."""
        if self.cluster is None:
            if self.total:
                raise QwenpickError(_("{option} is about a cluster: name it with --cluster", option="--total"))
            return None
        from qwenpick.machine.inventory.read import read

        return read(self.cluster, catalog)

    def fleet(self, catalog: Catalog, box: Box) -> Fleet | None:
        """The cluster by kinds of node; None where none is named. Raises QwenpickError where a box is described beside it."""
        cluster = self.read(catalog)
        if cluster is None:
            return None
        if box.nodes > 1:
            raise QwenpickError(_("--cluster says how many nodes there are; leave out --nodes"))
        if box.is_said():
            raise QwenpickError(
                _("--cluster names the hardware; leave out --machine, --gpu, --vram, --ram and --cpu-only")
            )
        for option, value in (
            ("--reserve", box.reserve),
            ("--system", box.system),
            ("--ram-bandwidth", box.ram_bandwidth),
        ):
            if value is not None:
                raise QwenpickError(_("{option} describes one machine; leave it out with --cluster", option=option))
        from qwenpick.fleet.kinds import fleet

        return fleet(cluster, catalog, free=not self.total)


@dataclass(frozen=True, slots=True)
class Replicated(Clustered):
    """The same, with how many copies are wanted."""

    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, max=100_000, help="Copies that must have room in the cluster.")
    ] = None
    link: given.LinkName = None

    def refuse(self) -> None:
        """Raises QwenpickError for what is said of a cluster where none is named."""
        if self.replicas:
            raise QwenpickError(_("{option} is about a cluster: name it with --cluster", option="--replicas"))


NAMED, COPIED = Clustered(), Replicated()
