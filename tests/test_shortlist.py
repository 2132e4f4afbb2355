"""What `recommend` leaves unplanned changes nothing: the places, the words and the counts are those of a ranking of every plan."""

from __future__ import annotations

import math

import pytest

from qwenpick.candidates import Search, candidates, holds_somehow
from qwenpick.catalog import Catalog, Model, load
from qwenpick.ceiling import ceiling
from qwenpick.hardware import Machine
from qwenpick.plan import Plan, timed
from qwenpick.rank import LABELLED, Ranked, rank
from qwenpick.recommending import recommend, why_not
from qwenpick.runtimes.llamacpp import compute, network
from qwenpick.shortlist import first_places
from qwenpick.simulate import simulate
from qwenpick.tasks import Task, find_task
from qwenpick.units import GIB
from qwenpick.wish import Wish
from qwenpick.workload import KvCache, Serving


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(own=False)


def box(catalog: Catalog, gpus: list[str], ram: int) -> Machine:
    return simulate(catalog, gpus, None, ram * GIB, not gpus)


def serving_models(catalog: Catalog, task: Task, wish: Wish) -> list[Model]:
    return [model for model in catalog.models.values() if not why_not(model, task, wish, catalog)]


def every_plan(catalog: Catalog, model: Model, search: Search, task: Task) -> list[Plan]:
    """All plans of the model, none of them left out."""
    found = candidates(catalog.architecture(model), model, search, lambda plan: math.inf, lambda points: True)
    return [timed(plan, search.machine, catalog, task.prompt, min(plan.work.context, task.depth)) for plan in found]


def as_told(row: Ranked) -> tuple[object, ...]:
    return (row.place, row.plan, row.score, row.quality, row.seconds, row.outdone_by, row.labels, row.reason)


BOXES = [
    (["rtx 4090"], 64, Wish()),
    (["rtx 3060 12gb"], 16, Wish(context=32768)),
    (["rtx 3090", "rtx 3090"], 32, Wish(task="coding", prefer="quality", strict=True)),
    (["m4 max 64gb"], 64, Wish(thinking="yes")),
    ([], 32, Wish(min_speed=3)),
    (["gtx 1080"], 96, Wish(users=4, prefer="speed")),
    (["rtx 4060"], 32, Wish(prefer="small")),
    (["rtx 4080"], 32, Wish(context=65536)),
    (["rtx 4080"], 32, Wish(context=65536, gpu_only=True)),
    (["h100 80gb"], 64, Wish(task="coding-agent", users=32)),
    (["rx 7900 xtx"], 48, Wish(prefer="context")),
]  # fmt: skip


@pytest.mark.parametrize(("gpus", "ram", "wish"), BOXES)
def test_the_first_places_are_those_of_all_plans(catalog: Catalog, gpus: list[str], ram: int, wish: Wish) -> None:
    machine, task = box(catalog, gpus, ram), find_task(wish.task)
    work = Serving(wish.context or task.context, wish.users, wish.kv_cache or KvCache(), wish.options)
    search = Search(machine, work, wish.runtime, wish.quant, wish.gpu_only, wish.strict, wish.kv_cache is None)
    models = serving_models(catalog, task, wish)
    plans = {model.id: every_plan(catalog, model, search, task) for model in models}
    everything = rank(
        [plan for found in plans.values() for plan in found],
        task,
        prefer=wish.prefer,
        thinking=wish.thinking,
        min_speed=wish.min_speed,
    )
    found, misfits = first_places(catalog, models, task, wish, search, LABELLED)
    assert [as_told(row) for row in found[:LABELLED]] == [as_told(row) for row in everything[:LABELLED]]
    assert misfits == sum(not own for own in plans.values())


@pytest.mark.parametrize(("gpus", "ram", "wish"), BOXES[:5])
def test_no_plan_is_worth_more_than_its_models_ceiling(catalog: Catalog, gpus: list[str], ram: int, wish: Wish) -> None:
    machine, task = box(catalog, gpus, ram), find_task(wish.task)
    search = Search(machine, Serving(wish.context or task.context, wish.users))
    for model in serving_models(catalog, task, wish)[::5]:
        top = ceiling(model, task.name, wish.prefer, wish.thinking, search.work.context)
        for row in rank(every_plan(catalog, model, search, task), task, prefer=wish.prefer, thinking=wish.thinking):
            assert top is not None
            assert row.score <= top.points
            assert row.quality.value <= top.quality


def test_a_model_holds_somehow_if_a_search_of_all_its_plans_finds_one(catalog: Catalog) -> None:
    task, wish = find_task("chat"), Wish()
    search = Search(box(catalog, ["gtx 1080"], 16), Serving(task.context))
    for model in serving_models(catalog, task, wish)[::4]:
        assert holds_somehow(catalog.architecture(model), model, search) == bool(
            every_plan(catalog, model, search, task)
        )


def test_few_graphs_are_walked(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """428 were before models were planned by their ceilings."""
    walked = []
    peaks = network.Network.peaks

    def counted(self: network.Network, steps: tuple[network.Step, ...]) -> tuple[int, int]:
        walked.append(steps)
        return peaks(self, steps)

    monkeypatch.setattr(network.Network, "peaks", counted)
    for cached in (compute._one_side, compute._walked):
        cached.cache_clear()
    from qwenpick.runtimes.llamacpp.parts import needed

    needed.cache_clear()
    recommend(catalog, box(catalog, ["rtx 4090"], 64), Wish())
    assert 0 < len(walked) <= 150
