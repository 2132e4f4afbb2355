"""What launch, check and verify answer."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from qwenpick.render.payloads.choosing import FitValues
from qwenpick.render.payloads.plans import PlanValues


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


class ProgramValues(TypedDict):
    """A program that must be installed first, and how, in words."""

    program: str
    source: str


class LaunchValues(TypedDict):
    """files are written first, then prepare runs in order, then serve; others run on the other boxes of a model that lies on several.

    needs is null for containers; address (of the OpenAI API: address/v1) where nothing serves, or another program starts what does.
    """

    fits: bool
    task: str | None
    usable: bool | None
    thinking: Literal["off", "low", "high"] | None
    plan: PlanValues
    serve: CommandValues
    prepare: list[CommandValues]
    files: dict[str, str]
    downloads: list[DownloadValues]
    notes: list[str]
    needs: ProgramValues | None
    address: str | None
    others: list[CommandValues]


class SumValues(TypedDict):
    """A place of the box with every model on it; need is the sum of their shares."""

    where: str
    name: str
    need: int
    budget: int | None
    total: int | None


class MemberValues(FitValues):
    """share_bytes is what the model may take at each place of the box, by the place's name; empty where the model has none."""

    share_bytes: dict[str, int]


class TogetherValues(TypedDict):
    """Several models on one box at once."""

    fits: bool
    exit_code: int
    together: Literal[True]
    models: list[MemberValues]
    places: list[SumValues]


class LaunchMemberValues(LaunchValues):
    """share_bytes as in fit."""

    share_bytes: dict[str, int]


class LaunchTogetherValues(TypedDict):
    """Several models on one box, in the order in which they are started."""

    fits: bool
    together: Literal[True]
    models: list[LaunchMemberValues]
    places: list[SumValues]


class CheckResultValues(TypedDict):
    """`plan` is null where there was none: a request that cannot be asked, hardware that cannot be read."""

    name: str
    model: str
    line: int
    machine: str
    status: Literal["pass", "fail", "invalid", "unreadable", "error"]
    exit_code: int
    message: str
    warning: str | None
    min_speed: float | None
    plan: PlanValues | None


class CheckValues(TypedDict):
    """exit_code is the worst of the results'."""

    file: str
    exit_code: int
    results: list[CheckResultValues]


class VerifyRowValues(TypedDict):
    """error is (predicted - actual) / actual; only rows that count are part of the verdict. A speed is right from low to high."""

    kind: str
    where: str
    unit: Literal["bytes", "tokens", "blocks", "tokens/s"]
    predicted: float | None
    actual: float | None
    low: float | None
    high: float | None
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
    unread: list[str]
    notes: list[str]
    rows: list[VerifyRowValues]


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
