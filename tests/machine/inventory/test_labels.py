"""Label families of Kubernetes nodes: each is read, and what it says is what a plan is made with."""

from __future__ import annotations

from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.catalog.entries import records
from qwenpick.catalog.gpus import match_gpu
from qwenpick.machine.hardware import Device
from qwenpick.machine.inventory.cluster import Accelerator, Node
from qwenpick.machine.inventory.kubernetes import parse
from qwenpick.machine.inventory.machines import Machines
from qwenpick.machine.inventory.nvidia_labels import plain_name
from tests.machine.inventory.nodes import listed, node, pod

MIB, GIB = 2**20, 2**30
GFD = {
    "nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.memory": "15360", "nvidia.com/gpu.count": "4", "nvidia.com/gpu.replicas": "1",
    "nvidia.com/gpu.sharing-strategy": "none", "nvidia.com/gpu.compute.major": "7", "nvidia.com/gpu.compute.minor": "5",
}  # fmt: skip


def read(*items: dict[str, Any]) -> Node:
    (found,) = parse([listed(*items)]).nodes
    return found


def only(*items: dict[str, Any]) -> Accelerator:
    (found,) = read(*items).accelerators
    return found


def device(catalog: Catalog, *items: dict[str, Any]) -> Device:
    return Machines(catalog, free=False).machine(read(*items)).devices[0]


def test_gpu_feature_discovery_gives_the_drivers_own_figures(catalog: Catalog) -> None:
    seen = node(GFD, {"nvidia.com/gpu": "4"})
    assert only(seen) == Accelerator(
        "Tesla T4", 4, None, 15360 * MIB, vendor="nvidia", resource="nvidia.com/gpu", compute_capability="7.5"
    )
    found = device(catalog, seen)
    assert (found.gpu, found.total, found.compute_capability) == ("t4", 15360 * MIB, "7.5")


def test_what_pods_hold_is_not_free_and_pods_that_ended_hold_nothing() -> None:
    asked = {"nvidia.com/gpu": "2", "memory": "100Gi", "cpu": "8500m"}
    found = read(node(GFD, {"nvidia.com/gpu": "4"}), pod(asked), pod(asked, phase="Succeeded"), pod(asked, on="other"))
    assert found.accelerators[0].free == 2
    assert (found.ram_free, found.cpus_free) == (412 * GIB, 55.5)


def test_an_init_container_holds_as_much_as_its_pod_if_it_asks_for_more_and_a_sidecar_adds() -> None:
    init = [
        {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"memory": "1Gi"}}},
        {"name": "i", "resources": {"requests": {"memory": "30Gi", "nvidia.com/gpu": "3"}}},
    ]
    found = read(
        node(GFD, {"nvidia.com/gpu": "4"}), pod({"memory": "10Gi"}, initContainers=init, overhead={"memory": "2Gi"})
    )
    assert found.accelerators[0].free == 1
    assert found.ram_free == (512 - 31 - 2) * GIB  # max(10 + 1, 30 + 1) + 2


def test_one_gpu_that_cannot_be_given_out_is_not_counted() -> None:
    found = read(node(GFD, {"nvidia.com/gpu": "3"}, {"nvidia.com/gpu": "4"}))
    assert found.accelerators[0].count == 3
    assert found.notes == ("1 of its 4 GPUs cannot be given out now",)


def test_time_sliced_replicas_are_no_gpus_and_a_held_replica_holds_a_gpu() -> None:
    shared = GFD | {
        "nvidia.com/gpu.product": "NVIDIA-A10G-SHARED", "nvidia.com/gpu.memory": "23028", "nvidia.com/gpu.count": "1",
        "nvidia.com/gpu.replicas": "2", "nvidia.com/gpu.sharing-strategy": "time-slicing",
    }  # fmt: skip
    found = only(node(shared, {"nvidia.com/gpu": "2"}))
    assert (found.name, found.count, found.memory, found.shared, found.sharing) == (
        "NVIDIA A10G",
        1,
        23028 * MIB,
        2,
        "time-slicing",
    )
    assert only(node(shared, {"nvidia.com/gpu": "2"}), pod({"nvidia.com/gpu": "1"})).free == 0
    renamed = only(node(shared | {"nvidia.com/gpu.product": "NVIDIA-A10G"}, {"nvidia.com/gpu.shared": "2"}))
    assert (renamed.count, renamed.resource, renamed.sharing) == (1, "nvidia.com/gpu.shared", "time-slicing")


