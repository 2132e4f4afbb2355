"""What hardware a model needs: the smallest box that runs it, and nothing that does not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from qwenpick.buy.hardware import PER_NODE, offers
from qwenpick.catalog import Catalog, find_gpu, find_model
from qwenpick.catalog.prices import gpu_price
from qwenpick.fitting.answer import fit
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from qwenpick.render.plan import _beside
from tests.conftest import Run

GIB = 2**30


def test_every_offer_fits_and_one_gpu_fewer_does_not(catalog: Catalog) -> None:
    model, request = find_model(catalog, "qwen3-32b"), Request(quant="fp16", context=8192, runtime="vllm")
    found = offers(catalog, model, request, [find_gpu(catalog, name) for name in ("l40s", "h100", "h200")])
    assert {offer.gpu.id: offer.count for offer in found}
    for offer in found:
        assert offer.plan.holds()
        if offer.count > 1:
            box = simulate(catalog, [f"{offer.count // 2}x {offer.gpu.id}"])
            assert not fit(catalog, box, model, replace(request, gpu_only=True)).fits


def test_the_smallest_box_comes_first_and_the_budget_is_kept(catalog: Catalog) -> None:
    found = offers(catalog, find_model(catalog, "qwen3-8b"), Request(quant="4bit", runtime="llama.cpp"), budget=500)
    assert found
    assert [round(o.memory / GIB) for o in found] == sorted(round(o.memory / GIB) for o in found)
    assert all(offer.price is not None and offer.price <= 500 for offer in found)
    assert all(offer.gpu.status == "shipping" and offer.gpu.segment != "laptop" for offer in found)


def test_a_model_too_large_for_one_box_says_how_many_nodes(catalog: Catalog) -> None:
    # 480 billion parameters at 16 bits are 894 GiB: 8 x H100 hold 640 GiB, two nodes 1,280 GiB
    found = offers(
        catalog,
        find_model(catalog, "qwen3-coder-480b-a35b-instruct"),
        Request(quant="fp16", context=4096, runtime="vllm"),
        [find_gpu(catalog, "h100")],
    )
    assert found
    assert found[0].count == 2 * PER_NODE
    assert (found[0].plan.placement.tensor_parallel, found[0].plan.placement.pipeline_parallel) == (PER_NODE, 2)


def test_a_price_says_what_it_is_and_of_when(catalog: Catalog) -> None:
    price, note = gpu_price(find_gpu(catalog, "rtx 4090"))
    assert price
    assert note
    assert note.startswith(("street 20", "launch 20"))


def test_ram_is_what_the_plan_keeps_there_and_room_for_the_system(catalog: Catalog) -> None:
    found = offers(catalog, find_model(catalog, "qwen3-0.6b"), Request(quant="4bit"), [find_gpu(catalog, "rtx 4090")])
    assert found[0].ram == 16 * GIB  # under 1 GiB of host buffers and 8 GiB for the system: the next size that is sold


def test_a_box_of_shared_memory_has_all_its_ram_already(catalog: Catalog) -> None:
    m4 = find_gpu(catalog, "m4 max 64gb")
    (found,) = offers(catalog, find_model(catalog, "qwen3-8b"), Request(), [m4])
    assert found.ram == m4.memory_bytes
    assert "RAM" not in _beside(found)


def test_what_stands_beside_grows_with_the_gpus_of_a_node(catalog: Catalog) -> None:
    # 397 billion parameters at 16 bits take 16 H100: in each node 8 GiB + 7 workers x 4 GiB = 36, the next size sold is 48; 8 GPUs x 8 threads
    found = offers(
        catalog, find_model(catalog, "qwen3.5-397b"), Request(quant="fp16"), [find_gpu(catalog, "h100 80gb")]
    )
    assert [(o.nodes, o.ram // GIB, o.threads) for o in found] == [(2, 48, 64)]


def test_a_board_with_two_gpus_has_the_memory_of_both(catalog: Catalog) -> None:
    # Flex 140: two GPUs of 6 GB
    found = offers(catalog, find_model(catalog, "qwen3-8b"), Request(quant="8bit"), [find_gpu(catalog, "flex 140")])
    assert [(o.count, round(o.memory / GIB)) for o in found] == [(1, 12)]


def test_only_engines_that_span_nodes_are_offered_on_several(catalog: Catalog) -> None:
    # 397 billion parameters at 16 bits are 740 GiB: two nodes of 8 x H100; llama.cpp runs in one process of one box
    model, cards = find_model(catalog, "qwen3.5-397b-a17b"), [find_gpu(catalog, "h100")]
    (offer,) = offers(catalog, model, Request(quant="fp16"), cards)
    assert (offer.count, offer.plan.runtime) == (2 * PER_NODE, "vllm")
    assert offers(catalog, model, Request(quant="fp16", runtime="llama.cpp"), cards) == ()


def test_three_nodes_are_offered_where_three_do_and_all_their_memory_is_counted(catalog: Catalog) -> None:
    card = find_gpu(catalog, "h200")
    (offer,) = offers(catalog, find_model(catalog, "qwen3.8-2.4t-a95b"), Request(quant="fp8"), [card])
    assert offer.count == len(offer.plan.placement.devices) == 3 * PER_NODE
    assert offer.memory == offer.count * (offer.plan.placement.devices[0].total or 0)


@pytest.mark.parametrize(
    ("model", "asked", "gpus"),
    [
        ("qwen3.8-27b", Request(context=262144, users=2), ("arc-pro-b60", "radeon-pro-v710")),  # one with q4_0
        ("qwen3.6-35b-a3b", Request(context=262144, users=8), ("arc-pro-b70", "radeon-pro-w6800")),
        ("qwen3.8-27b", Request(quant="nvfp4", users=1, context=32768), ("rtx 5090", "rtx 4090")),  # a lighter file
        ("qwen3-embedding-8b", Request(users=64), ("rtx 4090", "l40s")),  # which keeps no cache
    ],
)
def test_no_box_is_left_out_that_would_run_the_model(
    catalog: Catalog, model: str, asked: Request, gpus: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = [find_gpu(catalog, gpu) for gpu in gpus]
    quick = offers(catalog, find_model(catalog, model), asked, pool)
    monkeypatch.setattr("qwenpick.buy.hardware._lightest", lambda *_of: 0)
    assert quick and quick == offers(catalog, find_model(catalog, model), asked, pool)


def test_what_is_rented_is_told_with_what_stands_beside_its_gpus(catalog: Catalog, qwenpick: Run) -> None:
    answer = json.loads(qwenpick("plan", "qwen3-8b", "--users", "8", "--cloud", "--json").out)
    rented = {one["offer"]: one for one in answer["rented"]}
    assert len(rented) > 20
    for name, one in rented.items():
        offer = catalog.cloud[name]
        assert (one["vcpus"], one["ram_bytes"], one["spot_usd_per_hour"]) == (
            offer.vcpus,
            offer.ram_bytes,
            offer.spot_usd_per_hour,
        )
    assert {type(one["spot_usd_per_hour"]) for one in rented.values()} == {float, type(None)}
    each = answer["rented"][0]["plan"]["speed"]["each"]
    shown = qwenpick("plan", "qwen3-8b", "--users", "8", "--cloud", "--limit", "1").out
    assert f" {each['low']:.0f}-{each['high']:.0f} " in shown  # what each user gets, not all together
