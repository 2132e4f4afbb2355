"""What was found on one box and stands on another: with the same GPUs beside other RAM or another CPU."""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING

from qwenpick.memory.account import RAM
from qwenpick.recommending.practice import FULL
from qwenpick.recommending.scoring import PREFERENCES
from qwenpick.runtimes.llamacpp.parts import copies_of
from qwenpick.units import GIB
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Hashable

    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.planning.plan import Plan
    from qwenpick.recommending.request import Request
    from qwenpick.recommending.scoring import Scored
    from qwenpick.recommending.search.candidates import Bound, Candidate
    from qwenpick.recommending.search.contender import Row

AMPLE = 2  # times the RAM of a run on GPUs: an MTP block and a cache of fewer bits change little there


@dataclass(slots=True, eq=False)
class Kept:
    """What was found beside one CPU and stands beside any: `rows` of a bound, and what drafts in place of a plan, with the bytes of RAM they need."""

    rows: dict[Bound, tuple[list[Row], int]] = field(default_factory=dict)
    drafted: dict[Hashable, tuple[Scored | None, int]] = field(default_factory=dict)


class Reuse:
    """What was found on other boxes, and what of this one is kept for others. `usable` are the devices that llama.cpp can use."""

    def __init__(self, devices: tuple[Device, ...], usable: list[Device], request: Request, kept: Kept) -> None:
        self._devices, self._usable, self._kept = devices, usable, kept
        # with that preference the room that is left counts, in RAM too
        self._never = bool(PREFERENCES[request.prefer].context) or any(device.unified for device in devices)

    def rows(self, bound: Bound, machine: Machine) -> list[Row] | None:
        """The rows of a bound that were found on another box with these devices and stand on this one."""
        rows, least = self._kept.rows.get(bound, (None, 0))
        return rows if _has_ram(machine, least) else None

    def keep_rows(self, bound: Bound, rows: list[Row], machine: Machine) -> None:
        """Keep the rows of a bound, where they stand on other boxes."""
        least = self._ram_needed(bound, [plan for plan, _ in rows], machine)
        if least is not None:
            self._kept.rows[bound] = rows, least

    def drafted(self, plan: Hashable, machine: Machine) -> tuple[Scored | None] | None:
        """What drafts in place of this plan, found beside other RAM or another CPU: (None,) if nothing does, None if not known."""
        if plan not in self._kept.drafted:
            return None
        found, least = self._kept.drafted[plan]
        return (found,) if _has_ram(machine, least) else None

    def keep_drafted(
        self, key: Hashable, plan: Plan, drafting: list[Candidate], found: Scored | None, machine: Machine
    ) -> None:
        """Keep what drafts in place of a plan on the only GPU; with RAM amply to spare that does not change it."""
        if (
            self._never
            or len(self._devices) != 1
            or any(one.has_table for one in drafting)
            or plan.placement.host_table
        ):
            return
        held = [one.whole(copies_of(self._devices, one.work)).in_ram for one in drafting if one.by_rule]
        least = AMPLE * (max(held, default=0) + plan.memory.on(RAM)) + GIB
        if _has_ram(machine, least):
            self._kept.drafted[key] = found, least

    def _ram_needed(self, bound: Bound, plans: list[Plan], machine: Machine) -> int | None:
        """Bytes that must be free in RAM for these plans of a bound to stand on every box with these devices; None where they stand on this one only.

        They stand where RAM is not what decides: on GPUs alone, or in the placement that comes first of all with RAM to spare.
        """
        candidate = bound.candidate
        if self._never:
            return None
        if candidate.on_gpus:
            return None if candidate.has_table else 0
        if len(plans) != 1 or candidate.engine != "llamacpp":
            return None
        plan = plans[0]
        if not bound.small and plan.work.kv_cache != candidate.work.kv_cache:
            return None  # RAM may be why the larger cache did not hold
        # over several GPUs another cut comes first where there is more RAM
        if not (len(self._usable) == 1 and _comes_first(plan) if bound.cut else plan.mode == "gpu" or not self._usable):
            return None
        least = _ram_to_spare(plan)
        return least if _has_ram(machine, least) else None


def _ram_to_spare(plan: Plan) -> int:
    """Bytes of RAM in which the plan fits beyond the estimate's error, and fills no RAM to the brim."""
    return math.ceil(plan.memory.on(RAM) * max(plan.band.high, 1 / FULL)) + 1


def _has_ram(machine: Machine, ram: int) -> bool:
    return (machine.ram_free or 0) >= ram


def _comes_first(plan: Plan) -> bool:
    """Whether llama.cpp's plan with part of the model in RAM is of the placement that is tried before others like it."""
    return plan.placement.cpu_moe_layers > 0 or (plan.placement.split is not None and not plan.architecture.is_moe)
