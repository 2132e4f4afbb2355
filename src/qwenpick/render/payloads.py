"""The shape of every command's --json, as types: mypy checks what is built, `qwenpick schema COMMAND` publishes the JSON Schema.

Sizes are integer bytes, contexts tokens, speeds tokens/s. Within a major schema version fields are added, never changed or taken away.
"""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class Envelope(TypedDict):
    """What every command prints around its own fields."""

    schema_version: str
    qwenpick_version: str
    command: str


class LicenceValues(TypedDict):
    id: str
    commercial_use: str


class CacheValues(TypedDict):
    k: str
    v: str


class PlacementValues(TypedDict):
    mode: Literal["gpu", "gpu+experts-in-ram", "gpu+layers-in-ram", "cpu"]
    devices: list[str]
    tensor_parallel: int
    pipeline_parallel: int
    split: list[int] | None
    cpu_moe_layers: int


class PartValues(TypedDict):
    name: str
    kind: str
    bytes: int
    where: str
    formula: str


class MemoryValues(TypedDict):
    total: int
    low: int
    high: int
    parts: list[PartValues]


class PlaceValues(TypedDict):
    where: str
    name: str
    need: int
    budget: int | None
    total: int | None
    headroom: int | None


class BandValues(TypedDict):
    value: float
    low: float
    high: float


class SpeedValues(TypedDict):
    """Tokens/s; first_token in seconds."""

    decode: BandValues
    prefill: BandValues
    first_token: BandValues
    together: BandValues
    each: BandValues
    depth: int
    prompt: int
    sequences: int
    why: str


class PlanValues(TypedDict):
    model: str
    name: str
    verdict: Literal["fits", "tight", "no", "refused"]
    reason: str
    runtime: str
    runtime_version: str
    format: str
    repository: str | None
    official: bool
    licence: LicenceValues
    context: int
    sequences: int
    kv_cache: CacheValues
    options: dict[str, Any]
    placement: PlacementValues
    memory: MemoryValues
    places: list[PlaceValues]
    speed: SpeedValues | None


class FixValues(TypedDict):
    """saves (at the fullest GPU, else in RAM) and need (everywhere) are bytes.

    speed_change is a fraction of the decode speed, null where a bandwidth is not known.
    """

    what: str
    saves: int
    flags: str
    need: int
    speed_change: float | None


class DeviceValues(TypedDict):
    name: str
    vendor: str
    total: int | None
    free: int | None
    gpu: str | None
    unified: bool


class MachineValues(TypedDict):
    origin: Literal["probe", "file", "simulated"]
    devices: list[DeviceValues]
    ram_total: int | None
    ram_free: int | None
    system: str
    notes: list[str]


class FitValues(PlanValues):
    fits: bool
    exit_code: int
    strict: bool
    longest_context: int | None
    notes: list[str]
    fixes: list[FixValues]
    others: list[PlanValues]
    machine: MachineValues


class OfferValues(TypedDict):
    """Price, power and memory are of all `count` GPUs; ram, disk and threads are what the box should have."""

    gpu: str
    count: int
    memory: int
    longest_context: int | None
    price_usd: float | None
    price_note: str | None
    power_watts: float | None
    ram: int
    disk: int
    threads: int
    plan: PlanValues


class PlanCommandValues(TypedDict):
    model: str
    offers: list[OfferValues]


class SideValues(TypedDict):
    model: str
    fits: bool
    why_not: str | None
    plan: PlanValues | None
    longest_context: int | None
    sequences: int


class CardValues(TypedDict):
    """Plans and contexts by precision (fp16, 8bit, 4bit)."""

    gpu: str
    sequences: int
    plans: dict[str, PlanValues | None]
    longest_context: dict[str, int | None]


class CompareValues(TypedDict):
    """Either models or gpus, the other is empty."""

    models: list[SideValues]
    gpus: list[CardValues]
    machine: MachineValues | None


class MachineCommandValues(TypedDict):
    """The whole box, as `--machine FILE` reads it back; its fields are documented in docs/hardware.md."""

    machine: dict[str, Any]