def test_mps_gives_each_replica_its_share_of_the_memory(catalog: Catalog) -> None:
    shared = GFD | {
        "nvidia.com/gpu.product": "Tesla-T4-SHARED",
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.sharing-strategy": "mps",
    }
    found = only(node(shared, {"nvidia.com/gpu": "16"}), pod({"nvidia.com/gpu": "1"}))
    assert (found.count, found.free, found.memory) == (16, 15, 3840 * MIB)
    assert device(catalog, node(shared, {"nvidia.com/gpu": "16"})).bandwidth == pytest.approx(320e9 / 4, rel=0.05)


def test_mig_single_is_a_slice_with_its_own_memory(catalog: Catalog) -> None:
    cut = GFD | {
        "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "nvidia.com/gpu.memory": "4864", "nvidia.com/gpu.count": "56",
        "nvidia.com/mig.strategy": "single",
    }  # fmt: skip
    found = device(catalog, node(cut, {"nvidia.com/gpu": "56"}))
    assert (found.kind, found.total, found.gpu) == ("mig", 4864 * MIB, "a100-sxm4-40gb")
    assert found.bandwidth is not None and found.bandwidth < 1555e9 / 7


def test_mig_mixed_has_a_resource_for_each_profile_beside_whole_gpus() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920", "nvidia.com/gpu.count": "3",
              "nvidia.com/mig.strategy": "mixed", "nvidia.com/mig-3g.40gb.memory": "40192", "nvidia.com/mig-3g.40gb.count": "2"}  # fmt: skip
    whole, cut = read(
        node(labels, {"nvidia.com/gpu": "3", "nvidia.com/mig-3g.40gb": "2"}), pod({"nvidia.com/mig-3g.40gb": "1"})
    ).accelerators
    assert (whole.kind, whole.count, whole.free) == ("gpu", 3, 3)
    assert (cut.name, cut.count, cut.free, cut.memory, cut.resource) == (
        "NVIDIA A100 SXM4 80GB MIG 3g.40gb", 2, 1, 40192 * MIB, "nvidia.com/mig-3g.40gb",
    )  # fmt: skip


def test_a_vgpu_has_the_memory_of_its_profile(catalog: Catalog) -> None:
    labels = GFD | {
        "nvidia.com/gpu.product": "GRID-A100-40C",
        "nvidia.com/gpu.memory": "40960",
        "nvidia.com/vgpu.present": "true",
    }
    found = device(catalog, node(labels, {"nvidia.com/gpu": "1"}))
    assert (found.kind, found.total) == ("vgpu", 40960 * MIB)
    assert found.gpu is not None and found.gpu.startswith("a100")


def test_hami_registers_the_gpus_behind_its_replicas() -> None:
    card = '{"id":"GPU-%d","count":10,"devmem":24576,"devcore":100,"type":"NVIDIA GeForce RTX 3090"}'
    for text in (
        f"[{card % 0},{card % 1}]",
        "".join(f"GPU-{i},10,24576,100,NVIDIA-NVIDIA GeForce RTX 3090,0,true:" for i in (0, 1)),
    ):
        seen = node({}, {"nvidia.com/gpu": "20"}, annotations={"hami.io/node-nvidia-register": text})
        found = only(seen, pod({"nvidia.com/gpu": "1", "nvidia.com/gpumem": "3000"}))
        assert (found.name, found.count, found.free, found.memory) == ("NVIDIA GeForce RTX 3090", 2, 1, 24576 * MIB)


