"""From what was read to catalogue values: the Architecture of a shape, and the Model that inherits what its base is known for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.readers.known import find_base, same_shapes
from qwenpick.readers.reading import Reading
from qwenpick.readers.safetensors import StoredTensor
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model

_INHERITED = (
    "series", "kind", "variant", "inputs", "outputs", "capabilities", "thinking", "thinking_note", "languages", "min_versions",
)  # fmt: skip
MOST_PARAMETERS = 10**15  # a thousand times the largest model; past 2^63 nothing stores the count
_WEIGHTS_OF = {"vision": "visual", "audio": "audio_tower"}  # where transformers keeps the towers' weights


@dataclass(frozen=True, slots=True)
class Found:
    """What a file, a directory or a hub says of a model, before the catalogue is asked.

    `names` are its own, `bases` what it says it was made from; `context` is the longest its config allows, `source` where it was read,
    `date` when that was written. `tensors` is () where no weights were seen.
    """

    shape: Mapping[str, Any]
    names: tuple[str, ...]
    bases: tuple[str, ...]
    context: int | None
    checkpoint: Mapping[str, Any]
    source: str
    date: str
    tensors: tuple[StoredTensor, ...] = ()
    speaks: bool = False
    text_only: bool = False


def describe(catalog: Catalog, found: Found) -> Reading:
    """The values for what was found. Raises QwenpickError where a part's size is unknown."""
    from qwenpick.catalog.schema import Checkpoint
    from qwenpick.memory.tensors import parameters

    alike = same_shapes(catalog, found.shape, speaks=found.speaks, text_only=found.text_only)
    base = find_base(catalog, found.names, found.bases, alike)
    own = slug(found.names[0])
    architecture = catalog.architecture(base[0]) if base else _new_architecture(catalog, found, own)
    if (count := parameters(architecture)) > MOST_PARAMETERS:
        raise QwenpickError(_("its config makes {count} parameters, which no model has: it is damaged", count=count))
    checkpoint = Checkpoint.model_validate(found.checkpoint)
    return Reading(_model(found, own, architecture, base, checkpoint), architecture, (checkpoint,))


def _model(
    found: Found, own: str, architecture: Architecture, base: tuple[Model, bool] | None, checkpoint: Checkpoint
) -> Model:
    from qwenpick.catalog.schema import Context, Licence, Model, Parameters
    from qwenpick.memory.tensors import active_parameters, parameters

    facts = {
        "id": own,
        "name": found.names[0].rsplit("/", 1)[-1][:200],
        "open_weights": True,
        "official": False,
        "architecture": architecture.id,
        "parameters": Parameters(total=parameters(architecture), active=active_parameters(architecture)),
        "checkpoints": (checkpoint,),
        "sources": (found.source,),
        "checked": found.date,
    }
    if base is None:
        unknown = Licence(
            id="unknown", commercial_use="unknown", clause=_("The files do not say; ask whoever published them.")
        )
        window = Context(native=found.context, note=_("what its config allows")) if found.context else None
        note = _(
            "Read from its files; no model of this shape is in the catalog, so nothing is known of what it is good at."
        )
        unseen = {"series": "unknown", "kind": "chat", "licence": unknown, "inputs": ("text",), "outputs": ("text",)}
        return Model.model_validate({**facts, **unseen, "context": window, "notes": note})
    known, same = base
    licence = known.licence
    if not same:
        clause = _(
            "Derived from {name} ({id}); a derived model may have other terms, ask whoever published it.",
            name=known.name,
            id=known.licence.id,
        )
        licence = Licence(id="unknown", commercial_use="unknown", clause=clause)
    context = known.context
    if found.context and (context is None or found.context < context.native):
        context = Context(native=found.context, note=_("what its config allows"))
    note = _(
        "Read from its files; {value} {name}, whose context and capabilities it is given.",
        value=_("weights of") if same else _("same shape as"),
        name=known.name,
    )
    inherited = {name: getattr(known, name) for name in _INHERITED}
    return Model.model_validate({**facts, **inherited, "licence": licence, "context": context, "notes": note})


def _new_architecture(catalog: Catalog, found: Found, own: str) -> Architecture:
    """The Architecture of a shape that the catalogue does not have; parts without a formula are counted in the weights, or borrowed."""
    from qwenpick.catalog.schema import Architecture
    from qwenpick.memory.tensors import parameters

    fields = dict(found.shape)
    stored_whole = bool(found.tensors) and all(t.type in ("F32", "F16", "BF16") for t in found.tensors)
    for tower, prefix in _WEIGHTS_OF.items():
        if not fields.get(tower) or fields[tower].get("parameters"):
            continue
        counted = (
            sum(t.elements for t in found.tensors if re.search(rf"(^|\.){prefix}\.", t.name)) if stored_whole else 0
        )
        fields[tower] = {**fields[tower], "parameters": counted or _borrowed(catalog, tower, fields[tower])}
    architecture = Architecture.model_validate({**fields, "id": own, "source": found.source, "checked": found.date})
    if not (found.speaks or architecture.model_type in ("qwen4_exp", "qwen3_tts")):
        return architecture
    rest = sum(t.elements for t in found.tensors) - parameters(architecture) - parameters(architecture, "mtp")
    if not stored_whole or rest <= 0:
        raise QwenpickError(
            _(
                "a {model_type} has parts whose size its config does not tell; give the directory with its 16-bit weights",
                model_type=architecture.model_type,
            )
        )
    extra = {
        "name": "other",
        "parameters": rest,
        "note": _("counted in the weights: what is neither language model nor tower"),
    }
    return Architecture.model_validate({**architecture.model_dump(), "extras": (extra,)})


def _borrowed(catalog: Catalog, tower: str, fields: Mapping[str, Any]) -> int:
    """Parameters of the catalogue's tower with the same numbers."""
    for architecture in catalog.architectures.values():
        other = getattr(architecture, tower)
        if other is not None and all(getattr(other, k) == v for k, v in fields.items()):
            count: int = other.parameters
            return count
    raise QwenpickError(
        _(
            "this model's {tower} tower is not known; give the directory with its 16-bit weights to have it counted",
            tower=tower,
        )
    )


def slug(name: str) -> str:
    """An id from a name.

    >>> slug("someone/My Qwen3_8B.finetune")
    'my-qwen3-8b.finetune'
    """
    last = name.rstrip("/").rsplit("/", 1)[-1].casefold()
    return re.sub(r"[^a-z0-9.+]+", "-", last).strip("-.+")[:120].strip("-.+") or "model"


def paths(values: Sequence[object]) -> tuple[str, ...]:
    """The non-empty strings among values that should be names: metadata is not to be trusted."""
    return tuple(v for v in values if isinstance(v, str) and v.strip())
