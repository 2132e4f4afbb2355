"""`qwenpick tasks`: the kinds of work that --task knows."""

from __future__ import annotations

from qwenpick.cli.common import parsed
from qwenpick.cli.common.groups import spread


@spread
def command(output: parsed.Output = parsed.SCREEN) -> None:
    """The kinds of work that --task knows, each with its other names and an example."""
    from qwenpick.recommending.tasks import TASKS
    from qwenpick.render.forms.output import emit
    from qwenpick.render.tasks import tasks_report, tasks_values

    emit("tasks", output.shown(), tasks_report(TASKS.values()), tasks_values(TASKS.values()))
