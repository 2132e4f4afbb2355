"""The shipped catalogue as scorers ask it: by a row's model name."""

from __future__ import annotations

from functools import cache

from benchmarks.scoreboard import Scorer
from qwenpick import catalog
from qwenpick.catalog import Architecture, Model
from qwenpick.errors import QwenpickError


@cache
def found(name: str) -> tuple[Model, Architecture] | None:
    """The model of a row, and its architecture; None where the catalogue has none."""
    known = catalog_of_rows()
    try:
        model = catalog.find_model(known, name)
    except QwenpickError:
        return None
    return (model, known.architecture(model)) if model.architecture else None


@cache
def catalog_of_rows() -> catalog.Catalog:
    """The shipped catalogue."""
    return catalog.load()


TABLES: dict[str, Scorer] = {}
