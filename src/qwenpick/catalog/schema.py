"""What a fact looks like: the pydantic models of data/models.yaml and data/gpus.yaml.

Absent means not known; nothing has a stand-in default. Sizes are bytes, bandwidths bytes/s, rates FLOP/s (or OP/s), contexts tokens.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]*$")]
Date = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]  # as exact as the source is
Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
PCI_ID = r"^[0-9a-f]{4}:[0-9a-f]{4}(/[0-9a-f]{4}:[0-9a-f]{4})?$"


class Fact(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


# -- architectures -----------------------------------------------------------------------------------------------------


class Indexer(Fact):
    """The sparse-attention indexer of Flash-Next: it keeps one compressed key per `compress_ratio` tokens."""

    heads: Positive
    kv_heads: Positive
    head_dim: Positive
    compress_ratio: Positive
    budget: Positive = Field(description="Tokens that a query attends to")


class FullAttention(Fact):
    """A layer whose key-value cache grows with every token. `head_dim` is read from the config, never hidden/heads."""

    kind: Literal["full_attention"]
    count: Positive = 1
    heads: Positive
    kv_heads: Positive
    head_dim: Positive
    qkv_bias: bool = False
    qk_norm: bool = False
    output_gate: bool = Field(
        default=False, description="The query projection is twice as wide: half of it gates the output"
    )
    indexer: Indexer | None = None


class SlidingAttention(Fact):
    """A layer whose key-value cache holds the last `window` tokens only."""

    kind: Literal["sliding_attention"]
    count: Positive = 1
    heads: Positive
    kv_heads: Positive
    head_dim: Positive
    window: Positive
    qkv_bias: bool = False
    qk_norm: bool = False
    output_gate: bool = False


class LinearAttention(Fact):
    """A gated delta-net layer: a state per sequence that does not grow with the context."""

    kind: Literal["linear_attention"]
    count: Positive = 1
    key_heads: Positive
    value_heads: Positive
    key_head_dim: Positive
    value_head_dim: Positive
    conv_kernel: Positive

    @property
    def conv_channels(self) -> int:
        """Channels of the short convolution: queries, keys and values side by side."""
        return 2 * self.key_heads * self.key_head_dim + self.value_heads * self.value_head_dim

    @property
    def conv_state_elements(self) -> int:
        """Elements of the convolution's state per sequence: the last kernel - 1 inputs."""
        return (self.conv_kernel - 1) * self.conv_channels

    @property
    def ssm_state_elements(self) -> int:
        """Elements of the recurrent state per sequence: one key_dim x value_dim matrix per value head."""
        return self.value_heads * self.key_head_dim * self.value_head_dim


Layer = Annotated[FullAttention | SlidingAttention | LinearAttention, Field(discriminator="kind")]


class DenseMlp(Fact):
    """gate, up and down projections."""

    kind: Literal["dense"]
    intermediate_size: Positive


class MoeMlp(Fact):
    """A router, `experts` expert MLPs of which `experts_per_token` run, and perhaps a shared one that always runs."""

    kind: Literal["moe"]
    experts: Positive
    experts_per_token: Positive
    intermediate_size: Positive
    shared_intermediate_size: Natural = 0


Mlp = Annotated[DenseMlp | MoeMlp, Field(discriminator="kind")]


