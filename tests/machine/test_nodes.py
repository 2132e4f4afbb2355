"""Several equal boxes as one machine: what joins them, and what each engine can use of them."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog, find_model
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.machine.file import from_json, to_json
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.nodes import one_node, parse_link, per_node, rejoined, several
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from qwenpick.work.parallel import parallel_placements

GIB = 2**30
CARD = Device("RTX", "nvidia", 24 * GIB, 24 * GIB, gpu="rtx-4090", compute_capability="8.9")


@pytest.mark.parametrize(
    ("text", "bandwidth"),
    [("25GB/s", 25e9), ("ib400", 50e9), ("eth25", 3.125e9), ("IB-200", 25e9), ("roce100", 12.5e9), ("nvlink", 900e9)],
)
def test_a_link_is_read_as_people_write_it(text: str, bandwidth: float) -> None:
    assert parse_link(text).bandwidth == bandwidth


@pytest.mark.parametrize("text", ["", "fast", "25", "25GB", "ib", "eth0", "ib999999", "-1GB/s"])
def test_a_link_that_means_nothing_says_how_to_write_one(text: str) -> None:
    with pytest.raises(QwenpickError, match="25GB/s, nvlink, ib400 or eth25"):
        parse_link(text)


def test_nodes_are_boxes_one_after_another_and_come_apart_again() -> None:
    box = Machine((CARD,) * 4, 64 * GIB, 64 * GIB)
    two = several(box, 2, parse_link("ib400"))
    assert (len(two.devices), per_node(two), two.ram_total, two.nodes) == (8, 4, 64 * GIB, 2)
    assert one_node(two) == box
    assert from_json(to_json(two)) == two


def test_a_link_that_nobody_named_is_assumed_and_said(catalog: Catalog) -> None:
    sparks = simulate(catalog, ["2x dgx spark"])
    assert sparks.nodes == 2 and sparks.link and sparks.link.bandwidth == 25e9
    assert "assuming" in str(sparks.notes[0])
    faster = rejoined(sparks, 1, parse_link("ib800"))
    assert faster.nodes == 2 and faster.link and faster.link.bandwidth == 100e9
    assert rejoined(sparks, 2, None).nodes == 4


def test_a_link_of_one_box_and_nodes_without_gpus_are_refused() -> None:
    with pytest.raises(QwenpickError, match="--nodes"):
        rejoined(Machine((CARD,)), 1, parse_link("ib400"))
    with pytest.raises(QwenpickError, match="machines with GPUs"):
        several(Machine((), 64 * GIB, 64 * GIB), 2, None)


def test_layers_are_shared_inside_a_box_and_stages_lie_in_several(catalog: Catalog) -> None:
    architecture = catalog.architecture(find_model(catalog, "qwen3-32b"))
    boxes = several(Machine((CARD,) * 4), 2, None)
    cuts = {
        (p.tensor_parallel, p.pipeline_parallel) for p in parallel_placements(architecture, "bf16", boxes, ("nvidia",))
    }
    assert (4, 2) in cuts and (8, 1) not in cuts
    sparks = several(Machine((CARD,)), 2, None)
    cuts = {
        (p.tensor_parallel, p.pipeline_parallel) for p in parallel_placements(architecture, "bf16", sparks, ("nvidia",))
    }
    assert cuts == {(1, 1), (2, 1)}


def test_an_engine_that_stays_in_one_box_uses_one(catalog: Catalog) -> None:
    model = find_model(catalog, "qwen3-235b-a22b")
    sparks = simulate(catalog, ["2x dgx spark"])
    one = fit(catalog, sparks, model, Request(quant="Q4_K_M", runtime="llamacpp", context=8192))
    both = fit(catalog, sparks, model, Request(quant="nvfp4", runtime="vllm", context=8192))
    assert not one.fits and len(one.plan.placement.devices) <= 1
    assert both.fits and both.plan.placement.tensor_parallel == 2


def test_a_slower_link_generates_more_slowly(catalog: Catalog) -> None:
    model = find_model(catalog, "qwen3-32b")
    request = Request(quant="fp8", runtime="vllm", context=8192, options={"tensor_parallel_size": 2})
    speeds = []
    for link in ("nvlink", "ib400", "eth25"):
        box = simulate(catalog, ["h100"])
        found = fit(catalog, several(box, 2, parse_link(link)), model, request).plan.speed
        assert found
        speeds.append(found.each.value)
    assert speeds == sorted(speeds, reverse=True) and speeds[0] > speeds[2]
