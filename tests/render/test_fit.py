"""How fixes are priced on screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.fitting.answer import fit
from qwenpick.fitting.fixes import fixes
from qwenpick.fitting.trial import Fix
from qwenpick.machine.simulate import simulate
from qwenpick.planning.words import rate
from qwenpick.recommending.request import Request
from qwenpick.render.fit import fit_report, speed_change
from qwenpick.render.forms.report import Line
from qwenpick.units import GIB


@pytest.fixture(scope="module")
def fix(catalog: Catalog) -> Fix:
    machine = simulate(catalog, ["rtx 4090"], None, 64 * GIB, False)
    return fixes(catalog, machine, fit(catalog, machine, find_model(catalog, "qwen3.5-397b"), Request()))[0]


@pytest.mark.parametrize(
    ("change", "shown"),
    [(-0.35, "-35%"), (4.3, "+430%"), (266_771.16, ">×1000"), (11.0, "×12"), (0.002, "=")],
)
def test_a_change_of_speed_is_said_so_that_it_can_be_read(fix: Fix, change: float | None, shown: str) -> None:
    assert speed_change(Fix(fix.what, fix.saves, fix.flags, fix.plan, change)) == shown


def test_without_a_speed_to_compare_with_its_own_is_said(fix: Fix) -> None:
    speed = fix.plan.speed
    assert speed is not None
    assert speed_change(replace(fix, speed_change=None)) == f"{rate(speed.each.low, speed.each.high)} tokens/s"
    assert speed_change(replace(fix, speed_change=None, plan=replace(fix.plan, speed=None))) == "unknown"


def test_a_plan_that_does_not_fit_has_no_server_to_keep_prompts(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 3060 12gb"], None, 16 * GIB, False)
    for quant, fits in (("Q8_0", False), ("IQ3_XXS", True)):
        answer = fit(catalog, machine, find_model(catalog, "qwen3.8-27b"), Request(quant=quant))
        said = "\n".join(line.text for line in fit_report(answer, machine, (), False) if isinstance(line, Line))
        assert answer.fits == fits and ("keeps earlier prompts" in said) == fits


@pytest.mark.parametrize(("gpu", "ram"), [("rtx 4090", 64 * GIB), ("395 128gb", None)])
def test_what_a_fix_saves_is_of_everything_where_weights_lie_in_ram(
    catalog: Catalog, gpu: str, ram: int | None
) -> None:
    machine = simulate(catalog, [gpu], None, ram, False)
    answer = fit(catalog, machine, find_model(catalog, "qwen3.5-397b"), Request())
    assert answer.plan.mode != "gpu"
    for fix in fixes(catalog, machine, answer):
        assert fix.saves == answer.plan.memory.total - fix.plan.memory.total
