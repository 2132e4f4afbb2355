"""The one chooser: the best plan of each of some models on a box for a request, best model first. Every command that plans asks here.

`recommend` chooses among all models; `fit`, `launch`, `compare` and `check` among one; `plan` and `compare GPU GPU` on each candidate box.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

from qwenpick.errors import HardwareUnreadableError
from qwenpick.i18n import _, retell
from qwenpick.memory.quantization import FORMATS
from qwenpick.planning.checkpoints import check_quant
from qwenpick.planning.plan import Plan, fast_enough, timed
from qwenpick.recommending.quality import Abilities, alike, load_abilities
from qwenpick.recommending.rank import Ranked, best, better, described, order, place_key, quick_enough
from qwenpick.recommending.request import HIGHEST
from qwenpick.recommending.scoring import PREFERENCES, Scored
from qwenpick.recommending.search.best_first import first_places, here
from qwenpick.recommending.search.bounds import Bounds
from qwenpick.recommending.search.candidates import Candidate, Candidates
from qwenpick.recommending.search.contender import ROUNDING
from qwenpick.recommending.search.formats import every_plan
from qwenpick.recommending.search.space import Search
from qwenpick.recommending.search.upper_bound import upper_bound
from qwenpick.recommending.speculation import drafts_of, is_faster, may_draft, on_gpus, speculating
from qwenpick.recommending.tasks import find_task, task_of

if TYPE_CHECKING:
    from qwenpick.catalog import Catalog, Model
    from qwenpick.machine.hardware import Cpu, Device, Machine
    from qwenpick.recommending.request import Request
    from qwenpick.recommending.tasks import Task


SPARE = 1  # places beyond those asked for that speculation may bring among them


def choose(catalog: Catalog, models: Iterable[Model], machine: Machine, request: Request) -> list[Ranked]:
    """The best plan of each of the models that has one, best model first.

    With no task in the request the first model's is taken (tasks.task_of). Raises QwenpickError for words that it does not know,
    HardwareUnreadableError where no GPU of the box could be read.
    """
    models = list(models)
    return Chooser(catalog, models, task_for(models, request), request).places(machine, len(models))[0]


def task_for(models: list[Model], request: Request) -> Task:
    """The task that was asked for, else that which the first of the models is for. Raises QwenpickError with the nearest name."""
    return find_task(request.task) if request.task else task_of(models[0]) if models else find_task("chat")


class Chooser:
    """The places of some models for one request on machine after machine: what does not depend on the machine is worked out once.

    Raises QwenpickError for a format that it does not know.
    """

    def __init__(self, catalog: Catalog, models: Iterable[Model], task: Task, request: Request) -> None:
        if request.quant and request.quant != HIGHEST:
            check_quant(request.quant)
        self.catalog, self.models, self.task, self.request = catalog, list(models), task, request
        self._abilities = load_abilities()
        self._candidates: Candidates | None = None
        self._bounds: dict[tuple[tuple[Device, ...], Cpu, str], Bounds] = {}

    def places(self, machine: Machine, wanted: int, *, counted: bool = False) -> tuple[list[Ranked], int | None]:
        """(the first `wanted` places, how many models have no plan that holds; None unless it is `counted`)."""
        search, spare = self.search(machine), SPARE
        while True:  # some of the first may be too slow beside the others: as many more are asked for
            final, misfits = self._first(search, wanted + spare, counted)
            drafted = [(self._drafted(row, search), by) for row, by in final]
            slow = self._quick_with_drafts(search, wanted + spare, {row.plan.model.id for row, _ in final})
            kept = quick_enough(sorted(drafted + slow, key=lambda one: place_key(one[0])))[:wanted]
            if len(kept) >= wanted or len(final) < wanted + spare:
                return described(kept, self.task), misfits
            spare += wanted

    def _first(self, search: Search, wanted: int, counted: bool) -> tuple[list[tuple[Scored, str | None]], int | None]:
        """The first `wanted` models by their best plans, before any of them drafts."""
        if self.request.options or self.request.quant == HIGHEST:  # then bounds say nothing
            rows = [self.best(model, search) for model in self.models]
            found = [row for row in rows if row]
            return order(found, wanted), len(rows) - len(found) if counted else None
        return first_places(self._bounds_on(search), search, wanted, counted)

    def _quick_with_drafts(
        self, search: Search, wanted: int, known: Collection[str]
    ) -> list[tuple[Scored, str | None]]:
        """Of the models that are not `known`, those that are as fast as was asked for only while their own MTP block drafts."""
        floor = self.request.min_speed
        if floor is None:
            return []
        first, _unused = self._any_speed._first(
            self._any_speed.search(search.machine), wanted + len(known), counted=False
        )
        slow = [(row, by) for row, by in first if row.plan.model.id not in known]
        drafted = [(self._drafted(row, search), by) for row, by in slow]
        return [one for one in drafted if fast_enough(one[0].plan, floor, strict=self.request.strict)]

    @cached_property
    def _any_speed(self) -> Chooser:
        """The same choice without a speed that was asked for."""
        return Chooser(self.catalog, self.models, self.task, replace(self.request, min_speed=None))

    def _bounds_on(self, search: Search) -> Bounds:
        key = search.machine.devices, search.machine.cpu, search.machine.system
        if key not in self._bounds:
            if self._candidates is None:
                self._candidates = Candidates(self.catalog, self.models, search)
            self._bounds[key] = Bounds(self._candidates, search)
        return self._bounds[key]

    def _drafted(self, row: Scored, search: Search) -> Scored:
        """The plan with its own MTP block drafting, or another of the model that drafts, where that is better.

        Who names engine and format means that engine as it starts by itself: -o spec_type=draft-mtp asks for drafts. Beside any RAM to spare the
        answer is the same.
        """
        plan = row.plan
        if (self.request.runtime and self.request.quant) or plan.mode != "gpu":
            return row
        bounds, outdone = self._bounds_on(search), "outdone" in row.parts
        key = plan.model.id, plan.runtime, plan.checkpoint, plan.work, plan.placement, plan.verdict, outdone
        if known := bounds.reuse.drafted(key, search.machine):
            return here(known[0], search) if known[0] else row
        ladder = [one for one in bounds.ladder(plan.model, 0) if one.needs <= search.gpu_room]
        drafting = [one for one in ladder if may_draft(one, search)]
        found = self._best_with_drafts(row, drafting, search, bounds)
        bounds.reuse.keep_drafted(key, plan, drafting, None if found is row else found, search.machine)
        return found

    def _best_with_drafts(self, row: Scored, drafting: list[Candidate], search: Search, bounds: Bounds) -> Scored:
        # what it lost to another model's plan says nothing of its own: it is compared with drafts without, and loses it with them too
        outdone = {name: points for name, points in row.parts.items() if name == "outdone"}
        alone = replace(row, parts={name: points for name, points in row.parts.items() if name not in outdone})
        quick = fast_enough(row.plan, self.request.min_speed, strict=self.request.strict)
        plain = alone if quick else None
        best_so_far = (self._with_drafts(row.plan, search) if row.plan.speed else None) or plain
        drafts = cache(lambda one: self._drafts(one, search))
        for points, candidate in bounds.with_drafts(drafting, drafts_of):
            if best_so_far and points < best_so_far.score - ROUNDING:
                break
            heavier = filter(candidate.shares_format, drafting[: drafting.index(candidate)])
            if any(map(drafts, heavier)):
                continue
            for found in drafts(candidate):
                best_so_far = better(found, best_so_far) if best_so_far else found
        if best_so_far is None or best_so_far is alone:
            return row
        return replace(best_so_far, parts={**best_so_far.parts, **outdone})

    def _drafts(self, candidate: Candidate, search: Search) -> list[Scored]:
        """The candidate's plans on the GPUs with its own MTP block drafting."""
        plans = (self.timed(plan, search.machine) for plan in on_gpus(candidate, search))
        return [found for plan in plans if (found := self._with_drafts(plan, search))]

    def _with_drafts(self, plain: Plan, search: Search) -> Scored | None:
        """The plan with its own MTP block drafting, and its points; None where it cannot, or is not the faster for it."""
        found = speculating(plain, search.machine)
        if found is None:
            return None
        plan, wanted = replace(self.timed(found, search.machine), speed_without=plain.speed), self.request
        if not is_faster(plan, plain):
            return None
        return best(
            [plan],
            self.task,
            PREFERENCES[wanted.prefer],
            self._abilities,
            wanted.thinking,
            wanted.min_speed,
            wanted.strict,
        )

    def search(self, machine: Machine) -> Search:
        """What is looked for on the readable part of the machine."""
        return Search(readable(machine), self.task, self.request)

    def best(self, model: Model, search: Search, abilities: Abilities | None = None) -> Scored | None:
        """The best of all plans of one model, every one of them planned; None where none holds."""
        plans = self.plans(model, search)
        held = [plan for plan in plans if plan.holds(self.request.strict)]
        if self.request.quant == HIGHEST:
            held = highest(held)
        wanted = self.request
        known = abilities or self._abilities
        timed_ = [self.timed(plan, search.machine) for plan in held]
        return best(
            timed_, self.task, PREFERENCES[wanted.prefer], known, wanted.thinking, wanted.min_speed, wanted.strict
        )

    def plans(self, model: Model, search: Search, *, every_engine: bool = False) -> list[Plan]:
        """Every plan of one model that is compared, whether it holds or not, without speeds."""
        return list(every_plan(self.catalog.architecture(model), model, search, every_engine=every_engine))

    def timed(self, plan: Plan, machine: Machine) -> Plan:
        """The plan with its speed at the depth that the task's prompt and answer reach."""
        depth = min(plan.work.context, self.task.depth)
        return timed(plan, machine, self.catalog, self.task.prompt, depth, self.task.predictable)

    def one(self, machine: Machine) -> Ranked | None:
        """The best plan of the only model, whatever it was made for and though nothing be known of its quality; None where none holds.

        One that is as fast as was asked for, if there is one.
        """
        (model,) = self.models
        if places := self.places(machine, 1)[0]:
            return places[0]
        if self.request.min_speed:
            return self._any_speed.one(machine)
        if upper_bound(model, self.task, self.request, 1) is not None:
            return None
        row = self.best(model, self.search(machine), alike())
        return described([(row, None)], self.task)[0] if row else None


def highest(plans: list[Plan]) -> list[Plan]:
    """Those of the most bits a weight among published files wholly on GPUs (in RAM, on a box without any); else of the most that fit at all."""
    published = [plan for plan in plans if plan.checkpoint.repo or plan.file] or plans
    pool = [plan for plan in published if plan.mode in ("gpu", "cpu")] or published
    on_gpu = [plan for plan in pool if plan.mode == "gpu"] or pool
    most = max((FORMATS[plan.checkpoint.format].bits for plan in on_gpu), default=0.0)
    return [plan for plan in on_gpu if FORMATS[plan.checkpoint.format].bits == most]


def readable(machine: Machine) -> Machine:
    """The machine without the GPUs that could not be read. Raises HardwareUnreadableError where that is all of them."""
    found = tuple(device for device in machine.devices if device.total is not None or device.free is not None)
    if not found and (machine.unreadable or machine.devices):
        raise HardwareUnreadableError(
            _(
                "the GPU could not be read ({unreadable}); use --gpu or --cpu-only",
                unreadable="; ".join(map(retell, machine.unreadable)),
            )
        )
    return machine if found == machine.devices else replace(machine, devices=found)
