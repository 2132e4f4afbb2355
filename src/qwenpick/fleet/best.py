"""The best plan of one model on one box, for every question that a cluster is asked: the one place that a cluster takes it from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.fitting.answer import Answer, fit
from qwenpick.recommending.request import Request

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Machine


def best(catalog: Catalog, machine: Machine, model: Model, request: Request) -> Answer:
    """What `fit` answers on this machine. Raises QwenpickError as it does."""
    return fit(catalog, machine, model, request)
