"""The JSON Schema of every command's --json, generated from the types it is built with."""

from __future__ import annotations

from typing import Any

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.render.forms.envelope import SCHEMA_VERSION
from qwenpick.render.payloads import buying, choosing, facts, fleet, plans, running, training

PAYLOADS: dict[str, Any] = {
    "fit": choosing.FitValues
    | training.TuningValues
    | running.TogetherValues
    | fleet.FleetFitValues
    | fleet.FleetTogetherValues,
    "fleet": fleet.FleetValues,
    "plan": buying.PlanCommandValues | buying.RentedCommandValues | training.TuningPlanValues,
    "compare": buying.CompareValues,
    "recommend": choosing.RecommendValues | fleet.FleetRecommendValues,
    "replace": choosing.ReplaceValues,
    "scan": choosing.ScanValues,
    "tasks": choosing.TasksValues,
    "scenarios": choosing.ScenariosValues,
    "machine": facts.MachineCommandValues,
    "doctor": facts.DoctorValues,
    "models": facts.ModelsValues,
    "gpus": facts.GpusValues,
    "catalog": facts.CatalogCheckValues,
    "check": running.CheckValues,
    "launch": running.LaunchValues | training.TrainingLaunchValues | running.LaunchTogetherValues,
    "verify": running.VerifyValues | running.CorrectionsValues,
}


def schema(command: str) -> dict[str, Any]:
    """The schema of `qwenpick COMMAND --json`: the envelope, and the command's own fields or an error. Raises QwenpickError for no such command."""
    from pydantic import TypeAdapter

    if command not in PAYLOADS:
        raise QwenpickError(
            _(
                "'{command}' prints no JSON{near} (those that do: {payloads})",
                command=command,
                near=did_you_mean(command, PAYLOADS),
                payloads=", ".join(sorted(PAYLOADS)),
            )
        )
    own = TypeAdapter(PAYLOADS[command]).json_schema(ref_template="#/$defs/{model}")
    envelope = TypeAdapter(plans.Envelope).json_schema()
    definitions = own.pop("$defs", {})
    error = {
        "type": "object",
        "properties": {
            "error": {"type": "object", "properties": {"message": {"type": "string"}, "exit_code": {"type": "integer"}}}
        },
        "required": ["error"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"qwenpick-{command}-{SCHEMA_VERSION}",
        "allOf": [envelope, {"anyOf": [own, error]}],
        "$defs": definitions,
    }
