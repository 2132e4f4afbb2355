"""What `launch` says as JSON values; as text it is a shell script (qwenpick.launch.script)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.launch import address, needs
from qwenpick.render.tuning_values import tune_values
from qwenpick.render.values import plan_values

if TYPE_CHECKING:
    from qwenpick.fitting.answer import Answer
    from qwenpick.launch import Command, Launch
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.effort import Effort
    from qwenpick.render.payloads.running import CommandValues, LaunchValues, ProgramValues
    from qwenpick.render.payloads.training import TrainingLaunchValues
    from qwenpick.training.answer import Tuned


def launch_values(
    plan: Plan,
    planned: Launch,
    fits: bool,
    effort: Effort | None,
    answer: Answer | None,
    here: str | None = None,
    machine: Machine | None = None,
) -> LaunchValues:
    """The plan and everything that carries it out; `answer` is where the plan was chosen for one box."""
    return {
        "fits": fits,
        "task": answer.task.name if answer else None,
        "usable": answer.usable if answer else None,
        "thinking": effort,
        "plan": plan_values(plan, here, machine),
        "serve": _command(planned.serve),
        "prepare": [_command(command) for command in planned.prepare],
        "files": dict(planned.files),
        "downloads": [{"what": d.what, "bytes": d.bytes, "where": d.where} for d in planned.downloads],
        "notes": list(planned.notes),
        "needs": _needs(planned),
        "address": address(planned),
        "others": [_command(command) for command in planned.others],
    }


def training_launch_values(tuned: Tuned, planned: Launch) -> TrainingLaunchValues:
    """A fine-tuning run and everything that carries it out."""
    return {
        "fits": tuned.holds(),
        "run": tune_values(tuned, None),
        "serve": _command(planned.serve),
        "files": dict(planned.files),
        "notes": list(planned.notes),
        "needs": _needs(planned),
    }


def _command(command: Command) -> CommandValues:
    return {"argv": list(command.argv), "env": dict(command.env), "purpose": command.purpose, "line": command.line()}


def _needs(planned: Launch) -> ProgramValues | None:
    found = needs(planned)
    return {"program": found[0], "source": found[1]} if found else None
