"""A cluster in kubectl's JSON: which nodes count, what claims hold, and what is said to be unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qwenpick.machine.inventory.kubernetes import parse
from tests.machine.inventory.nodes import listed, node, pod

SAMPLES = Path(__file__).parent / "samples"
GPU = {"nvidia.com/gpu": "8"}
A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920"}


def test_the_recorded_list_is_read_with_who_takes_no_work() -> None:
    found = {n.name: n for n in parse([json.loads((SAMPLES / "kubernetes-nodes.json").read_text())]).nodes}
    assert {name: n.out for name, n in found.items()} == {
        "a100-1": None, "l40s-1": None, "mig-1": None, "cpu-1": None, "dead-1": "not ready", "drain-1": "cordoned",
    }  # fmt: skip
    assert found["l40s-1"].ram == 527433512 * 1024
    assert found["mig-1"].ram == 257_000_000_000
    assert found["a100-1"].cpus == 127.9
    assert "csi.example.com/secret-looking" not in str(found)


@pytest.mark.parametrize(
    ("taint", "offered", "out"),
    [
        ({"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}, GPU, None),
        ({"key": "dedicated", "value": "ml", "effect": "NoSchedule"}, GPU, None),
        ({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}, {}, "tainted node-role.kubernetes.io/control-plane"),
        ({"key": "dedicated", "value": "ml", "effect": "PreferNoSchedule"}, {}, None),
        ({"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}, GPU, "tainted node.kubernetes.io/memory-pressure"),
        ({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, GPU, "tainted node.kubernetes.io/unreachable"),
        ({"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}, GPU, "tainted karpenter.sh/disrupted"),
    ],
)  # fmt: skip
def test_tainted_gpu_nodes_count_and_nodes_that_kubernetes_itself_taints_do_not(
    taint: dict[str, str], offered: dict[str, str], out: str | None
) -> None:
    (found,) = parse([listed(node(A100, offered, taints=[taint]))]).nodes
    assert found.out == out


def test_without_pods_what_is_held_is_not_known_and_that_is_said() -> None:
    alone = parse([listed(node(A100, GPU))])
    assert alone.nodes[0].accelerators[0].free is None
    assert "no pods" in alone.unclear[0]
    empty = parse([listed(node(A100, GPU)), {"kind": "PodList", "items": []}])
    assert (empty.nodes[0].accelerators[0].free, empty.unclear) == (8, ())


def test_items_of_an_api_list_name_no_kind_and_are_read_all_the_same() -> None:
    one, two = node(A100, GPU), pod(GPU)
    del one["kind"], two["kind"]
    found = parse([{"kind": "NodeList", "items": [one]}, {"kind": "PodList", "items": [two]}])
    assert found.nodes[0].accelerators[0].free == 0


def gpu(index: int, **more: Any) -> dict[str, Any]:
    """A device as NVIDIA's driver for claims lists it."""
    attributes = {
        "type": {"string": "gpu"}, "uuid": {"string": f"GPU-{index}"}, "productName": {"string": "NVIDIA A100-SXM4-80GB"},
        "cudaComputeCapability": {"version": "8.0.0"},
    }  # fmt: skip
    return {"name": f"gpu-{index}", "attributes": attributes | more, "capacity": {"memory": {"value": "81920Mi"}}}


def resource_slice(devices: list[dict[str, Any]], generation: int = 1) -> dict[str, Any]:
    """A slice of the node's pool."""
    pool = {"name": "n", "generation": generation, "resourceSliceCount": 1}
    return {
        "kind": "ResourceSlice",
        "spec": {"driver": "gpu.nvidia.com", "nodeName": "n", "pool": pool, "devices": devices},
    }


def claim(device: str) -> dict[str, Any]:
    """A claim that was given a device."""
    result = {"request": "r", "driver": "gpu.nvidia.com", "pool": "n", "device": device}
    return {"kind": "ResourceClaim", "spec": {}, "status": {"allocation": {"devices": {"results": [result]}}}}


def test_resource_slices_stand_for_a_node_that_offers_no_such_resource() -> None:
    devices = [gpu(0), gpu(1)]
    older = [{"name": d["name"], "basic": {"attributes": d["attributes"], "capacity": d["capacity"]}} for d in devices]
    for form in (devices, older):  # v1 and v1beta2; v1beta1
        (found,) = parse([listed(node(), resource_slice(form), claim("gpu-1"))]).nodes
        (entry,) = found.accelerators
        assert (entry.name, entry.count, entry.free, entry.memory) == ("NVIDIA A100-SXM4-80GB", 2, 1, 80 * 2**30)
        assert (entry.compute_capability, entry.resource) == ("8.0", "gpu.nvidia.com")


def test_slices_that_a_whole_gpu_could_be_cut_into_are_not_counted_beside_it_and_old_generations_not_at_all() -> None:
    cut = gpu(0, type={"string": "mig"}, parentUUID={"string": "GPU-0"}, profile={"string": "1g.10gb"})
    (found,) = parse([listed(node(), resource_slice([gpu(0), cut], 2), resource_slice([gpu(5), gpu(6)], 1))]).nodes
    assert [(entry.kind, entry.count, entry.free) for entry in found.accelerators] == [("gpu", 1, None)]
    (alone,) = parse([listed(node(), resource_slice([cut]))]).nodes
    assert alone.accelerators[0].name == "NVIDIA A100-SXM4-80GB MIG 1g.10gb"


BROKEN = {"metadata": [], "spec": 1, "status": {"conditions": [1, {}], "allocatable": []}}
BIG = {"nvidia.com/gpu.count": "9" * 40, "nvidia.com/gpu.memory": "1e9"}
NO_RESULTS = {"kind": "ResourceClaim", "status": {"allocation": {"devices": {"results": None}}}}


@pytest.mark.parametrize(
    "items",
    [
        [None, 3, "x", {"kind": "Node"}, {"kind": "Node", **BROKEN}],
        [node(A100, {"nvidia.com/gpu": "many", "memory": "lots", "cpu": "-4"})],
        [node(BIG, GPU), {"kind": "Pod", "spec": {"nodeName": 3, "containers": {}}}],
        [resource_slice([{"name": 1, "capacity": 3, "attributes": []}]), NO_RESULTS],
    ],
)
def test_what_is_not_as_it_should_be_is_left_out_and_never_a_crash(items: list[Any]) -> None:
    parse([{"kind": "List", "items": items}])