class VisionTower(Fact):
    """The image encoder. One merged token covers (patch x merge)^2 pixels."""

    kind: Literal["qwen_vl", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5"]
    parameters: Positive
    depth: Positive
    hidden_size: Positive
    intermediate_size: Positive
    heads: Positive
    patch_size: Positive
    merge_size: Positive | None = None
    temporal_patch_size: Positive | None = None
    output_size: Positive
    positions: Positive | None = Field(default=None, description="Learned position embeddings")
    deepstack_layers: tuple[Natural, ...] = ()
    fixed_tokens_per_image: Positive | None = Field(default=None, description="Qwen-VL: 256 whatever the image")


class AudioTower(Fact):
    """The Whisper-style audio encoder."""

    parameters: Positive
    layers: Positive
    hidden_size: Positive
    intermediate_size: Positive
    heads: Positive
    mel_bins: Positive
    output_size: Positive | None = None
    tokens_per_second: float | None = Field(default=None, gt=0)


class ExtraPart(Fact):
    """Weights beside the language model and its towers: a speech talker, a codec decoder, an n-gram table."""

    name: Id
    parameters: Positive
    note: str


class Architecture(Fact):
    """The shape of a model, shared by its siblings. `layers` is a pattern that repeats until there are `num_layers`."""

    id: Id
    model_type: str = Field(description="transformers' model_type")
    gguf_arch: str | None = Field(default=None, description="llama.cpp's architecture name; absent where it has none")
    vocab_size: Positive
    hidden_size: Positive
    tied_embeddings: bool
    num_layers: Positive
    layers: tuple[Layer, ...] = Field(min_length=1)
    mlp: Mlp
    mtp_layers: Natural = 0
    mtp_parameters: Positive | None = Field(
        default=None, description="Counted, where the MTP block holds more than a plain layer"
    )
    vision: VisionTower | None = None
    audio: AudioTower | None = None
    extras: tuple[ExtraPart, ...] = ()
    source: str
    checked: Date

    def __hash__(self) -> int:
        return hash(
            self.id
        )  # ids are unique, and hashing every field at each cached look-up would cost more than the look-up saves

    @cached_property
    def layer_list(self) -> tuple[FullAttention | SlidingAttention | LinearAttention, ...]:
        """Every layer from first to last: the pattern, repeated and cut at `num_layers`."""
        pattern = [layer for layer in self.layers for _ in range(layer.count)]
        repeats = -(-self.num_layers // len(pattern))
        return tuple((pattern * repeats)[: self.num_layers])

    @property
    def attention(self) -> FullAttention | SlidingAttention:
        """The first layer kind that has a key-value cache: the one whose head counts an engine reports."""
        return next(layer for layer in self.layers if not isinstance(layer, LinearAttention))

    @property
    def is_hybrid(self) -> bool:
        """Whether some layers keep a recurrent state instead of a growing cache."""
        return any(isinstance(layer, LinearAttention) for layer in self.layers)

    @property
    def is_moe(self) -> bool:
        """Whether a token runs only some of the weights."""
        return isinstance(self.mlp, MoeMlp)


# -- models ------------------------------------------------------------------------------------------------------------

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
        default=None, description="Where the licence itself was not read: a transcription by others, or the rule of its family"
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

    format: str
    repo: str | None = Field(default=None, description="Where to get it; absent where nobody is known to publish it")
    official: bool = True
    bytes: Positive | None = None
    note: str | None = None
    source: str | None = None


class Model(Fact):
    """One model: a size and a variant of a series."""

    id: Id
    name: str
    series: str
    kind: Kind
    open_weights: bool
    official: bool = True
    architecture: str | None = Field(default=None, description="Id of its architecture; absent for API-only names")
    huggingface: str | None = None
    modelscope: str | None = None
    ollama: str | None = None
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
    predecessor: str | None = Field(default=None, description="Same role and size class in an earlier generation")
    successor: str | None = Field(default=None, description="Same role and size class in a later generation")
    open_alternative: str | None = Field(default=None, description="For an API-only name: the open model nearest in role and size")
    min_versions: dict[str, str] = Field(default_factory=dict, description="Runtime -> the first version that runs it")
    min_versions_note: str | None = None
    notes: str | None = None
    sources: tuple[str, ...] = Field(min_length=1)
    checked: Date

    def __hash__(self) -> int:
        return hash(
            self.id
        )  # ids are unique, and hashing every field at each cached look-up would cost more than the look-up saves


# -- GPUs --------------------------------------------------------------------------------------------------------------


class Price(Fact):
    """What it cost, where and when: prices move weekly. `usd` to `usd_to` is the range of new parts where the source gives one."""

    usd: float | None = Field(default=None, gt=0)
    usd_to: float | None = Field(default=None, gt=0)
    text: str | None = Field(default=None, description="The source's own words")
    date: Date | None = None
    source: str | None = None


class Rates(Fact):
    """Dense rates in FLOP/s (OP/s for int8), without sparsity, of one device. `*_supported` says what the hardware has units for."""

    fp16: float | None = Field(default=None, gt=0, description="Tensor units, FP32 accumulation")
    fp16_basis: str | None = Field(
        default=None, description="datasheet, computed from units x clock, or whose estimate"
    )
    fp16_accumulate16: float | None = Field(default=None, gt=0, description="Tensor units, FP16 accumulation")
    fp16_vector: float | None = Field(default=None, gt=0, description="Without tensor units")
    int8: float | None = Field(default=None, gt=0)
    fp8: float | None = Field(default=None, gt=0)
    fp4: float | None = Field(default=None, gt=0)
    bf16_supported: bool | None = None
    fp8_supported: bool | None = None
    fp4_supported: bool | None = None


class Gpu(Fact):
    """An accelerator as sold. All figures but power and price are of one device as the driver shows it (an MI250 board shows two)."""

    id: Id
    name: str
    vendor: Literal["nvidia", "amd", "intel", "apple", "ascend", "other"]
    segment: Literal["consumer", "workstation", "datacenter", "laptop", "soc"]
    generation: str | None = None
    aliases: tuple[str, ...] = Field(default=(), description="Names that drivers report; not unique: match with memory")
    nicknames: tuple[str, ...] = Field(
        default=(), description="What people call it: wins over other parts whose name contains these words"
    )
    compute_capability: str | None = Field(default=None, description="NVIDIA 8.9, AMD gfx1151, Metal")
    memory_bytes: Positive | None = Field(
        default=None, description="As sold: GiB for a marketing GB, decimal where the notes say so"
    )
    usable_bytes: Positive | None = Field(
        default=None, description="What the driver reports as total, where it was seen; Apple: Metal's working set"
    )
    usable_note: str | None = None
    memory_type: str | None = None
    unified: bool = Field(default=False, description="Its memory is the machine's RAM")
    devices_per_board: Positive = 1
    bandwidth: float | None = Field(default=None, gt=0, description="Bytes/s")
    rates: Rates = Rates()
    power_watts: float | None = Field(default=None, gt=0, description="Of the board")
    nvlink_bandwidth: float | None = Field(default=None, gt=0, description="Bytes/s, both directions together")
    pcie_generation: Positive | None = None
    pcie_lanes: Positive | None = None
    pci_ids: tuple[Annotated[str, StringConstraints(pattern=PCI_ID)], ...] = Field(
        default=(), description="vendor:device, with /subvendor:subdevice where parts share the device id"
    )
    released: Date | None = None
    status: Literal["shipping", "discontinued", "announced", "rumoured"]
    launch_price: Price | None = None
    street_price: Price | None = None
    cloud_price: Price | None = Field(default=None, description="USD an hour, in words")
    notes: str | None = None
    source: str
    checked: Date


__all__ = [
    "Architecture", "AudioTower", "Checkpoint", "CommercialUse", "Context", "DenseMlp", "ExtraPart", "Fact", "FullAttention", "Gpu",
    "Indexer", "Kind", "Layer", "Licence", "LinearAttention", "Mlp", "Modality", "Model", "MoeMlp", "Parameters", "Price", "Rates",
    "SlidingAttention", "Thinking", "VisionTower",
]  # fmt: skip
