"""Which model serves so many users in a cluster, in how many copies, fast enough for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fleet.copies import shares
from qwenpick.fleet.kinds import Fleet, fleet
from qwenpick.fleet.serve import boxes, serve
from qwenpick.machine.inventory.cluster import Accelerator, Cluster, Node
from qwenpick.recommending.request import Request
from tests.conftest import Run, validator

GIB, MIB = 2**30, 2**20
L40S = Accelerator("NVIDIA L40S", 4, 4, 46068 * MIB, vendor="nvidia", resource="nvidia.com/gpu")
SAMPLE = str(
    Path(__file__).parents[1] / "machine" / "inventory" / "samples" / "slurm-24.11-scontrol-show-nodes.busy.json"
)


@pytest.fixture(scope="module")
def nodes(catalog: Catalog) -> Fleet:
    return fleet(Cluster("file", (Node("n", (L40S,), 512 * GIB, 512 * GIB, 64, 64, count=6),)), catalog)


def test_users_are_shared_out_over_copies_that_have_room_and_are_fast_enough(catalog: Catalog, nodes: Fleet) -> None:
    few, many = (
        serve(catalog, nodes, Request(users=users, min_speed=20.0, series="Qwen3.8", runtime="vllm"), 3)
        for users in (2, 120)
    )
    assert few.picks and many.picks
    for served in (few, many):
        for one in served.picks:
            assert one.copies * one.users >= served.request.users > (one.copies - 1) * one.users
            assert one.gpus == one.copies * len(one.plan.placement.devices) <= 24
            assert one.nodes <= 6 and one.plan.speed is not None and one.plan.speed.each.value >= 20
    least = {one.plan.model.id: one.gpus for one in few.picks}
    assert all(least.get(one.plan.model.id, 0) <= one.gpus for one in many.picks)


def test_what_no_set_of_nodes_serves_is_not_picked(catalog: Catalog, nodes: Fleet) -> None:
    assert serve(catalog, nodes, Request(users=2, min_speed=9000.0, series="Qwen3"), 2).picks == ()


def test_a_copy_may_have_one_gpu_of_a_node_or_two_or_four(nodes: Fleet) -> None:
    assert [(len(box.devices), box.ram_free) for box in boxes(nodes.kinds[0])] == [
        (1, 128 * GIB),
        (2, 256 * GIB),
        (4, 512 * GIB),
    ]
    assert list(shares(1)) == [1]


def test_the_command_prints_sets_and_their_json_keeps_its_schema(qwenpick: Run) -> None:
    asked = (
        "recommend",
        "--cluster",
        SAMPLE,
        "--users",
        "20",
        "--min-speed",
        "10",
        "--series",
        "Qwen3.8",
        "--limit",
        "1",
    )
    result = qwenpick(*asked, "--json")
    found = json.loads(result.out)
    validator("recommend").validate(found)
    assert (result.code, found["fits"], found["users"]) == (0, True, 20)
    assert found["picks"][0]["gpus"] >= 1 and found["picks"][0]["on"]
    shown = qwenpick(*asked)
    assert "20 users of" in shown.out and found["picks"][0]["name"] in shown.out
    refused = qwenpick("recommend", "--cluster", SAMPLE, "--ask")
    assert refused.code == 2 and "--cluster prints the sets" in refused.err
