"""Ray's nodes: what is marked, what is declared, what is free, and what our probe saw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.inventory import ray_client, ray_task
from qwenpick.machine.inventory.machines import Machines
from qwenpick.machine.inventory.ray import parse
from qwenpick.machine.inventory.read import read
from tests.conftest import Result

SAMPLE = Path(__file__).parent / "samples" / "ray-list-nodes.json"
GIB = 2**30


def node(resources: dict[str, float], name: str = "w") -> dict[str, Any]:
    """A node as ray.nodes() has it."""
    has = {"CPU": 32.0, "memory": 128e9, **resources}
    return {
        "NodeID": f"id-{name}",
        "Alive": True,
        "NodeName": name,
        "NodeManagerAddress": "10.0.0.1",
        "Resources": has,
        "Labels": {},
    }


def test_the_state_apis_list_prints_sizes_as_text(catalog: Catalog) -> None:
    found = {n.name: n for n in read(str(SAMPLE), catalog).nodes}
    assert set(found) == {"head-a", "worker-b", "worker-c"}
    assert (found["worker-b"].accelerators[0].name, found["worker-b"].accelerators[0].count) == ("H100", 8)
    assert found["worker-b"].ram == int(119.209 * GIB)
    assert found["worker-c"].accelerators == ()


def test_a_dead_node_has_no_resources_and_takes_no_work() -> None:
    (found,) = parse([{"NodeID": "x", "Alive": False, "Resources": {}, "NodeName": "gone"}]).nodes
    assert (found.out, found.accelerators) == ("dead", ())


def test_the_mark_counts_nothing_and_a_part_of_a_gpu_is_none() -> None:
    item = node({"GPU": 4.0, "accelerator_type:A100": 1.0})
    (found,) = parse([item], {"id-w": {"GPU": 3.5, "CPU": 31.0, "memory": 100e9}}).nodes
    assert (found.accelerators[0].count, found.accelerators[0].free) == (4, 3)
    assert (found.cpus_free, found.ram_free) == (31, int(100e9))
    (full,) = parse([item], {"id-w": {}}).nodes  # what is fully used may be missing
    assert (full.accelerators[0].free, full.cpus_free) == (0, 0)


@pytest.mark.parametrize("mark", ["G", "RTX"])
def test_marks_that_old_versions_cut_short_say_nothing(catalog: Catalog, mark: str) -> None:
    (found,) = parse([node({"GPU": 2.0, f"accelerator_type:{mark}": 1.0})]).nodes
    assert found.accelerators[0].name is None
    assert Machines(catalog).machine(found).devices[0].total is None


def test_two_marks_on_a_node_cannot_be_told_apart() -> None:
    (found,) = parse([node({"GPU": 3.0, "accelerator_type:A10G": 1.0, "accelerator_type:L4": 1.0})]).nodes
    assert found.accelerators[0].name is None


@pytest.mark.parametrize(
    ("mark", "gpu"),
    [
        ("A10", "a10"),
        ("RTX PRO 6000", "rtx-pro-6000-blackwell-workstation"),
        ("H200", "h200-sxm"),
        ("AMD-Instinct-MI300X-OAM", "mi300x"),
    ],
)
def test_the_names_of_newer_versions_are_found(catalog: Catalog, mark: str, gpu: str) -> None:
    (found,) = parse([node({"GPU": 1.0, f"accelerator_type:{mark}": 1.0})]).nodes
    assert Machines(catalog).machine(found).devices[0].gpu == gpu


def test_our_probe_is_believed_where_it_saw_as_many_gpus_as_ray_gives_out(catalog: Catalog) -> None:
    devices = tuple(
        Device("NVIDIA A100-SXM4-80GB", "nvidia", 80 * GIB, free, gpu="a100-sxm4-80gb", pci_bus=str(i))
        for i, free in enumerate((2 * GIB, 79 * GIB, 79 * GIB, 3 * GIB))
    )
    seen = Machine(devices, ram_total=500 * GIB, ram_free=400 * GIB)
    item = node({"GPU": 4.0, "accelerator_type:A100": 1.0})
    (found,) = parse([item], {"id-w": {"GPU": 2.0, "CPU": 8.0, "memory": 128e9}}, {"id-w": seen}).nodes
    machine = Machines(catalog).machine(found)
    assert [device.pci_bus for device in machine.devices] == ["1", "2"]  # of four, the two that nothing holds
    assert (machine.ram_total, machine.ram_free) == (500 * GIB, 400 * GIB)
    everything = Machines(catalog, free=False).machine(found)
    assert {device.free for device in everything.devices} == {80 * GIB}
    (other,) = parse([item], None, {"id-w": replace(seen, devices=())}).nodes
    assert (other.probed, other.ram, other.accelerators[0].count) == (None, 500 * GIB, 4)
    assert "our probe saw 0 GPUs there, Ray gives out 4" in other.notes


def test_the_task_looks_with_our_own_probe_where_qwenpick_is_installed() -> None:
    assert ray_task.look()["machine"]["ram_total"] > 0


def test_where_it_is_not_installed_nvidia_smi_and_meminfo_are_read(catalog: Catalog) -> None:
    seen = {"gpus": [["NVIDIA L4", "23034", "22500"], ["odd", "[N/A]", "1"]], "ram_kib": 1000, "ram_free_kib": 900}
    machine = ray_client._machine(seen, catalog)
    assert [(device.gpu, device.total) for device in machine.devices] == [("l4", 23034 * 2**20)]
    assert machine.ram_total == 1000 * 1024
    assert set(ray_task._memory()) == {"ram_kib", "ram_free_kib"}


def test_without_ray_the_extra_is_named(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(QwenpickError, match=r"qwenpick\[ray\]"):
        ray_client.read(None, catalog)


def test_a_dump_of_ray_nodes_is_recognised(qwenpick: Any, tmp_path: Path) -> None:
    file = tmp_path / "ray.json"
    file.write_text(json.dumps([node({"GPU": 4.0, "accelerator_type:L4": 1.0})]))
    result: Result = qwenpick("fleet", "--cluster", str(file), "--json")
    assert result.code == 0
    assert json.loads(result.out)["kinds"][0]["free_gpus"] == 4
