"""What fit, plan and launch answer with --train."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from qwenpick.render.payloads.plans import BandValues, MachineValues, MemoryValues, PlaceValues
from qwenpick.render.payloads.running import CommandValues


class DiskValues(TypedDict):
    download: int
    checkpoint: int
    result: int


class TuneValues(TypedDict):
    """A fine-tuning run. longest_sequence in tokens, largest_batch in sequences per GPU, speed in tokens/s over all GPUs."""

    model: str
    format: str
    repository: str | None
    verdict: Literal["fits", "tight", "no", "refused"]
    reason: str
    training: dict[str, Any]
    memory: MemoryValues
    places: list[PlaceValues]
    longest_sequence: int | None
    largest_batch: int | None
    speed: BandValues | None
    epoch_hours: BandValues | None
    ram: int
    disk: DiskValues


class TuningValues(TypedDict):
    """What fit --train prints: one run, or one per method with --train all; refused says why a method cannot be."""

    fits: bool
    exit_code: int
    runs: list[TuneValues]
    refused: dict[str, str]
    machine: MachineValues


class TuningOfferValues(TypedDict):
    """Price, power and memory are of all `count` GPUs."""

    gpu: str
    count: int
    memory: int
    price_usd: float | None
    price_note: str | None
    power_watts: float | None
    run: TuneValues


class TuningPlanValues(TypedDict):
    """What plan --train prints."""

    model: str
    tuning_offers: list[TuningOfferValues]


class TrainingLaunchValues(TypedDict):
    """What launch --train prints: files are written first, then serve starts the run."""

    fits: bool
    run: TuneValues
    serve: CommandValues
    files: dict[str, str]
    notes: list[str]
