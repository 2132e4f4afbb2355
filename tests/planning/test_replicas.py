"""Copies of a plan on a box with more GPUs than one copy needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.planning.replicas import replicas
from qwenpick.recommending.request import Request


@pytest.mark.parametrize(
    ("gpus", "model", "count"),
    [
        ("8x h100 80gb", "qwen3.8-27b", 8),
        ("4x rtx 4090", "qwen3-8b", 4),
        ("rtx 4090", "qwen3-8b", None),
        ("m4 max 64gb", "qwen3.5-9b", None),
    ],
)
def test_every_copy_has_gpus_of_its_own(catalog: Catalog, gpus: str, model: str, count: int | None) -> None:
    machine = simulate(catalog, [gpus], None, None if "m4" in gpus else 512 * 2**30, False)
    plan = fit(catalog, machine, find_model(catalog, model), Request()).plan
    found = replicas(plan, machine)
    assert (found.count if found else None) == (count and count // len(plan.placement.devices))
    if found and plan.speed:
        assert found.together and found.together.value == pytest.approx(found.count * plan.speed.together.value)


def test_unlike_gpus_hold_no_copy(catalog: Catalog) -> None:
    machine = simulate(catalog, ["rtx 4090", "rtx 3060 12gb"], None, 64 * 2**30, False)
    plan = fit(catalog, machine, find_model(catalog, "qwen3.5-9b"), Request()).plan
    assert replicas(plan, machine) is None


def test_a_copy_half_in_ram_is_one(catalog: Catalog) -> None:
    machine = simulate(catalog, ["2x rtx 3060 12gb"], None, 128 * 2**30, False)
    plan = fit(catalog, machine, find_model(catalog, "qwen3-235b-a22b-instruct-2507"), Request(quant="4bit")).plan
    assert plan.mode != "gpu" and replicas(plan, machine) is None


def test_the_total_is_said(qwenpick: Callable[..., Any]) -> None:
    box = ("--gpu", "8x h100", "--ram", "1TiB")
    values = json.loads(qwenpick("fit", "qwen3.8-27b", *box, "--json").out)
    assert values["replicas"]["count"] == 8 // len(values["placement"]["devices"])
    assert "the machine holds 8 copies" in qwenpick("fit", "qwen3.8-27b", *box).out
    picks = json.loads(qwenpick("recommend", "--series", "Qwen3.8", *box, "--json").out)["boxes"][0]["picks"]
    assert any(pick["plan"]["replicas"] for pick in picks)
    assert json.loads(qwenpick("launch", "qwen3.8-27b", *box, "--json").out)["plan"]["replicas"] == values["replicas"]
