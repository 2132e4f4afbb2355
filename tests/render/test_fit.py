"""How fixes are priced on screen."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.fitting.answer import fit
from qwenpick.fitting.fixes import fixes
from qwenpick.fitting.trial import Fix
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from qwenpick.render.fit import speed_change
from qwenpick.units import GIB


@pytest.fixture(scope="module")
def fix(catalog: Catalog) -> Fix:
    machine = simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)
    return fixes(catalog, machine, fit(catalog, machine, find_model(catalog, "qwen3.5-397b"), Request()))[0]


@pytest.mark.parametrize(
    ("change", "shown"),
    [(-0.35, "-35%"), (4.3, "+430%"), (266_771.16, ">×1000"), (11.0, "×12"), (0.002, "="), (None, "unknown")],
)
def test_a_change_of_speed_is_said_so_that_it_can_be_read(fix: Fix, change: float | None, shown: str) -> None:
    assert speed_change(Fix(fix.what, fix.saves, fix.flags, fix.plan, change)) == shown


@pytest.mark.parametrize(("gpu", "ram"), [("rtx 4090", 64 * GIB), ("395 128gb", None)])
def test_what_a_fix_saves_is_of_everything_where_weights_lie_in_ram(
    catalog: Catalog, gpu: str, ram: int | None
) -> None:
    machine = simulate(catalog, [gpu], None, ram, False)
    answer = fit(catalog, machine, find_model(catalog, "qwen3.5-397b"), Request())
    assert answer.plan.mode != "gpu"
    for fix in fixes(catalog, machine, answer):
        assert fix.saves == answer.plan.memory.total - fix.plan.memory.total