@pytest.mark.parametrize(
    ("labels", "gpu", "gib"),
    [
        ({"karpenter.k8s.aws/instance-gpu-name": "a10g", "karpenter.k8s.aws/instance-gpu-memory": "22888"}, "a10g", 22.5),
        ({"cloud.google.com/gke-accelerator": "nvidia-l4"}, "l4", 22.5),
        ({"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"}, "a100-sxm4-40gb", 40),
        ({"cloud.google.com/gke-accelerator": "nvidia-a100-80gb"}, "a100-sxm4-80gb", 80),
        ({"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}, "h100-sxm5-80gb", 79.6),
        ({"aliyun.accelerator/nvidia_name": "Tesla-V100-SXM2-16GB", "aliyun.accelerator/nvidia_mem": "16280MiB"}, "v100-sxm2-16gb", 15.9),
        ({"gpu.nvidia.com/class": "H100_NVLINK_80GB"}, "h100-sxm5-80gb", 79.6),
        ({"k8s.amazonaws.com/accelerator": "nvidia-tesla-t4"}, "t4", 15),
        ({"node.kubernetes.io/instance-type": "Standard_NC24ads_A100_v4", "kubernetes.azure.com/accelerator": "nvidia"}, "a100-pcie-80gb", 80),
        ({"node.kubernetes.io/instance-type": "Standard_NC4as_T4_v3"}, "t4", 15),
    ],
)  # fmt: skip
def test_what_clouds_label_names_the_gpu(catalog: Catalog, labels: dict[str, str], gpu: str, gib: float) -> None:
    found = device(catalog, node(labels, {"nvidia.com/gpu": "1"}))
    assert found.gpu == gpu
    assert (found.total or 0) / GIB == pytest.approx(gib, rel=0.03)


def test_gke_says_how_a_gpu_is_shared_and_cut() -> None:
    labels = {"cloud.google.com/gke-accelerator": "nvidia-l4", "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing",
              "cloud.google.com/gke-max-shared-clients-per-gpu": "4"}  # fmt: skip
    assert (only(node(labels, {"nvidia.com/gpu": "8"})).count, only(node(labels, {"nvidia.com/gpu": "8"})).shared) == (
        2,
        4,
    )
    cut = {"cloud.google.com/gke-accelerator": "nvidia-tesla-a100", "cloud.google.com/gke-gpu-partition-size": "1g.5gb"}
    assert only(node(cut, {"nvidia.com/gpu": "7"})).kind == "mig"


@pytest.mark.parametrize(
    "labels",
    [
        {
            "amd.com/gpu.vram": "192G",
            "amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM",
            "amd.com/gpu.device-id": "74a1",
        },
        {"amd.com/gpu.device-id": "74a1"},
        {"beta.amd.com/gpu.device-id.74a1": "8", "beta.amd.com/gpu.vram.192G": "8"},
    ],
)
def test_amds_labeller_is_read_in_both_its_forms(catalog: Catalog, labels: dict[str, str]) -> None:
    found = device(catalog, node(labels, {"amd.com/gpu": "8"}))
    assert (found.vendor, found.gpu) == ("amd", "mi300x")
    assert 191 * GIB <= (found.total or 0) <= 192 * GIB


def test_intels_labels_sum_the_memory_of_a_nodes_gpus(catalog: Catalog) -> None:
    labels = {
        "gpu.intel.com/product": "Flex_170",
        "gpu.intel.com/device.count": "2",
        "gpu.intel.com/memory.max": str(2 * 14 * GIB),
    }
    found = only(node(labels, {"gpu.intel.com/i915": "2"}))
    assert (found.name, found.count, found.memory) == ("Intel(R) Data Center GPU Flex 170", 2, 14 * GIB)
    assert device(catalog, node(labels, {"gpu.intel.com/i915": "2"})).gpu == "data-center-gpu-flex-170"
    shared = only(node(labels, {"gpu.intel.com/xe": "20"}), pod({"gpu.intel.com/xe": "1"}))
    assert (shared.count, shared.free, shared.shared) == (2, 1, 10)


def test_gaudi_and_ascend_are_seen_and_tpus_are_said_to_be_of_no_use() -> None:
    assert only(node({}, {"habana.ai/gaudi": "8"})).kind == "npu"
    assert only(node({"node.kubernetes.io/npu.chip.name": "910B3"}, {"huawei.com/Ascend910": "8"})).name == "910B3"
    found = read(node({}, {"google.com/tpu": "4"}))
    assert found.accelerators == ()
    assert "google.com/tpu" in found.notes[0]


def test_a_sanitised_driver_name_finds_the_same_gpu_as_the_name_itself(catalog: Catalog) -> None:
    """GPU Feature Discovery drops what labels may not hold and joins words with '-'; the look-up must not care."""
    checked = 0
    for key, record in records(catalog.gpus).items():
        memory = record.get("usable_bytes") or record.get("memory_bytes")
        if record["vendor"] != "nvidia" or record["segment"] == "soc" or not memory or record.get("unified"):
            continue
        for alias in record.get("aliases", ()):
            known = match_gpu(catalog, alias, memory)
            label = "-".join("".join(c for c in alias if c.isalnum() or c in "-_. ").split())
            if not alias.startswith(("NVIDIA", "Tesla", "Quadro")) or known is None or "(" in known.name:
                continue
            found = match_gpu(catalog, plain_name(label), memory)
            assert found is not None and found.memory_bytes == known.memory_bytes, (key, alias, label)
            checked += 1
    assert checked > 50


def test_a_node_whose_gpus_nobody_describes_is_not_guessed(catalog: Catalog) -> None:
    seen = Machines(catalog).machine(read(node({}, {"nvidia.com/gpu": "8"})))
    assert {d.total for d in seen.devices} == {None}
