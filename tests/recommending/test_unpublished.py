"""What is lost where a published file stands for a better one that nobody publishes."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.machine.hardware import Machine
from qwenpick.machine.simulate import simulate
from qwenpick.planning.files import published_file
from qwenpick.recommending.answer import Pick, Recommendation, recommend
from qwenpick.recommending.request import Request
from qwenpick.render.forms.report import Line
from qwenpick.render.recommend import pick_values, recommend_report


@pytest.fixture(scope="module")
def machine(catalog: Catalog) -> Machine:
    return simulate(catalog, ["m2 16gb"])


@pytest.fixture(scope="module")
def found(catalog: Catalog, machine: Machine) -> Recommendation:
    return recommend(catalog, machine, Request(task="coding", series="Qwen3.5"), 5)


@pytest.fixture(scope="module")
def pick(found: Recommendation) -> Pick:
    """Qwen3.5-4B on a 16 GB Mac: listings have it in 4 and 8 bits, and nothing between."""
    return next(pick for pick in found.picks if pick.plan.model.id == "qwen3.5-4b")


def test_the_loss_is_that_of_a_format_nobody_publishes(pick: Pick) -> None:
    made = pick.unpublished
    assert made and published_file(pick.plan.model, made.format, pick.plan.runtime) is None
    assert pick.plan.file and made.points > 0 and made.quality > pick.ranked.quality.value


def test_the_loss_is_in_the_json_and_on_the_screen(machine: Machine, found: Recommendation, pick: Pick) -> None:
    made, values = pick.unpublished, pick_values(pick)["unpublished"]
    assert made and values and (values["format"], values["quality"]) == (made.format, round(made.quality, 2))
    report = recommend_report([("m2", machine, found)], True)
    lines = [block.text for block in report if isinstance(block, Line)]
    assert any(
        f"nobody is known to publish {made.format}, which would be {made.points:.1f} points" in one for one in lines
    )


def test_where_nothing_that_could_be_made_is_better_nothing_is_said(catalog: Catalog) -> None:
    found = recommend(catalog, simulate(catalog, ["rtx 4060"], None, 16 << 30, False), Request(), 5)
    assert all(pick.unpublished is None for pick in found.picks)
