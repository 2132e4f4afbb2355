"""Nodes by kind: equal nodes are one, what is held is not there, and a node with GPUs is never planned without them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog
from qwenpick.fleet.kinds import fleet
from qwenpick.machine.inventory.cluster import Accelerator, Cluster, Node

GIB = 2**30
L4 = Accelerator("NVIDIA L4", 4, 4, 23034 * 2**20, vendor="nvidia", resource="nvidia.com/gpu")


def node(name: str, entry: Accelerator | None = L4, ram: int | None = 256 * GIB, **more: object) -> Node:
    return Node(name, (entry,) if entry else (), ram, ram, 64.0, 64.0, **more)  # type: ignore[arg-type]


def test_nodes_whose_memory_differs_by_kilobytes_are_one_kind_that_has_the_least_of_them(catalog: Catalog) -> None:
    found = fleet(
        Cluster("file", (node("a", ram=256 * GIB), node("b", ram=256 * GIB - 4096), node("c", ram=128 * GIB))), catalog
    )
    assert [(kind.nodes, kind.machine.ram_free) for kind in found.kinds] == [
        (("a", "b"), 256 * GIB - 4096),
        (("c",), 128 * GIB),
    ]


def test_what_is_held_makes_another_kind_and_total_does_not_see_it(catalog: Catalog) -> None:
    nodes = (node("a"), node("b", replace(L4, free=1)))
    now, all_of_it = fleet(Cluster("file", nodes), catalog), fleet(Cluster("file", nodes), catalog, free=False)
    assert [(kind.nodes, kind.free_gpus, kind.gpus) for kind in now.kinds] == [(("a",), 4, 4), (("b",), 1, 4)]
    assert [(kind.nodes, kind.free_gpus) for kind in all_of_it.kinds] == [(("a", "b"), 8)]
    assert (now.when, all_of_it.when) == ("free", "total")


def test_records_that_do_not_say_what_is_held_answer_for_all(catalog: Catalog) -> None:
    unknown = Node("a", (replace(L4, free=None),), 256 * GIB)
    assert fleet(Cluster("file", (unknown,)), catalog).when == "total"


@pytest.mark.parametrize(
    ("changed", "idle"),
    [
        (node("a", replace(L4, free=0)), "all of its GPUs are held"),
        (node("a", Accelerator(None, 8, 8)), "how much memory its GPUs have is not known"),
        (replace(node("a"), ram_free=0), "its RAM is held"),
        (replace(node("a"), cpus_free=0.5), "its CPUs are held"),
        (node("a"), None),
    ],
)
def test_why_nothing_can_be_planned_is_said(catalog: Catalog, changed: Node, idle: str | None) -> None:
    (kind,) = fleet(Cluster("file", (changed,)), catalog).kinds
    assert kind.idle == idle


def test_nodes_that_take_no_work_are_counted_by_the_reason(catalog: Catalog) -> None:
    found = fleet(Cluster("file", (node("a"), node("b", out="drained"), node("c", out="drained", count=3))), catalog)
    assert (found.nodes, found.out, len(found.kinds)) == (5, {"drained": 4}, 1)


def test_an_entry_that_stands_for_many_counts_as_many(catalog: Catalog) -> None:
    (kind,) = fleet(Cluster("file", (node("a", count=500),)), catalog).kinds
    assert (kind.count, kind.gpus, kind.free_gpus) == (500, 2000, 2000)


def test_a_workload_chooses_by_what_all_nodes_of_a_kind_have_and_tolerates_what_any_has(catalog: Catalog) -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    found = fleet(Cluster("file", (node("a", labels={**labels, "zone": "a"}), node("b", labels=labels))), catalog)
    assert found.kinds[0].labels == labels
    assert set(found.kinds[0].resources.values()) == {"nvidia.com/gpu"}
