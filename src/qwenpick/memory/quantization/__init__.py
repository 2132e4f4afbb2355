"""The storage formats of weights: what each is called, where it runs, and how many bytes each tensor takes in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from qwenpick.catalog.formats import GGUF_BITS, MLX_BITS, SAFETENSORS_BITS
from qwenpick.catalog.schema import Architecture
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.memory.quantization import gguf, mlx, safetensors
from qwenpick.memory.tensors import Tensor, tensors
from qwenpick.values import dataclass

Container = Literal["gguf", "safetensors", "mlx"]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to store weights. `bits` is the nominal width; `on_load` formats are made from 16-bit weights when the engine starts."""

    name: str
    container: Container
    bits: float
    on_load: bool = False


def _formats(container: Container, bits: dict[str, float], on_load: frozenset[str] = frozenset()) -> dict[str, Format]:
    return {name: Format(name, container, width, name in on_load) for name, width in bits.items()}


FORMATS: dict[str, Format] = {
    **_formats("safetensors", SAFETENSORS_BITS, frozenset({"nf4", "int8", "fp8-online"})),
    **_formats("gguf", GGUF_BITS),
    **_formats("mlx", MLX_BITS),
}

_SIZES: dict[Container, Callable[[Architecture, str], tuple[tuple[Tensor, int], ...]]] = {
    "safetensors": safetensors.sizes,
    "gguf": gguf.sizes,
    "mlx": mlx.sizes,
}


def find_format(name: str) -> Format:
    """The format of that name, whatever its case. Raises QwenpickError with the nearest name."""
    folded = {known.casefold(): fmt for known, fmt in FORMATS.items()}
    if fmt := folded.get(name.casefold()):
        return fmt
    raise QwenpickError(
        _("there is no format '{name}'{near} (or use 4bit, 8bit, fp16)", name=name, near=did_you_mean(name, FORMATS))
    )


@lru_cache(maxsize=4096)
def sizes(architecture: Architecture, format_name: str) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes of all its copies) for every tensor of the architecture, as the format stores it."""
    return _SIZES[FORMATS[format_name].container](architecture, format_name)


@lru_cache(maxsize=8192)
def stored_bytes(architecture: Architecture, format_name: str, *, parts: frozenset[str] | None = None) -> int:
    """Bytes of all tensors, or of those of `parts` (text, mtp, vision, …), as the format stores them."""
    return sum(size for tensor, size in sizes(architecture, format_name) if parts is None or tensor.part in parts)


__all__ = ["FORMATS", "Format", "find_format", "sizes", "stored_bytes", "tensors"]
