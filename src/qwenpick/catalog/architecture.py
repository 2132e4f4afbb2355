"""The shape of a model: its layers, its experts, its towers. Everything about memory is derived from it."""

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from qwenpick.catalog.fact import MOST_LAYERS, Date, Fact, Id, Layers, Natural, Positive

MOST_MTP = 16  # prediction layers; Qwen has one


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
    count: Layers = 1
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
    count: Layers = 1
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
    count: Layers = 1
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
    depth: Layers
    hidden_size: Positive
    intermediate_size: Positive
    heads: Positive
    patch_size: Positive
    merge_size: Positive | None = None
    temporal_patch_size: Positive | None = None
    output_size: Positive
    positions: Positive | None = Field(default=None, description="Learned position embeddings")
    deepstack_layers: tuple[Natural, ...] = Field(default=(), max_length=MOST_LAYERS)
    fixed_tokens_per_image: Positive | None = Field(default=None, description="Qwen-VL: 256 whatever the image")


class AudioTower(Fact):
    """The Whisper-style audio encoder."""

    parameters: Positive
    layers: Layers
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
    active: bool = Field(default=False, description="Every token of text uses it")
    note: str


class Architecture(Fact):
    """The shape of a model, shared by its siblings. `layers` is a pattern that repeats until there are `num_layers`."""

    id: Id
    model_type: str = Field(description="transformers' model_type")
    gguf_arch: str | None = Field(default=None, description="llama.cpp's architecture name; absent where it has none")
    vocab_size: Positive
    hidden_size: Positive
    tied_embeddings: bool
    num_layers: Layers
    layers: tuple[Layer, ...] = Field(min_length=1, max_length=MOST_LAYERS)
    mlp: Mlp
    residual_streams: Positive = Field(
        default=1, description="Hidden states that pass the layers side by side (hyper-connections)"
    )
    mtp_layers: Annotated[int, Field(ge=0, le=MOST_MTP)] = 0
    mtp_parameters: Positive | None = Field(
        default=None, description="Counted, where the MTP block holds more than a plain layer"
    )
    vision: VisionTower | None = None
    audio: AudioTower | None = None
    extras: tuple[ExtraPart, ...] = ()
    source: str
    checked: Date

    @model_validator(mode="after")
    def _has_a_cache(self) -> Self:
        if sum(layer.count for layer in self.layers) > 2 * MOST_LAYERS or all(
            isinstance(layer, LinearAttention) for layer in self.layer_list
        ):
            raise ValueError("none of its layers is an attention layer: the pattern is longer than the model")
        return self

    def __hash__(self) -> int:
        # ids are unique, and hashing every field at each cached look-up would cost more than the look-up saves
        return hash(self.id)

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
