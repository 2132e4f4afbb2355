"""From a name as people write it to the entry that is meant."""

from __future__ import annotations

import re

from qwenpick.catalog.load import Catalog
from qwenpick.catalog.schema import Model
from qwenpick.errors import QwenpickError, did_you_mean


def fold(name: str) -> str:
    """A name without what people vary: case, owner, separators.

    >>> fold("Qwen/Qwen3-8B"), fold("qwen3_8b"), fold("Qwen3:8b")
    ('qwen3-8b', 'qwen3-8b', 'qwen3-8b')
    """
    return re.sub(r"[\s_:-]+", "-", name.strip().rsplit("/", 1)[-1].casefold()).strip("-")


def find_model(catalog: Catalog, name: str) -> Model:
    """The model of that id, alias, repository or Ollama tag. Raises QwenpickError with the nearest name."""
    wanted = fold(name)
    for model in catalog.models.values():
        names = (model.id, model.name, model.huggingface or "", model.ollama or "", *model.aliases)
        if wanted in {fold(n) for n in names if n}:
            return model
    raise QwenpickError(
        f"there is no model '{name}'{did_you_mean(wanted, catalog.models)} (qwenpick models lists them)"
    )
