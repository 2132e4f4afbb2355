"""What a Kubernetes node offers, as its own record has it: labels, amounts of resources, and what pods hold of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from qwenpick.machine.inventory.quantities import whole

Amounts = Mapping[str, object]


class Told(NamedTuple):
    """A node's labels, what it offers (`allocatable`), what it has (`capacity`), what pods hold of it (None: nobody says), and its annotations."""

    labels: Mapping[str, str]
    capacity: Amounts
    allocatable: Amounts
    held: Mapping[str, float] | None
    annotations: Mapping[str, str] = {}

    def offered(self, resource: str) -> int:
        """How many of a resource a pod may be given."""
        return whole(self.allocatable.get(resource)) or 0

    def left(self, resource: str, offered: int) -> int | None:
        """How many of them no pod holds."""
        return None if self.held is None else max(0, offered - math.ceil(self.held.get(resource, 0)))
