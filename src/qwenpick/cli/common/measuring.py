"""RAM bandwidth, measured once: on a terminal, for a probed box, when a plan first reads weights from RAM."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.cli.common.box import Box
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan


def measured_once(box: Machine, options: Box, plan: Plan | None, format_name: str) -> Machine | None:
    """The box with its RAM bandwidth measured (about a second, and kept); None where the figure at hand stands.

    Nothing is measured for a box that is described, with another output than the screen's, off a terminal, or in CI: answers there do not depend
    on what else the machine does just then.
    """
    if format_name != "table" or not sys.stdout.isatty() or os.environ.get("CI"):
        return None
    if plan is None or plan.mode == "gpu" or (options.is_said() and not options.cpu_only) or options.ram_bandwidth:
        return None
    from qwenpick.machine.probe.bandwidth import MEASURED, measured

    if box.origin != "probe" or box.nodes > 1 or (box.cpu.bandwidth_from or "").startswith(MEASURED):
        return None
    typer.echo(_("measuring the RAM's bandwidth, once (about a second; --ram-bandwidth says it instead)"), err=True)
    return measured(box)
