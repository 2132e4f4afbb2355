"""Situations by name: the task and the constraints that each stands for, so that they can be shown and changed."""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import N_, _
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation by name: the task (of tasks.py) and the constraints that it stands for, to be shown and changed.

    A constraint is a field of request.Request, and an option of `recommend` of the same name (min_context: --min-context).
    """

    name: str
    title: str
    task: str
    constraints: Mapping[str, object]


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "multimodal-enterprise",
            N_("inspection, UI-to-code, in-car: pictures and screens, for money"),
            "vision",
            {"commercial": True, "users": 4},
        ),
        Scenario(
            "complex",
            N_("repository refactoring, science: code, agents and long context"),
            "coding-agent",
            {"min_context": 262144, "prefer": "quality"},
        ),
        Scenario(
            "commercial",
            N_("customer service, knowledge base, assistant at low cost"),
            "chat",
            {"commercial": True, "users": 4, "min_context": 16384},
        ),
        Scenario(
            "edge", N_("a speaker, a device: no GPU or 4 GB, fast"), "edge", {"prefer": "small", "min_speed": 15.0}
        ),
        Scenario(
            "text",
            N_("logs, simple copy, an internal bot: text only, small and fast"),
            "chat",
            {"prefer": "speed", "thinking": "no"},
        ),
        Scenario(
            "pilot",
            N_("the tightest budget: a student, a pilot, a 4 GB card"),
            "chat",
            {"prefer": "small", "min_context": 4096},
        ),
    )
}


def find_scenario(name: str) -> Scenario:
    """The scenario of that name. Raises QwenpickError with the nearest name."""
    if scenario := SCENARIOS.get(name.casefold().strip().replace(" ", "-").replace("_", "-")):
        return scenario
    raise QwenpickError(
        _(
            "there is no scenario '{name}'{near} (known: {known})",
            name=name,
            near=did_you_mean(name, SCENARIOS),
            known=", ".join(SCENARIOS),
        )
    )
