"""What every command that plans says of a plan, its memory, its speed and the box."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class Envelope(TypedDict):
    """What every command prints around its own fields."""

    schema_version: str
    qwenpick_version: str
    catalog_date: str
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
    data_parallel: int
    expert_parallel: bool
    stage_layers: list[int] | None
    table_in_ram: bool


class PartValues(TypedDict):
    name: str
    kind: str
    bytes: int
    where: str
    formula: str


class MemoryValues(TypedDict):
    """`later` is not in `total`: of the kind surge for moments only, of the kind cache what a server may keep of requests that are done."""

    total: int
    low: int
    high: int
    parts: list[PartValues]
    later: list[PartValues]


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


class DepthValues(TypedDict):
    """Tokens/s of one sequence with so many tokens in its cache; `prefill` is the mean over one prompt that filled it, null at the start."""

    depth: int
    each: BandValues
    prefill: BandValues | None


class RooflineValues(TypedDict):
    """What reading memory bounds: tokens/s = accepted x bandwidth / bytes_per_token. `accepted` is the most tokens that a step yields."""

    tokens_per_second: float
    bytes_per_token: int
    bandwidth: int
    accepted: float


class SpeedValues(TypedDict):
    """Tokens/s; first_token in seconds, of `prompt` tokens. `each` and `decode` are at `depth`, `prefill` of a prompt that fills the context."""

    decode: BandValues
    prefill: BandValues
    first_token: BandValues
    together: BandValues
    each: BandValues
    depth: int
    prompt: int
    sequences: int
    why: str
    by_depth: list[DepthValues]
    roofline: RooflineValues


class FileValues(TypedDict):
    """A published file. `files` is empty where the whole repository is one checkpoint; `bytes` is off by `rounding` at most, or `by_rule`.

    By a rule for a repository whose layout is not known: between `least` and `most`, what others publish under the same words.
    """

    repository: str | None
    tag: str | None
    files: list[str]
    bytes: int
    rounding: int
    by_rule: bool
    least: int | None
    most: int | None
    projector: str | None
    source: str
    checked: str


class SpeculationValues(TypedDict):
    """A drafting that the plan uses of its own accord; accepted drafts of a step that are right on average, speed_without tokens/s."""

    kind: Literal["mtp"]
    draft_tokens: int
    accepted: float
    speed_without: BandValues


class CopiesValues(TypedDict):
    """Copies that the box holds, each on GPUs of its own, and the tokens/s of all of them; `placement` is one copy."""

    count: int
    together: BandValues | None


class PlanValues(TypedDict):
    """`replicas` is null where the box holds one copy, or none was asked about."""

    model: str
    name: str
    verdict: Literal["fits", "tight", "no", "refused"]
    reason: str
    runtime: str
    runtime_version: str
    format: str
    repository: str | None
    file: FileValues | None
    here: str | None
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
    speculation: SpeculationValues | None
    replicas: CopiesValues | None


class RankValues(TypedDict):
    """Bytes of one rank, as the engine logs them when it starts."""

    where: str
    weights_bytes: int
    peak_activation_bytes: int
    outside_torch_bytes: int
    cuda_graph_bytes: int
    available_kv_cache_bytes: int


class ServerCacheValues(TypedDict):
    """Bytes that a local server may grow to beside the run; null prompts are not bounded.

    Where they may outgrow what is left, settings hold them within it.
    """

    server: str
    where: str
    prompts: int | None
    checkpoints: int
    left: int | None
    exceeds: bool
    settings: list[str]


class EngineValues(TypedDict):
    """The account that vLLM or SGLang logs when it starts with its own settings: bytes of the fullest rank, `ranks` where they differ.

    `measured` is false where no start of this version was measured; `mem_fraction_static` and `state_slots` are SGLang's. `starts` is false where the
    engine would give up with its own settings and the options that were given: `refusal` says why, and `launch` writes settings that hold.
    """

    version: str
    measured: bool
    starts: bool
    refusal: str | None
    weights_bytes: int
    peak_activation_bytes: int
    outside_torch_bytes: int
    cuda_graph_bytes: int
    available_kv_cache_bytes: int
    blocks: int
    block_tokens: int
    kv_cache_tokens: int
    max_concurrency: float
    mem_fraction_static: float | None
    state_slots: int | None
    ranks: list[RankValues]


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
