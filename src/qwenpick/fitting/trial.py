"""A plan that does not fit, tried again with one thing changed, and the change as advice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.fitting.answer import Answer, as_described
from qwenpick.memory.account import RAM
from qwenpick.planning.checkpoints import every_file
from qwenpick.planning.plan import Plan, evaluate
from qwenpick.recommending.request import HIGHEST
from qwenpick.runtimes import find_runtime, option_names
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Checkpoint, Model
    from qwenpick.machine.hardware import Machine
    from qwenpick.runtimes import Runtime
    from qwenpick.work.serving import Serving


@dataclass(frozen=True, slots=True)
class Fix:
    """One change after which it fits: what, how many bytes it saves, and the flags that ask for it.

    For a plan that should have lain on GPUs alone `saves` is at the fullest GPU, else in all places together.
    `speed_change` is what decoding loses or gains (-0.35 is a third slower than if the plan had fitted); None where a bandwidth is not known.
    `without` are options to leave out, `model` is the id of another model. Where it `pins`, it is said of the plan's format and engine alone.
    """

    what: str
    saves: int
    flags: str
    plan: Plan
    speed_change: float | None = None
    without: tuple[str, ...] = ()
    model: str | None = None
    pins: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """The plan that does not fit, tried again with one thing changed."""

    machine: Machine
    answer: Answer

    @property
    def plan(self) -> Plan:
        return self.answer.plan

    @property
    def quant(self) -> str:
        """The precision in which other ways are tried."""
        asked = self.answer.request.quant
        return asked if asked and asked != HIGHEST else "4bit"

    def with_work(self, work: Serving, *, gpu_only: bool | None = None) -> Plan | None:
        """The same checkpoint and engine for other work, if that holds."""
        return self._held(
            self.plan.model, self.plan.checkpoint, find_runtime(self.plan.runtime), work, self.machine, gpu_only
        )

    def named(self) -> dict[str, str]:
        """The engine's own name of each option, by how it was typed."""
        return option_names(self.plan.runtime, self.plan.work.options)

    def with_options(self, changes: Mapping[str, object], without: Collection[str] = ()) -> Plan | None:
        """The same with these options of the engine in place of what was said of them, by whatever name, and without others."""
        old, named = self.plan.work.options, self.named()
        kept = {typed: value for typed, value in old.items() if named[typed] not in {*changes, *without}}
        return self.with_work(replace(self.plan.work, options={**kept, **changes}))

    def first(
        self,
        engine: Runtime,
        found: Iterable[Checkpoint],
        *,
        machine: Machine | None = None,
        gpu_only: bool | None = None,
    ) -> Plan | None:
        """The first of these checkpoints that holds in that engine."""
        plans = (
            self._held(self.plan.model, checkpoint, engine, self.plan.work, machine or self.machine, gpu_only)
            for checkpoint in every_file(found, self.plan.model, self.plan.architecture, engine.NAME)
        )
        return next((plan for plan in plans if plan), None)

    def _held(
        self,
        model: Model,
        checkpoint: Checkpoint,
        engine: Runtime,
        work: Serving,
        machine: Machine,
        gpu_only: bool | None,
    ) -> Plan | None:
        if work.options and self.plan.runtime != engine.NAME:
            return None  # the options of one engine are none of another's
        request = self.answer.request
        only = request.gpu_only if gpu_only is None else gpu_only
        plan = evaluate(model, self.plan.architecture, checkpoint, engine, work, machine, only, request.strict)
        if plan and self.plan.refusal:
            plan = as_described(plan, request)
        return plan if plan and plan.holds(request.strict) else None

    def fix(self, plan: Plan, what: str, flags: str, *, pins: bool = False) -> Fix:
        """The change as advice."""
        before, after = self.plan, plan
        on_gpus = before.mode == "gpu" and after.mode != "cpu"
        saves = _fullest(before) - _fullest(after) if on_gpus else before.memory.total - after.memory.total
        return Fix(what, saves, flags, plan, without=self.dropped(plan), pins=pins)

    def dropped(self, plan: Plan) -> tuple[str, ...]:
        """The engine's options that the other plan does without, as they were typed."""
        return tuple(f"-o {typed}" for typed in self.plan.work.options if typed not in plan.work.options)


def _fullest(plan: Plan) -> int:
    """Bytes at the fullest GPU."""
    return max(place.need for place in plan.places if place.where != RAM)
