"""What a fact looks like: the pydantic models of data/*.yaml, in one place to import from."""

from __future__ import annotations

from qwenpick.catalog.accelerator import EngineBuild, Gpu, Price, Rates, Unknown
from qwenpick.catalog.architecture import (
    Architecture,
    AudioTower,
    DenseMlp,
    ExtraPart,
    FullAttention,
    Indexer,
    Layer,
    LinearAttention,
    Mlp,
    MoeMlp,
    SlidingAttention,
    VisionTower,
)  # fmt: skip
from qwenpick.catalog.fact import Fact
from qwenpick.catalog.model import (
    Checkpoint,
    CommercialUse,
    Context,
    Kind,
    Licence,
    Modality,
    Model,
    Parameters,
    Thinking,
)
from qwenpick.catalog.offer import CloudOffer
from qwenpick.catalog.published import Derivative, ModelFiles, Published

__all__ = [
    "Architecture", "AudioTower", "Checkpoint", "CloudOffer", "CommercialUse", "Context", "DenseMlp", "Derivative", "EngineBuild", "ExtraPart",
    "Fact", "FullAttention", "Gpu", "Indexer", "Kind", "Layer", "Licence", "LinearAttention", "Mlp", "Modality", "Model", "ModelFiles", "MoeMlp",
    "Parameters", "Price", "Published", "Rates", "SlidingAttention", "Thinking", "Unknown", "VisionTower",
]  # fmt: skip
