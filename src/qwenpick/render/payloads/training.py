"""What fit, plan and launch answer with --train."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from qwenpick.render.payloads.plans import BandValues, MachineValues, MemoryValues, PlaceValues
from qwenpick.render.payloads.running import CommandValues, ProgramValues


class DiskValues(TypedDict):
    download: int
    checkpoint: int
    result: int
    offloaded: int


class PeakValues(TypedDict):
    """One GPU: what torch allocates, what its allocator holds, what the driver shows of the process, and the band around that."""

    where: str
    allocated_bytes: int
    reserved_bytes: int
    process_bytes: int
    low: int
    high: int


class TunedMemoryValues(MemoryValues):
    peak: list[PeakValues]


class TuningFixValues(TypedDict):
    """A change after which the run fits; saves is bytes of the fullest GPU, speed_change a fraction, command what was typed with the flags in it."""

    what: str
    flags: str
    saves: int
    speed_change: float | None
    command: NotRequired[str | None]


class ReachValues(TypedDict):
    """longest in tokens on so many GPUs of the machine; null where none fits."""

    gpus: int
    flags: str
    longest: int | None


class TuneValues(TypedDict):
    """A fine-tuning run. longest_sequence in tokens, largest_batch in sequences per GPU, speed in tokens/s over all GPUs."""

    model: str
    format: str
    repository: str | None
    verdict: Literal["fits", "tight", "no", "refused"]
    reason: str
    training: dict[str, Any]
    memory: TunedMemoryValues
    places: list[PlaceValues]
    longest_sequence: int | None
    largest_batch: int | None
    speed: BandValues | None
    epoch_hours: BandValues | None
    ram: int
    disk: DiskValues
    fixes: list[TuningFixValues]
    reach: list[ReachValues]
    at_average: list[PeakValues] | None
    notes: list[str]


class TuningValues(TypedDict):
    """What fit --train prints: one run, or one per method with --train all; refused says why a method cannot be.

    start is the command that starts the run; null where it does not fit, for several, and where it starts from a program of one's own.
    """

    fits: bool
    exit_code: int
    runs: list[TuneValues]
    start: NotRequired[str | None]
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


class RentedRunValues(TypedDict):
    """hour and whole (the run over the data) in USD."""

    offer: str
    hour: float | None
    whole: float | None
    run: TuneValues


class RentedRunsValues(TypedDict):
    """What plan --train --cloud prints."""

    model: str
    rented_runs: list[RentedRunValues]


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
    needs: ProgramValues | None
