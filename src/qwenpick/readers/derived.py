"""A model that others made of a Qwen, by its name alone: planned with the architecture of the one underneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.readers.reading import Reading

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog
    from qwenpick.catalog.names.derivatives import Derived


def read_derived(text: str, catalog: Catalog) -> Reading | None:
    """The model of that name with its base's architecture and what its base is known for; None where nothing says what lies underneath."""
    from qwenpick.catalog.names.derivatives import derived
    from qwenpick.catalog.schema import Checkpoint, Context, Licence
    from qwenpick.readers.describe import slug
    from qwenpick.readers.known import plain_name

    found = derived(catalog, text)
    if found is None:
        return None
    base, listed = found.base, found.listed
    named = plain_name(text.replace(":", "-"))
    own = listed.repo.rsplit("/", 1)[-1] if listed and slug(named) in (listed.id, *map(slug, listed.aliases)) else named
    repo = text.strip() if text.count("/") == 1 and own == text.strip().rsplit("/", 1)[-1] else None
    if listed and own == listed.repo.rsplit("/", 1)[-1]:
        repo = listed.repo
    note = _note(found, own)
    clause = _(
        "Derived from {name} ({id}); a derived model may have other terms, ask whoever published it.",
        name=base.name,
        id=base.licence.id,
    )
    changed = {
        "id": slug(own),
        "name": own,
        "official": False,
        "huggingface": repo,
        "modelscope": None,
        "ollama": None,
        "aliases": (),
        "licence": Licence(id="unknown", commercial_use="unknown", clause=clause),
        "checkpoints": (Checkpoint(format="bf16", repo=repo, official=False),),
        "published": listed.published if listed else (),
        "predecessor": None,
        "successor": None,
        "notes": note,
        "sources": (listed.source,) if listed else base.sources,
    }
    if listed and listed.context:
        changed["context"] = Context(native=listed.context, note=_("what its config allows"))
    model = base.model_copy(update=changed)
    return Reading(model, catalog.architecture(base), model.checkpoints, note)


def _note(found: Derived, name: str) -> str:
    """How it is known what lies underneath, and where more is to be had."""
    if found.listed is None:
        return _(
            "{name} is made of {base} by its name, and planned with its architecture; owner/name with --online reads its own",
            name=name,
            base=found.base.name,
        )
    if found.listed.shape_only:
        return _(
            "{name} has the shape of {base} ({source}), and is planned with its architecture",
            name=name,
            base=found.base.name,
            source=found.listed.source,
        )
    return _(
        "{name} is a {base} underneath ({source}), and planned with its architecture",
        name=name,
        base=found.base.name,
        source=found.listed.source,
    )
