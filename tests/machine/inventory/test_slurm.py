"""Slurm's records, from recordings of 22.05 and 24.11: gres forms, node states, what jobs hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.inventory import gres
from qwenpick.machine.inventory.cluster import Node
from qwenpick.machine.inventory.machines import Machines
from qwenpick.machine.inventory.slurm import out, parse

SAMPLES = Path(__file__).parent / "samples"
MIB = 2**20


def read(name: str) -> dict[str, Node]:
    return {node.name: node for node in parse((SAMPLES / f"slurm-{name}").read_text()).nodes}


def free(node: Node) -> dict[str | None, tuple[int, int | None]]:
    return {entry.resource: (entry.count, entry.free) for entry in node.accelerators}


# The cluster when it was recorded: 22.05 with jobs on l40s-1 (one GPU) and mig-1 (two A100 and all its memory) …
@pytest.mark.parametrize("name", ["22.05-scontrol-show-nodes-d-o.busy.txt", "22.05-sinfo-N-O.busy.txt"])
def test_text_of_22_05_says_what_jobs_hold(name: str) -> None:
    found = read(name)
    assert set(found) == {"a100-1", "cpu-1", "gone-1", "l40s-1", "mig-1"}
    assert free(found["a100-1"]) == {"gpu:a100": (8, 8)}
    assert free(found["l40s-1"]) == {"gpu:l40s": (4, 3)}
    assert free(found["mig-1"]) == {"gpu:a100": (3, 1), "gpu:a100_3g.40gb": (2, 2)}
    assert found["mig-1"].ram_free == 0
    assert (found["l40s-1"].ram, found["l40s-1"].ram_free) == (515000 * MIB, (515000 - 65536) * MIB)
    assert found["l40s-1"].partitions == ("all", "gpu")
    assert found["a100-1"].features == ("a100", "sxm", "nvlink", "ib")


# … and, in the others, one more job with two GPUs of a100-1.
@pytest.mark.parametrize(
    "name",
    ["22.05-sinfo.busy.json", "24.11-scontrol-show-nodes.busy.json", "24.11-scontrol-show-nodes-d-o.busy.txt", "24.11-sinfo.busy.json",
     "24.11-sinfo-N-O.busy.txt", "22.05-accounting-scontrol-show-nodes-o.busy.txt"],
)  # fmt: skip
def test_json_and_text_of_every_version_say_the_same(name: str) -> None:
    found = read(name)
    assert free(found["a100-1"]) == {"gpu:a100": (8, 6)}
    assert found["a100-1"].ram_free == (1031000 - 204800) * MIB
    assert (found["a100-1"].cpus, found["a100-1"].cpus_free) == (128, 112)
    assert set(found["a100-1"].partitions) == {"all", "gpu"}
    assert found["gone-1"].out is not None and found["gone-1"].out.startswith("down")
    assert sorted(name for name, node in found.items() if node.out is None and node.accelerators) == [
        "a100-1",
        "l40s-1",
        "mig-1",
    ]


def test_without_detail_and_accounting_what_jobs_hold_is_not_known_and_that_is_said() -> None:
    cluster = parse((SAMPLES / "slurm-22.05-scontrol-show-nodes-o.busy.txt").read_text())
    found = {node.name: node for node in cluster.nodes}
    assert free(found["l40s-1"]) == {"gpu:l40s": (4, None)}
    assert free(found["a100-1"]) == {"gpu:a100": (8, 8)}  # no CPU of it is held, so no GPU is
    assert "does not say which GPUs jobs hold" in cluster.unclear[0]


def test_a_reason_may_hold_anything() -> None:
    line = "NodeName=n1 CPUAlloc=0 CPUTot=8 Gres=gpu:2 GresUsed=gpu:0 RealMemory=1000 AllocMem=0 State=IDLE OS=Linux 6.1 #1 SMP  "
    line += 'Reason=bad "DIMM" | A1, State=DOWN Gres=gpu:9 [root@x]'
    (node,) = parse(line).nodes
    assert (node.out, free(node)) == (None, {"gpu": (2, 2)})


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("gpu:2", {"": 2}),
        ("gpu", {"": 1}),
        ("gpu:a100", {"a100": 1}),
        ("gpu:a100:4(S:0-1)", {"a100": 4}),
        ("gpu:tesla:2,gpu:kepler:2,mps:400,bandwidth:lustre:no_consume:4G", {"tesla": 2, "kepler": 2}),
        ("gpu:nvidia_a100-pcie-40gb:2", {"nvidia_a100-pcie-40gb": 2}),
        ("gpu:a100:2(IDX:0,2-3),gpu:a100_3g.20gb:0(IDX:N/A),shard:a100:8(-/5,5/5)", {"a100": 2}),
        ("gres:gpu:a100:8", {"a100": 8}),
        ("gres/gpu:h100:8", {"h100": 8}),
        ("(null)", {}),
        ("gpu:0", {}),
        ("", {}),
        ("craynetwork:4", {}),
    ],
)
def test_every_gres_form_is_read(text: str, counts: dict[str, int]) -> None:
    assert gres.parse(text) == counts


def test_the_roll_up_of_tres_is_not_added_to_its_parts() -> None:
    both = "cpu=224,mem=2060000M,billing=448,gres/gpu=16,gres/gpu:nvidia_b200=4,gres/gpu:nvidia_b200_2g.45gb=8,gres/gpu:nvidia_b200_3g.90gb=4"
    assert gres.parse_tres(both) == {"nvidia_b200": 4, "nvidia_b200_2g.45gb": 8, "nvidia_b200_3g.90gb": 4}
    assert gres.parse_tres("cpu=32,mem=500G,gres/gpu=1") == {"": 1}


def test_use_that_is_counted_without_types_holds_all_types() -> None:
    entries = gres.accelerators({"a100": 4, "v100": 2}, {"": 3})
    assert [entry.free for entry in entries] == [1, 0]


@pytest.mark.parametrize(
    ("kind", "gpu"),
    [
        ("a100", "a100-sxm4-40gb"), ("nvidia_a100-pcie-40gb", "a100-pcie-40gb"), ("nvidia_a100_80gb_pcie", "a100-pcie-80gb"),
        ("geforce_rtx_2060", "rtx-2060"), ("nvidia_geforce_rtx_4090", "rtx-4090"), ("tesla_v100-sxm2-16gb", "v100-sxm2-16gb"),
        ("l40s", "l40s"), ("rtxproserver6000", "rtx-pro-6000-blackwell-server"), ("rtx6000ada", "rtx-6000-ada"), ("a40", "a40"),
        ("nvidia_h100_80gb_hbm3", "h100-sxm5-80gb"), ("mi210", "mi210"),
    ],
)  # fmt: skip
def test_types_as_administrators_and_nvml_write_them_are_found(catalog: Catalog, kind: str, gpu: str) -> None:
    node = Node("n", gres.accelerators({kind: 1}, {}))
    (found,) = Machines(catalog).machine(node).devices
    assert found.gpu == gpu
    assert found.total


def test_of_the_sizes_that_a_name_may_mean_the_smallest_is_taken_unless_a_feature_says_which(catalog: Catalog) -> None:
    plain = Machines(catalog).machine(Node("n", gres.accelerators({"a100": 1}, {})))
    assert plain.devices[0].total == 40 * 2**30
    assert "no record says which: 40 assumed" in plain.notes[0]
    told = Machines(catalog).machine(Node("n", gres.accelerators({"a100": 1}, {}), features=("a100_80gb", "mem512GB")))
    assert told.devices[0].total == 80 * 2**30
    assert "a feature of the node says 80" in told.notes[0]
    ram = Machines(catalog).machine(Node("n", gres.accelerators({"a100": 1}, {}), features=("mem80gb",)))
    assert ram.devices[0].total == 40 * 2**30


def test_a_mig_type_has_the_memory_of_its_profile_and_the_card_that_it_is_cut_from(catalog: Catalog) -> None:
    (found,) = Machines(catalog).machine(Node("n", gres.accelerators({"a100_3g.40gb": 1}, {}))).devices
    assert (found.kind, found.total, found.gpu) == ("mig", 40 * 10**9, "a100-sxm4-80gb")
    (big,) = Machines(catalog).machine(Node("n", gres.accelerators({"nvidia_b200_2g.45gb": 1}, {}))).devices
    assert (big.total, big.gpu) == (45 * 10**9, "b200")


@pytest.mark.parametrize("state", ["IDLE", "MIXED", "ALLOCATED", "MIXED+PLANNED", "mix-", "idle", "alloc", "PLANNED"])
def test_a_node_in_a_working_state_counts(state: str) -> None:
    assert out(state) is None


@pytest.mark.parametrize(
    "state",
    ["DOWN", "DOWN+NOT_RESPONDING", "down*", "idle*", "IDLE+DRAIN", "drained", "drng", "idle~", "idle#", "mix%", "MAINT", "idle$", "boot^",
     "IDLE+RESERVED", "resv", "FUTURE", "unk*", "INVAL", "IDLE+POWERED_DOWN", "ALLOCATED+FAIL", ""],
)  # fmt: skip
def test_a_node_in_any_other_state_does_not(state: str) -> None:
    assert out(state) is not None


@pytest.mark.parametrize(
    "text",
    ["", "slurm_load_partitions: Unable to contact slurm controller (connect failure)", "{}", '{"nodes": 3}', "{"],
)
def test_what_is_no_inventory_is_a_sentence(text: str) -> None:
    with pytest.raises(QwenpickError):
        parse(text)
