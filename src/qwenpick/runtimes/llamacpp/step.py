"""A step of a walk through the graph: which layer, and on which side its weights lie."""

from __future__ import annotations

from typing import Literal, NamedTuple

Side = Literal["gpu", "ram"]


class Step(NamedTuple):
    """A layer of the sample: `layer` stands for all that are like it (alike.py), and where its weights and its experts lie."""

    layer: int
    side: Side
    experts: Side


OUTPUT = -1  # stands for the layer of what follows the last one
