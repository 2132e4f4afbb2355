"""What machine, doctor, models, gpus and catalog answer."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class EngineFoundValues(TypedDict):
    """An engine that is installed on this machine: as --runtime takes it, as people call it, and the program or package that says so."""

    name: str
    title: str
    path: str


class MachineCommandValues(TypedDict):
    """The whole box, as `--machine FILE` reads it back; its fields are documented in docs/hardware.md. `engines` is null for another machine."""

    machine: dict[str, Any]
    engines: list[EngineFoundValues] | None


class FindingValues(TypedDict):
    level: Literal["error", "warning", "advice"]
    what: str
    remedy: str


class DoctorValues(TypedDict):
    """`healthy` is false where an error keeps hardware from being used; defaults are what the person keeps in config.yaml."""

    healthy: bool
    findings: list[FindingValues]
    defaults: dict[str, str]
    engines: list[EngineFoundValues] | None


class ModelsValues(TypedDict):
    """Entries as data/models.schema.json has them, each with its architecture in place of the id."""

    models: list[dict[str, Any]]


class GpusValues(TypedDict):
    """Entries as data/gpus.schema.json has them."""

    gpus: list[dict[str, Any]]


class CheckedFileValues(TypedDict):
    file: str
    problems: list[str]


class CatalogCheckValues(TypedDict):
    files: list[CheckedFileValues]
