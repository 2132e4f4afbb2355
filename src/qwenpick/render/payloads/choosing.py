"""What fit, recommend, replace, scan, tasks and scenarios answer."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from qwenpick.render.payloads.plans import (
    BandValues,
    EngineValues,
    MachineValues,
    PlanValues,
    ServerCacheValues,
    SpeedValues,
)


class FixValues(TypedDict):
    """saves (at the fullest GPU, else in RAM) and need (everywhere) are bytes.

    speed_change is a fraction of the decode speed, null where a bandwidth is not known, and where the plan ran nowhere; speed is what each user then
    gets, null where a bandwidth is not known. command is whole: what was typed, with the flags in it; null from Python.
    """

    what: str
    saves: int
    flags: str
    need: int
    speed_change: float | None
    speed: BandValues | None
    command: NotRequired[str | None]


class LoadValues(TypedDict):
    """What each of `users` users sees who ask `prompt` tokens and are answered `answer`, and ask again once answered; first_token in seconds."""

    users: int
    prompt: int
    answer: int
    each: BandValues
    together: BandValues
    first_token: BandValues


class UsersValues(TypedDict):
    """now: the users that were asked about. room: how many of the planned context fit at once (1,024 and no more are tried), with
    the settings that launch writes for so many; engine.max_concurrency is what the engine's own settings hold.

    most: how many get min_speed, `then` what they see; null where no min_speed was asked for.
    """

    now: LoadValues
    room: int
    most: int | None
    then: LoadValues | None


class FitValues(PlanValues):
    """usable is whether it fits and is fast enough for the task; left_out is why recommend would not offer the model, null where it would.

    start is the command that starts it; null where it does not fit or is slower than was asked for, and from Python.
    """

    fits: bool
    exit_code: int
    strict: bool
    engine: EngineValues | None
    server_caches: ServerCacheValues | None
    task: str
    usable: bool
    thinking: Literal["off", "low", "high"] | None
    seconds_to_answer: float | None
    left_out: str | None
    longest_context: int | None
    min_speed: float | None
    users: UsersValues | None
    notes: list[str]
    start: NotRequired[str | None]
    fixes: list[FixValues]
    others: list[PlanValues]
    machine: MachineValues


class TaskValues(TypedDict):
    """usable and comfortable are decode tokens/s; context is the default in tokens."""

    name: str
    title: str
    aliases: list[str]
    context: int
    usable: float
    comfortable: float
    kinds: list[str]


class TasksValues(TypedDict):
    tasks: list[TaskValues]


class ScenarioValues(TypedDict):
    """constraints are the options that the scenario stands for."""

    name: str
    title: str
    task: str
    constraints: dict[str, object]


class ScenariosValues(TypedDict):
    scenarios: list[ScenarioValues]


class StoreValues(TypedDict):
    """A directory in which an engine keeps models; problem says why it could not be read, or not to the end."""

    kind: Literal["ollama", "huggingface", "llamacpp", "lmstudio", "mlx", "directory"]
    path: str
    problem: str | None


class StoredModelValues(TypedDict):
    """A model on this disk; what its files do not say, or could not be planned for the reason in problem, is null. bytes are those of its tensors."""

    path: str
    name: str | None
    model: str | None
    format: str | None
    bytes: int | None
    runtime: str | None
    fits: bool | None
    verdict: Literal["fits", "tight", "no", "refused"] | None
    speed: SpeedValues | None
    best_for: list[str]
    problem: str | None


class ScanValues(TypedDict):
    stores: list[StoreValues]
    models: list[StoredModelValues]
    machine: MachineValues


class QualityValues(TypedDict):
    """Points out of 100 after quantization; kept is the share that quantization leaves."""

    value: float
    deviation: float
    kept: float
    inferred: bool
    sources: list[str]


class PickQualityValues(QualityValues):
    """Of what kept is, kept_by_cache is what the formats of cached keys and values leave."""

    kept_by_cache: float


class UnpublishedValues(TypedDict):
    """A format that nobody is known to publish, points of the score better than the pick's file; its quality and speed."""

    format: str
    points: float
    quality: float
    tokens_per_second: float | None


class PickValues(TypedDict):
    """One place. parts add up to score, in points; streams is how many of the context fit at once, looked at up to 64."""

    place: int
    labels: list[str]
    reason: str
    score: float
    parts: dict[str, float]
    quality: PickQualityValues
    thinking: Literal["off", "low", "high"]
    seconds_to_answer: float | None
    usable: bool
    outdone_by: str | None
    longest_context: int | None
    streams: int | None
    unpublished: UnpublishedValues | None
    plan: PlanValues


class RecommendationValues(TypedDict):
    """The picks for one box; left_out says how many models were not considered, by reason; start is the command that starts the first pick.

    It is null where nothing fits, and from Python.
    """

    label: str
    machine: MachineValues
    task: str
    context: int
    users: int
    picks: list[PickValues]
    start: NotRequired[str | None]
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
