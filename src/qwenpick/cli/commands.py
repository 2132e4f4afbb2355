"""The commands by name, with the line that `qwenpick --help` shows of each."""

from __future__ import annotations

import os

from qwenpick.i18n import N_

# name -> the line that `qwenpick --help` shows. The command is cli/<name>.py's `command`, or its `app` where it has subcommands.
COMMANDS = {
    "recommend": N_("Which Qwen should I run on this machine?"),
    "fit": N_("Will this model run here, and if not, what would make it? (the exit code is the answer)"),
    "plan": N_("What hardware does this model need; which GPU to buy or rent?"),
    "compare": N_("Models side by side, GPUs for one model, or which Qwen each GPU gets you."),
    "replace": N_("What is better in the same memory?"),
    "launch": N_("The command line that starts a model as planned."),
    "scan": N_("Which models are on this disk already, and how do they run here?"),
    "check": N_("Check a file of requirements in one run, for CI."),
    "verify": N_("Was the prediction right? Read an engine's log."),
    "fleet": N_("What is in this cluster: the nodes of Kubernetes, Slurm or Ray by kind."),
    "machine": N_("What this machine has, as qwenpick sees it."),
    "doctor": N_("Find and fix problems with this machine."),
    "tasks": N_("The kinds of work that --task knows."),
    "scenarios": N_("The presets that --scenario knows."),
    "models": N_("The models we know, and everything about one."),
    "gpus": N_("The GPUs we know, and everything about one."),
    "catalog": N_("Check, extend or update the catalog."),
    "schema": N_("The JSON Schema of a command's --json."),
    "mcp": N_("Answer an agent over the Model Context Protocol."),
}
ELSEWHERE = {"mcp": "qwenpick.mcp.command"}  # commands whose module is not cli/<name>.py


def is_completing() -> bool:
    """Whether a shell asks what can be typed next: Typer's scripts say so by a variable, and say the words by others."""
    return any(name.endswith("QWENPICK_COMPLETE") for name in os.environ)
