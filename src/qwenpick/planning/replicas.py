"""How many copies of a plan a box holds: a box with more GPUs than one copy needs serves the others' users with the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwenpick.memory.account import RAM
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.speed import Band


@dataclass(frozen=True, slots=True)
class Replicas:
    """So many copies, each on GPUs of its own, and the tokens/s of them all; `together` is None where the speed is not known."""

    count: int
    together: Band | None


def replicas(plan: Plan, machine: Machine) -> Replicas | None:
    """The copies that the box holds; None where it holds one, or the plan does not lie on GPUs of one kind alone.

    Copies take GPUs equal to the plan's with as much free, and each its part of the RAM. One copy may lie on a part of a GPU; two on one GPU are
    not counted, since they would share its bandwidth.
    """
    own = plan.placement.devices
    if not plan.holds() or plan.mode != "gpu" or not own or len(set(own)) > 1 or plan.placement.nodes > 1:
        return None
    count = sum(device == own[0] for device in machine.devices) // len(own)
    in_ram = sum(place.need for place in plan.places if place.where == RAM)
    if in_ram and machine.ram_free is not None:
        count = min(count, machine.ram_free // in_ram)
    if count < 2:
        return None
    if plan.speed is None:
        return Replicas(count, None)
    from qwenpick.speed import Band

    one = plan.speed.together
    return Replicas(count, Band(one.value * count, one.low * count, one.high * count))
