"""One model: what it is, where its weights lie and in which formats, under which licence, and what it follows and is followed by."""

from typing import Literal

from pydantic import Field

from qwenpick.catalog.fact import Date, Fact, Id, Line, Natural, Positive, Repository, Tag
from qwenpick.catalog.published import Published

CommercialUse = Literal["free", "free-under-threshold", "needs-request", "non-commercial", "unknown"]
Modality = Literal["text", "image", "video", "audio", "speech", "embedding", "score"]
Thinking = Literal["no", "always", "hybrid"]
Kind = Literal[
    "chat",
    "base",
    "code",
    "math",
    "vision",
    "audio",
    "omni",
    "speech",
    "embedding",
    "reranker",
    "guard",
    "reward",
    "agent",
]


class Licence(Fact):
    """Under which terms, and what they say of commercial use."""

    id: str
    commercial_use: CommercialUse
    clause: str = Field(description="The words that decide it, or what the licence says in short")
    url: str | None = None
    basis: Literal["transcription", "family"] | None = Field(
        default=None,
        description="Where the licence itself was not read: a transcription by others, or the rule of its family",
    )


class Context(Fact):
    """How many tokens a model reads: as it is, and stretched (YaRN and the like)."""

    native: Positive
    extended: Positive | None = None
    method: str | None = None
    note: str | None = None


class Parameters(Fact):
    """Exact counts. `total` counts tied weights once, vision included, MTP excluded; `active` is the text path per token."""

    total: Positive
    active: Positive
    published: Positive | None = Field(default=None, description="The hub's safetensors total")
    difference: str | None = Field(default=None, description="Why `published` is not `total`")


class Checkpoint(Fact):
    """A published set of weights in one format. `bytes` is its measured size and wins over the formula."""

    format: Line
    formats: tuple[str, ...] = Field(
        default=(), description="Of a GGUF repository: the formats that it has files of; empty where that is not known"
    )
    repo: Repository | None = Field(
        default=None, description="Where to get it; absent where nobody is known to publish it"
    )
    official: bool = True
    bytes: Positive | None = None
    rounding: Natural = Field(default=0, description="How far `bytes` may be off, where a listing rounds them")
    by_rule: bool = Field(
        default=False, description="Whether `bytes` are what its publisher's method makes of the architecture"
    )
    label: str | None = Field(
        default=None, description="The format as its publisher spells it, where it is none of ours: UD-Q4_K_XL"
    )
    mtp: bool = Field(default=True, description="Whether the file holds the MTP block, where the architecture has one")
    mtp_source: str | None = Field(
        default=None, description="Who says that weights which others quantized hold the MTP block"
    )
    recipes: tuple[str, ...] = Field(
        default=(), description="Engines whose own recipe serves this repository: it comes before others of its format"
    )
    note: str | None = None
    source: str | None = None

    @property
    def shown(self) -> str:
        """The format as people read it: the publisher's own name where it is none of ours."""
        return self.label or self.format


class Model(Fact):
    """One model: a size and a variant of a series."""

    id: Id
    name: Line
    series: Line
    kind: Kind
    open_weights: bool
    official: bool = True
    architecture: str | None = Field(default=None, description="Id of its architecture; absent for API-only names")
    huggingface: Repository | None = None
    modelscope: Repository | None = None
    ollama: Tag | None = None
    aliases: tuple[str, ...] = ()
    variant: str | None = None
    released: Date | None = None
    licence: Licence
    inputs: tuple[Modality, ...] = ()
    outputs: tuple[Modality, ...] = ()
    capabilities: tuple[str, ...] = ()
    thinking: Thinking | None = None
    thinking_note: str | None = None
    languages: str | None = None
    context: Context | None = None
    parameters: Parameters | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    published: tuple[Published, ...] = Field(
        default=(), description="Its files with their bytes; shipped in files.json"
    )
    predecessor: str | None = Field(default=None, description="Same role and size class in an earlier generation")
    successor: str | None = Field(default=None, description="Same role and size class in a later generation")
    open_alternative: str | None = Field(
        default=None, description="For an API-only name: the open model nearest in role and size"
    )
    min_versions: dict[str, str] = Field(default_factory=dict, description="Runtime -> the first version that runs it")
    min_versions_note: str | None = None
    engine_flags: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Runtime -> what its server must be told of this model, by the model's card"
    )
    notes: str | None = None
    sources: tuple[str, ...] = Field(min_length=1)
    checked: Date

    def __hash__(self) -> int:
        # ids are unique, and hashing every field at each cached look-up would cost more than the look-up saves
        return hash(self.id)
