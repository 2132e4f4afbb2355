"""Recognising: the catalogue architecture that a shape is, and the catalogue model that a name or a base means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Model

# What only counting the weights tells; a catalogue architecture of the same shape has it counted.
_COUNTED = {"vision": "parameters", "audio": "parameters"}
_LABELS = ("id", "model_type", "gguf_arch", "source", "checked", "extras", "mtp_parameters")
_QUANTIZED = re.compile(
    r"[-_.](gguf|gptq|awq|fp8|int[48]|nf4|nvfp4(-fast)?|mxfp4|mlx|bnb|[0-9]+bit|w[48]a(8|16)|auto-?round|mixed|gs?(32|64|128)|exl[23]|bf16|fp16|f16"
    r"|(ud-)?i?q[1-8](_[0-9a-z]+)*|unsloth|dynamic|i1|imatrix|quantized|\d{5}-of-\d{5})(?=[-_.]|$)",
    re.IGNORECASE,
)


def same_shapes(
    catalog: Catalog, shape: Mapping[str, Any], *, speaks: bool, text_only: bool = False
) -> list[Architecture]:
    """The catalogue architectures with these numbers, likeliest first.

    `speaks` prefers those with a talker. `text_only` leaves towers and MTP out: a GGUF file has them in other files, or not.
    """
    from pydantic import ValidationError

    from qwenpick.catalog.schema import Architecture

    draft = dict(shape, id="x", source="x", checked="2026")
    for tower, field in _COUNTED.items():
        if draft.get(tower):
            draft[tower] = {field: 1, **draft[tower]}
    try:
        wanted = _numbers(Architecture.model_validate(draft), text_only)
    except ValidationError as problem:
        raise QwenpickError(
            _(
                "these numbers do not describe a model: {place} {fault}",
                place=problem.errors()[0]["loc"],
                fault=problem.errors()[0]["msg"],
            )
        ) from None
    kind, arch = shape["model_type"], shape.get("gguf_arch")
    alike = [
        a
        for a in catalog.architectures.values()
        if (a.gguf_arch == arch if text_only else a.model_type == kind) and _numbers(a, text_only) == wanted
    ]
    return sorted(alike, key=lambda a: (a.model_type != kind, bool(a.extras) != speaks, a.id))


def _numbers(architecture: Architecture, text_only: bool) -> dict[str, Any]:
    """What makes two architectures the same: all but names, sources and counts."""
    numbers = architecture.model_dump(
        exclude=set(_LABELS) | ({"vision", "audio", "mtp_layers", "residual_streams"} if text_only else set())
    )
    for tower, field in _COUNTED.items():
        if numbers.get(tower):
            numbers[tower] = {k: v for k, v in numbers[tower].items() if k not in (field, "tokens_per_second")}
    numbers["layers"] = [layer.model_dump() for layer in architecture.layer_list]
    for layer in numbers["layers"]:
        layer.pop("count")
    return numbers


def plain_name(name: str) -> str:
    """A repository's or file's name without what says how it is quantized.

    >>> plain_name("unsloth/Qwen3-8B-UD-Q4_K_XL.gguf"), plain_name("Qwen/Qwen3.5-27B-GPTQ-Int4"), plain_name("mlx-community/Qwen3-4B-4bit")
    ('Qwen3-8B', 'Qwen3.5-27B', 'Qwen3-4B')
    """
    last = name.strip().replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    last = re.sub(r"\.(gguf|safetensors|json)$", "", last, flags=re.IGNORECASE)
    shorter = _QUANTIZED.sub("", last)
    while shorter != last:
        last, shorter = shorter, _QUANTIZED.sub("", shorter)
    return last


def find_base(
    catalog: Catalog, names: Sequence[str], bases: Sequence[str], alike: Sequence[Architecture]
) -> tuple[Model, bool] | None:
    """(the catalogue model that is meant or derived from, whether it is that very model), or None where no model has this shape.

    `names` are the model's own (a name but for its quantization is that very model), `bases` what it says it was made from, `alike` the
    catalogue architectures of the same shape. Without a telling name the best-known model of that shape is the base.
    """
    from qwenpick.catalog.lookup import find_model
    from qwenpick.catalog.names.spelling import fold

    order = {a.id: i for i, a in enumerate(alike)}
    siblings = [m for m in catalog.models.values() if m.architecture in order]
    hints = [(plain_name(hint), hint in names) for hint in (*names, *bases) if 0 < len(hint) < 1000]
    for hint, own in hints:
        try:
            model = find_model(catalog, hint)
        except QwenpickError:
            continue
        if model in siblings:
            return model, own
    for hint, _unused in hints:
        inside = [m for m in siblings if re.search(rf"(?<![a-z0-9.]){re.escape(fold(m.id))}(?![0-9.])", fold(hint))]
        if inside:
            return max(inside, key=lambda m: len(m.id)), False
    ranked = sorted(
        siblings, key=lambda m: (order[m.architecture or ""], m.kind == "base", not m.official, len(m.id), m.id)
    )
    return (ranked[0], False) if ranked else None
