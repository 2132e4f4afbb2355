"""What fleet prints, and what fit, recommend and launch say of a cluster."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from qwenpick.render.payloads.plans import BandValues, MachineValues, PlanValues


class OutValues(TypedDict):
    """Nodes that take no work, and why."""

    reason: str
    nodes: int


class ClusterValues(TypedDict):
    """`nodes` are all, `out` those of them that take no work; `unclear` says what the records leave open and what was made of it."""

    source: Literal["kubernetes", "slurm", "ray", "file"]
    nodes: int
    out: list[OutValues]
    unclear: list[str]


class KindValues(TypedDict):
    """Equal nodes. `machine` is one of them with what can be planned with; `gpus` and `free_gpus` are of all its nodes together."""

    nodes: list[str]
    count: int
    gpus: int
    free_gpus: int
    machine: MachineValues
    idle: str | None
    labels: dict[str, str]


class WayValues(TypedDict):
    """So many copies on each node of the kind, each on so many GPUs."""

    copies: int
    gpus: int
    format: str
    runtime: str


class RoomValues(KindValues):
    """What a kind holds of a model: `copies` on all its nodes, `together` their tokens/s; `plan` is one copy, or the nearest miss."""

    fits: bool
    copies: int
    nodes_a_copy: int
    link: str | None
    together: BandValues | None
    ways: list[WayValues]
    plan: PlanValues | None
    reason: str


class ReplicasValues(TypedDict):
    """`asked` is None where a place was asked for; `together` is tokens/s of the copies asked for, else of all that there is room for."""

    asked: int | None
    found: int
    together: BandValues | None


class ChosenValues(TypedDict):
    """What `launch` starts: `copies` of `plan` on nodes of one kind, each for `users` of those that were asked for."""

    on: list[str]
    copies: int
    users: int
    plan: PlanValues


class PackedValues(TypedDict):
    """Where the copies of one model lie: the names of its nodes, one a copy; `node` counts within an entry that stands for many."""

    model: str
    name: str
    fits: bool
    copies: int
    places: list[PackedPlaceValues]
    plan: PlanValues | None


class PackedPlaceValues(TypedDict):
    on: str
    gpus: int
    format: str
    runtime: str


class FleetTogetherValues(TypedDict):
    """Several models as one request: `together` is true, `models` as they were asked, `gpus` what all take."""

    fits: bool
    exit_code: int
    together: Literal[True]
    when: Literal["free", "total"]
    cluster: ClusterValues
    gpus: int
    models: list[PackedValues]


class ServingValues(TypedDict):
    """A model for all users: `copies` of `plan` on nodes of one kind, each for `users` of them; `gpus` and `nodes` are what all take together."""

    place: int
    model: str
    name: str
    score: float
    reason: str
    copies: int
    users: int
    gpus: int
    nodes: int
    on: list[str]
    together: BandValues | None
    plan: PlanValues


class FleetRecommendValues(TypedDict):
    fits: bool
    exit_code: int
    when: Literal["free", "total"]
    cluster: ClusterValues
    task: str
    users: int
    context: int
    min_speed: float | None
    picks: list[ServingValues]


class FleetValues(TypedDict):
    when: Literal["free", "total"]
    cluster: ClusterValues
    kinds: list[KindValues]


class FleetFitValues(TypedDict):
    fits: bool
    exit_code: int
    when: Literal["free", "total"]
    model: str
    name: str
    cluster: ClusterValues
    kinds: list[RoomValues]
    replicas: ReplicasValues
    notes: list[str]
    chosen: NotRequired[ChosenValues | None]
