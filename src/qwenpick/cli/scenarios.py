"""`qwenpick scenarios`: the presets that --scenario knows."""

from __future__ import annotations

from qwenpick.cli.common import parsed
from qwenpick.cli.common.groups import spread


@spread
def command(output: parsed.Output = parsed.SCREEN) -> None:
    """The presets that --scenario knows: a task and constraints each, with an example."""
    from qwenpick.recommending.scenarios import SCENARIOS
    from qwenpick.render.forms.output import emit
    from qwenpick.render.tasks import scenarios_report, scenarios_values

    emit("scenarios", output.shown(), scenarios_report(SCENARIOS.values()), scenarios_values(SCENARIOS.values()))
