"""Several GPUs, uneven ones too, with the rest of a model in RAM: all of them are used, and each holds what it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.planning.plan import Plan
from qwenpick.recommending.request import Request
from qwenpick.runtimes.llamacpp.spread import packed

MIXTURE, DENSE = "qwen3-235b-a22b-instruct-2507", "qwen3-32b"
BOXES = [
    (["4x rtx 4090"], MIXTURE, "Q4_K_M"),
    (["rtx 4090", "rtx 3060 12gb"], MIXTURE, "Q4_K_M"),
    (["2x rtx 3060 12gb", "rtx 3090"], MIXTURE, "Q3_K_M"),
    (["2x rtx 3060 12gb"], DENSE, "Q8_0"),
    (["rtx 4060 ti 16gb", "rtx 3060 12gb"], DENSE, "Q8_0"),
]


def plan(catalog: Catalog, gpus: list[str], model: str, quant: str) -> Plan:
    machine = simulate(catalog, gpus, None, 256 * 2**30, False)
    return fit(catalog, machine, find_model(catalog, model), Request(quant=quant, runtime="llama.cpp")).plan


@pytest.mark.parametrize(("gpus", "model", "quant"), BOXES)
def test_all_gpus_are_used_and_each_holds_its_share(catalog: Catalog, gpus: list[str], model: str, quant: str) -> None:
    found = plan(catalog, gpus, model, quant)
    devices = len(simulate(catalog, gpus).devices)
    assert found.holds() and len(found.placement.devices) == devices
    assert found.placement.split and min(found.placement.split) >= 1
    for place in found.places:
        assert place.budget is None or place.need <= place.budget
    if model == MIXTURE:
        assert found.placement.cpu_moe_layers and sum(found.placement.split) == found.architecture.num_layers + 1
    else:
        assert sum(found.placement.split) < found.architecture.num_layers + 1


def test_more_gpus_leave_less_to_ram_and_are_faster(catalog: Catalog) -> None:
    plans = [plan(catalog, [gpus], MIXTURE, "Q4_K_M") for gpus in ("rtx 4090", "2x rtx 4090", "4x rtx 4090")]
    moved = [one.placement.cpu_moe_layers for one in plans]
    assert moved == sorted(moved, reverse=True) and len(set(moved)) == 3
    speeds = [one.speed.each.value for one in plans if one.speed]
    assert speeds == sorted(speeds) and len(speeds) == 3


@pytest.mark.parametrize(
    ("sizes", "rooms", "split"),
    [([1, 1, 1, 1], [2, 2], (2, 3)), ([1, 1, 1, 1], [9, 9], (4, 1)), ([3, 3], [2, 9], None), ([1, 1, 9], [9, 5], None)],
)
def test_layers_are_packed_in_their_order(
    sizes: list[float], rooms: list[float], split: tuple[int, ...] | None
) -> None:
    assert packed(sizes, rooms) == split


def test_the_command_says_the_cut(qwenpick: Callable[..., Any]) -> None:
    box = ("--gpu", "4x rtx 4090", "--ram", "256GiB")
    values = json.loads(qwenpick("launch", MIXTURE, "--quant", "Q4_K_M", *box, "--json").out)
    words, placement = values["serve"]["argv"], values["plan"]["placement"]
    assert words[words.index("-ts") + 1] == ",".join(map(str, placement["split"]))
    assert words[words.index("--n-cpu-moe") + 1] == str(placement["cpu_moe_layers"])
