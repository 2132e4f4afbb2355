"""What `plan` names is what `fit` answers there: the command under the rows gives the row's plan, and a run that trains is as it was asked."""

from __future__ import annotations

import json
import shlex

import pytest

from qwenpick.buy.hardware import offers
from qwenpick.catalog import Catalog, find_gpu, find_model
from qwenpick.catalog.prices import gpu_price
from qwenpick.recommending.choose import task_for
from qwenpick.recommending.request import Request
from qwenpick.render.plan import _closer
from tests.conftest import Run, mostly_slow

GPUS = ("rtx 5080", "rtx 3060", "rx 9060 xt 16gb", "b570", "l40s", "h100", "m4 max", "rtx 5090", "h20")
ASKED = [
    ("qwen3.8-27b", Request()),
    ("qwen3-32b", Request(users=8, context=32768, task="coding")),
    ("qwen3-235b-a22b", Request(strict=True)),
    ("qwen3-8b", Request(quant="fp16", runtime="vllm")),
    ("qwen3-30b-a3b", Request(users=64)),
]


@pytest.mark.parametrize(("model", "request_"), mostly_slow(ASKED, 2))
def test_look_closer_shows_the_plan_of_the_row(catalog: Catalog, qwenpick: Run, model: str, request_: Request) -> None:
    asked = find_model(catalog, model)
    found = offers(catalog, asked, request_, [find_gpu(catalog, name) for name in GPUS])
    assert found
    for offer in found:
        command = _closer(asked, offer, task_for([asked], request_), request_)
        shown = json.loads(qwenpick(*shlex.split(command)[1:], "--json").out)
        plan = offer.plan
        assert (shown["format"], shown["runtime"], shown["context"], shown["sequences"], shown["verdict"]) == (
            plan.checkpoint.format, plan.runtime, plan.work.context, plan.work.sequences, plan.verdict,
        ), command  # fmt: skip
        assert shown["kv_cache"] == {"k": plan.work.kv_cache.k, "v": plan.work.kv_cache.v}, command
        assert shown["placement"]["devices"] == [device.name for device in plan.placement.devices], command


def test_more_gpus_than_a_box_holds_are_boxes_joined_as_fit_joins_them(catalog: Catalog, qwenpick: Run) -> None:
    request = Request(users=64, context=32768, quant="fp8", runtime="vllm")
    asked = find_model(catalog, "qwen3-235b-a22b")
    (offer,) = offers(catalog, asked, request, [find_gpu(catalog, "h100")])
    command = _closer(asked, offer, task_for([asked], request), request)
    shown = json.loads(qwenpick(*shlex.split(command)[1:], "--json").out)
    assert (offer.count, offer.nodes) == (16, 2) and "--gpu '8x h100-sxm5-80gb' --nodes 2" in command
    assert offer.plan.speed and shown["speed"]["each"]["low"] == pytest.approx(offer.plan.speed.each.low, rel=0.01)


@pytest.mark.parametrize(("name", "count"), [("qwen3-8b", 1), ("qwen3-235b-a22b", 2), ("qwen3.5-397b", 4)])
def test_where_one_spark_is_not_enough_several_are_joined_as_fit_joins_them(
    catalog: Catalog, qwenpick: Run, name: str, count: int
) -> None:
    # 117 GB of 4-bit weights leave 122 GiB too little, 214 GB twice as much; two are joined by a cable, four by a switch
    asked, request, spark = find_model(catalog, name), Request(), find_gpu(catalog, "dgx spark")
    (offer,) = offers(catalog, asked, request, [spark])
    assert (offer.count, offer.nodes) == (count, count)
    assert offer.price == count * (gpu_price(spark)[0] or 0)
    command = _closer(asked, offer, task_for([asked], request), request)
    assert ("--nodes" in command) == (count > 1)
    shown = json.loads(qwenpick(*shlex.split(command)[1:], "--json").out)
    assert (shown["verdict"], shown["format"], shown["runtime"]) == (
        offer.plan.verdict, offer.plan.checkpoint.format, offer.plan.runtime,
    )  # fmt: skip
    assert len(shown["placement"]["devices"]) == count
    assert offer.plan.speed and shown["speed"]["each"]["low"] == pytest.approx(offer.plan.speed.each.low, rel=0.01)
    if count > 1:
        fewer = qwenpick("fit", name, "--gpu", "gb10", "--nodes", str(count // 2), "--gpu-only", "--quant", "4bit")
        assert fewer.code == 1


def test_a_row_says_its_cache_and_whether_it_is_tight(qwenpick: Run) -> None:
    shown = qwenpick("plan", "qwen3.8-27b", "--gpu", "rtx 5080").out
    row = next(line for line in shown.splitlines() if line.strip().startswith("GeForce RTX 5080 "))
    assert "IQ4_XS, q8_0 cache" in row and "tight" in row
    assert "planned in 4 bits or more, on GPUs alone" in shown
    assert "--quant IQ4_XS --gpu rtx-5080 --kv-cache q8_0 --ram 16GiB --gpu-only" in shown


@pytest.mark.parametrize(
    ("run", "gpus"), [("--train lora --gpus 4 --dataset-tokens 100M", 4), ("--train full --gpus 8 --zero 3", 8)]
)
def test_a_run_over_several_gpus_is_planned_on_as_many(catalog: Catalog, qwenpick: Run, run: str, gpus: int) -> None:
    planned = json.loads(qwenpick("plan", "qwen3-8b", *run.split(), "--gpu", "a100 80gb", "--json").out)
    fitted = json.loads(qwenpick("fit", "qwen3-8b", *run.split(), "--gpu", f"{gpus}x a100 80gb", "--json").out)
    (offer,) = planned["tuning_offers"]
    assert offer["count"] == offer["run"]["training"]["gpus"] == gpus
    for key in ("memory", "speed", "epoch_hours", "training"):
        assert offer["run"][key] == fitted["runs"][0][key]


def test_the_cheapest_card_for_a_run_is_said_first(qwenpick: Run) -> None:
    result = qwenpick("plan", "qwen3-8b", "--train", "lora", "--json")
    least = min(
        (one for one in json.loads(result.out)["tuning_offers"] if one["price_usd"]), key=lambda one: one["price_usd"]
    )
    second = qwenpick("plan", "qwen3-8b", "--train", "lora").out.splitlines()[1]
    assert second.startswith("cheapest: ") and f"${least['price_usd']:,.0f}" in second