class FindingValues(TypedDict):
    level: Literal["error", "warning", "advice"]
    what: str
    remedy: str


class DoctorValues(TypedDict):
    """`healthy` is false where an error keeps hardware from being used."""

    healthy: bool
    findings: list[FindingValues]


class QualityValues(TypedDict):
    """Points out of 100 after quantization; kept is the share that quantization leaves."""

    value: float
    deviation: float
    kept: float
    inferred: bool
    sources: list[str]


class PickValues(TypedDict):
    """One place. parts add up to score, in points."""

    place: int
    labels: list[str]
    reason: str
    score: float
    parts: dict[str, float]
    quality: QualityValues
    thinking: Literal["off", "low", "high"]
    seconds_to_answer: float | None
    usable: bool
    outdone_by: str | None
    longest_context: int | None
    plan: PlanValues


class RecommendationValues(TypedDict):
    """The picks for one box; left_out says how many models were not considered, by reason."""

    label: str
    machine: MachineValues
    task: str
    context: int
    users: int
    picks: list[PickValues]
    left_out: dict[str, int]


class RecommendValues(TypedDict):
    boxes: list[RecommendationValues]


class CandidateValues(TypedDict):
    model: str
    format: str
    need: int
    quality: QualityValues
    tests: list[str]


class ReplaceValues(TypedDict):
    """better is best first; successors are the official ones, oldest first."""

    task: str
    runtime: str
    model: CandidateValues
    successors: list[str]
    better: list[CandidateValues]


class CheckResultValues(TypedDict):
    """`plan` is null where there was none: a request that cannot be asked, hardware that cannot be read."""

    name: str
    model: str
    line: int
    machine: str
    status: Literal["pass", "fail", "invalid", "unreadable"]
    exit_code: int
    message: str
    min_speed: float | None
    plan: PlanValues | None


class CheckValues(TypedDict):
    """exit_code is the worst of the results'."""

    file: str
    exit_code: int
    results: list[CheckResultValues]


class CommandValues(TypedDict):
    """argv is exact; line is the same for a POSIX shell."""

    argv: list[str]
    env: dict[str, str]
    purpose: str
    line: str


class DownloadValues(TypedDict):
    what: str
    bytes: int | None
    where: str


class LaunchValues(TypedDict):
    """files are written first, then prepare runs in order, then serve."""

    fits: bool
    plan: PlanValues
    serve: CommandValues
    prepare: list[CommandValues]
    files: dict[str, str]
    downloads: list[DownloadValues]
    notes: list[str]


class VerifyRowValues(TypedDict):
    """error is (predicted - actual) / actual; only rows that count are part of off_by."""

    kind: str
    where: str
    unit: Literal["bytes", "tokens"]
    predicted: int | None
    actual: int | None
    error: float | None
    counts: bool


class VerifyValues(TypedDict):
    runtime: str
    runtime_version: str | None
    model: str
    format: str
    context: int | None
    device: str | None
    off_by: float
    tolerance: float
    within: bool
    recorded: bool
    rows: list[VerifyRowValues]


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


class CorrectionValues(TypedDict):
    """factor is the median of actual / predicted over the last runs."""

    runtime: str
    device: str
    kind: str
    factor: float
    runs: int


class CorrectionsValues(TypedDict):
    """`verify --corrections`."""

    corrections: list[CorrectionValues]


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


class RentedValues(TypedDict):
    """usd_per_million_tokens is for generated tokens with all sequences busy."""

    offer: str
    provider: str
    instance: str
    region: str
    gpu: str
    count: int
    usd_per_hour: float
    price_date: str
    usd_per_million_tokens: float | None
    longest_context: int | None
    plan: PlanValues


class RentedCommandValues(TypedDict):
    """What plan --cloud prints."""

    model: str
    rented: list[RentedValues]


class TrainingLaunchValues(TypedDict):
    """What launch --train prints: files are written first, then serve starts the run."""

    fits: bool
    run: TuneValues
    serve: CommandValues
    files: dict[str, str]
    notes: list[str]
