"""What `tasks` and `scenarios` print: a line and an example each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qwenpick.i18n import _, language
from qwenpick.recommending.task_names import CHINESE
from qwenpick.render.forms.report import Column, Report, Table
from qwenpick.units import format_tokens

if TYPE_CHECKING:
    from qwenpick.recommending.scenarios import Scenario
    from qwenpick.recommending.tasks import Task
    from qwenpick.render.payloads.choosing import ScenariosValues, TasksValues

TASK_COLUMNS = (
    Column("Task"),
    Column("For"),
    Column("Context", number=True, optional=1),
    Column("Also called", optional=3),
    Column("Example", optional=2),
)
SCENARIO_COLUMNS = (Column("Scenario"), Column("For"), Column("Task", optional=1), Column("Example", optional=2))


def tasks_report(tasks: Iterable[Task]) -> Report:
    """The answer for a person."""
    rows = tuple(
        (
            task.name,
            _(task.title),
            format_tokens(task.context),
            ", ".join((CHINESE[task.name] if language() == "zh" else task.aliases)[:4]),
            f"qwenpick recommend --task {task.name}",
        )
        for task in tasks
    )
    return (Table(TASK_COLUMNS, rows),)


def tasks_values(tasks: Iterable[Task]) -> TasksValues:
    """The answer for a program."""
    return {
        "tasks": [
            {
                "name": task.name,
                "title": task.title,
                "aliases": list(task.aliases),
                "context": task.context,
                "usable": task.usable,
                "comfortable": task.comfortable,
                "kinds": sorted(task.kinds),
            }
            for task in tasks
        ]
    }


def scenarios_report(scenarios: Iterable[Scenario]) -> Report:
    """The answer for a person."""
    rows = tuple((one.name, _(one.title), one.task, f"qwenpick recommend --scenario {one.name}") for one in scenarios)
    return (Table(SCENARIO_COLUMNS, rows),)


def scenarios_values(scenarios: Iterable[Scenario]) -> ScenariosValues:
    """The answer for a program."""
    return {
        "scenarios": [
            {"name": one.name, "title": one.title, "task": one.task, "constraints": dict(one.constraints)}
            for one in scenarios
        ]
    }
