"""Which layers lie on which GPU: llama.cpp fills from the last layer backwards, and counts the output as one more layer."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.runtimes.llamacpp.options import Options


@dataclass(frozen=True, slots=True)
class Cut:
    """`held[i]` is the (first, last) range of device i over layers 0 … n, where index n is the output; last is not included.

    Layers before the first range lie in RAM, and the experts of layers before `cpu_moe_layers`.
    """

    held: tuple[tuple[int, int], ...]
    cpu_moe_layers: int
    num_layers: int

    @property
    def first_on_gpu(self) -> int:
        """How many layers lie in RAM."""
        return self.held[0][0] if self.held else self.num_layers + 1

    @property
    def output_on_gpu(self) -> bool:
        """Whether the head lies on the last device."""
        return self.first_on_gpu <= self.num_layers

    @property
    def is_whole(self) -> bool:
        """Whether nothing but the token embedding lies in RAM."""
        return self.first_on_gpu == 0 and not self.cpu_moe_layers


@lru_cache(maxsize=4096)
def cut(
    num_layers: int, devices: int, split: tuple[int, ...] | None, n_gpu_layers: int | None, cpu_moe_layers: int
) -> Cut:
    """The ranges of a placement. Without a split all layers (or `n_gpu_layers`) are shared evenly. Raises QwenpickError for a split of too many."""
    if not devices:
        return Cut((), 0, num_layers)
    everything = num_layers + 1
    if split is None:
        wanted = everything if n_gpu_layers is None else min(n_gpu_layers, everything)
        split = tuple(wanted * (i + 1) // devices - wanted * i // devices for i in range(devices))
    if len(split) != devices or sum(split) > everything:
        raise QwenpickError(
            _(
                "{num_layers} layers and the output make {everything}; split {kind} over {devices} GPUs is not a share of them",
                num_layers=num_layers,
                everything=everything,
                kind=split,
                devices=devices,
            )
        )
    first = everything - sum(split)
    held = []
    for layers in split:
        held.append((first, first + layers))
        first += layers
    return Cut(tuple(held), min(cpu_moe_layers, num_layers), num_layers)


def layers_asked(architecture: Architecture, n_gpu_layers: int | None) -> int | None:
    """-ngl without the MTP block, which counts as the last layer whether it is loaded or not (n_layer_all in llama-model.cpp)."""
    if n_gpu_layers is None or n_gpu_layers < 2:
        return n_gpu_layers
    return max(1, n_gpu_layers - uncounted_layers(architecture))


def experts_asked(options: Options, num_layers: int) -> int:
    """How many layers' experts are asked into RAM, counted as the first ones: layers of one model have experts of nearly one size.

    Raises QwenpickError for a pattern of -ot that means something else.
    """
    if options.cpu_moe:
        return num_layers
    if options.override_tensor is None:
        return min(options.n_cpu_moe, num_layers)
    moved = 0
    for rule in options.override_tensor.split(","):
        pattern, _sign, where = rule.rpartition("=")
        try:
            found = re.compile(pattern)
        except re.error:
            found = re.compile("(?!)")
        hits = sum(
            bool(found.search(f"blk.{i}.ffn_{name}_exps.weight")) for i in range(num_layers) for name in _EXPERTS
        )
        others = any(found.search(f"blk.{i}.{name}.weight") for i in range(num_layers) for name in _OTHERS)
        if where != "CPU" or not hits or others or found.search("output.weight"):
            raise QwenpickError(
                _("llama.cpp's override_tensor is planned for experts alone, like exps=CPU, not {said}", said=rule)
            )
        moved += hits
    return min(-(-moved // len(_EXPERTS)), num_layers)


_EXPERTS, _OTHERS = ("gate", "up", "down"), ("attn_q", "attn_qkv", "ffn_up", "ffn_up_shexp")


def uncounted_layers(architecture: Architecture) -> int:
    """MTP blocks that lie in the file as layers behind the model's own: llama.cpp counts them in -ngl."""
    return architecture.mtp_layers if architecture.gguf_arch in ("qwen35", "qwen35moe") else 0
