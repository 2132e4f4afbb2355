"""The JSON Schema of every command's --json, generated from the types it is built with."""

from __future__ import annotations

from typing import Any

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.render import payloads
from qwenpick.render.forms.envelope import SCHEMA_VERSION

PAYLOADS: dict[str, Any] = {
    "fit": payloads.FitValues
    | payloads.TuningValues
    | payloads.TogetherValues
    | payloads.FleetFitValues
    | payloads.FleetTogetherValues,
    "fleet": payloads.FleetValues,
    "plan": payloads.PlanCommandValues | payloads.RentedCommandValues | payloads.TuningPlanValues,
    "compare": payloads.CompareValues,
    "recommend": payloads.RecommendValues | payloads.FleetRecommendValues,
    "replace": payloads.ReplaceValues,
    "scan": payloads.ScanValues,
    "tasks": payloads.TasksValues,
    "scenarios": payloads.ScenariosValues,
    "machine": payloads.MachineCommandValues,
    "doctor": payloads.DoctorValues,
    "models": payloads.ModelsValues,
    "gpus": payloads.GpusValues,
    "catalog": payloads.CatalogCheckValues,
    "check": payloads.CheckValues,
    "launch": payloads.LaunchValues | payloads.TrainingLaunchValues | payloads.LaunchTogetherValues,
    "verify": payloads.VerifyValues | payloads.CorrectionsValues,
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
    envelope = TypeAdapter(payloads.Envelope).json_schema()
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
