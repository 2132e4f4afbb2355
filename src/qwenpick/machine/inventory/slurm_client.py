"""A running Slurm cluster, asked through `scontrol`, which needs no rights: JSON where it writes it (23.02 and later), else a line a node."""

from __future__ import annotations

import shutil
import subprocess

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.machine.inventory.cluster import Cluster
from qwenpick.machine.inventory.slurm import parse

SECONDS = 30.0  # a controller that is gone is given up by scontrol after 10


def read() -> Cluster:
    """The cluster that SLURM_CONF or /etc/slurm names. Raises QwenpickError where scontrol is missing or its controller does not answer."""
    program = shutil.which("scontrol")
    if program is None:
        raise QwenpickError(
            _("scontrol is not on PATH; on a login node: scontrol show nodes -d --json | qwenpick fleet --cluster -")
        )
    code, out, error = _run([program, "show", "nodes", "-d", "--json"])
    if code != 0 and "contact" not in error:
        code, out, error = _run([program, "show", "nodes", "-d", "-o"])
    if code != 0:
        said = (error.strip() or out.strip() or f"exit code {code}").splitlines()[0]
        raise QwenpickError(_("Slurm cannot be asked: {problem}", problem=said))
    return parse(out)


def _run(command: list[str]) -> tuple[int, str, str]:
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, errors="replace")
    except subprocess.TimeoutExpired:
        return 1, "", _("the controller does not answer (contact timed out)")
    except OSError as problem:
        return 1, "", problem.strerror or str(problem)
    return asked.returncode, asked.stdout, asked.stderr
