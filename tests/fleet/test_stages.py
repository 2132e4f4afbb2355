"""A model larger than any node: stages across nodes of one kind, and what the network takes of its speed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fleet.copies import Deployment, plan_deployment
from qwenpick.fleet.kinds import fleet
from qwenpick.fleet.stages import crossed
from qwenpick.machine.hardware import Link
from qwenpick.machine.inventory.cluster import Accelerator, Cluster, Node
from qwenpick.recommending.request import Request
from tests.conftest import Run

GIB, MIB = 2**30, 2**20
H100 = Accelerator("NVIDIA H100 80GB HBM3", 8, 8, 81559 * MIB, vendor="nvidia")
L4 = Accelerator("NVIDIA L4", 4, 4, 23034 * MIB, vendor="nvidia")
BIG = "qwen3.5-397b-a17b"  # 16 bits of 397e9 parameters are 739 GiB: eight H100 have 637, sixteen 1,274


def ask(catalog: Catalog, count: int, link: str | None = None) -> Deployment:
    nodes = (
        Node("h", (H100,), 1900 * GIB, 1900 * GIB, 128, 128, count=count),
        Node("l", (L4,), 256 * GIB, 256 * GIB, 48, 48, count=2),
    )
    return plan_deployment(
        catalog, fleet(Cluster("file", nodes), catalog), catalog.models[BIG], Request(quant="fp16"), None, link
    )


def test_a_copy_takes_two_nodes_with_tensor_parallel_inside_and_a_stage_on_each(catalog: Catalog) -> None:
    answer = ask(catalog, 5, "ib400")
    room = next(room for room in answer.rooms if room.nodes > 1)
    assert room.plan is not None and room.kind.nodes == ("h",)
    placement = room.plan.placement
    assert (room.nodes, placement.tensor_parallel, placement.pipeline_parallel, len(placement.devices)) == (2, 8, 2, 16)
    assert (answer.copies, room.units, room.link) == (2, 2, "ib400")  # five nodes make two pairs
    assert answer.notes == ()
    assert "the network between nodes is taken as" in ask(catalog, 2).notes[0]


def test_one_node_alone_has_no_stages(catalog: Catalog) -> None:
    assert all(room.nodes == 1 for room in ask(catalog, 1).rooms)


@pytest.mark.parametrize("name", ["tensor_parallel_size", "tp", "--tensor-parallel-size"])
def test_a_cut_that_was_asked_for_is_not_made_another(catalog: Catalog, name: str) -> None:
    asked = Request(quant="fp16", runtime="vllm", options={name: 4})
    nodes = (Node("h", (H100,), 1900 * GIB, 1900 * GIB, 128, 128, count=2),)
    found = plan_deployment(catalog, fleet(Cluster("file", nodes), catalog), catalog.models[BIG], asked, None, "ib400")
    assert all(room.nodes == 1 and (not room.plan or not room.plan.holds()) for room in found.rooms)


def test_a_slower_network_never_is_faster_and_its_band_is_wider(catalog: Catalog) -> None:
    plans = [
        next(room.plan for room in ask(catalog, 2, link).rooms if room.nodes > 1)
        for link in ("nvlink", "ib400", "eth25", "eth10")
    ]
    speeds = [plan.speed.each for plan in plans if plan and plan.speed]
    assert len(speeds) == 4
    assert [band.value for band in speeds] == sorted((band.value for band in speeds), reverse=True)
    assert all(band.low <= band.value <= band.high for band in speeds)


def test_what_crosses_is_counted_by_hand(catalog: Catalog) -> None:
    """One sequence: hidden size x 2 bytes x 2 tensors at 25 GB/s and half the latency, or at half that and four times: the middle is their mean."""
    plan = next(room.plan for room in ask(catalog, 2, "ib400").rooms if room.nodes > 1)
    assert plan is not None and plan.speed is not None
    bare = replace(plan.speed, sequences=1)
    after = crossed(replace(plan, speed=bare), 2, Link("x", 25e9, 2e-5))
    sent = plan.architecture.hidden_size * 4
    wait = ((1e-5 + sent / 25e9) * (8e-5 + sent / 12.5e9)) ** 0.5
    assert after is not None
    assert after.each.value == pytest.approx(1 / (1 / bare.each.value + wait))


def test_a_network_that_is_none_is_a_sentence(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="cannot read --link"):
        ask(catalog, 2, "fast")


def test_pretended_nodes_are_started_as_such_too(qwenpick: Run) -> None:
    box = ("--gpu", "8x h100", "--ram", "2000GiB", "--nodes", "2")
    assert (
        "kind: LeaderWorkerSet"
        in qwenpick("launch", BIG, "--quant", "fp16", "--runtime", "vllm", *box, "--kubernetes").out
    )
    assert qwenpick("fit", BIG, "--cluster", "k8s", "--nodes", "2").code == 2


def test_the_commands_say_it_and_start_it(qwenpick: Run, tmp_path: Path) -> None:
    file = tmp_path / "nodes.yaml"
    file.write_text(
        "nodes:\n- {name: h, count: 2, gpus: [{name: NVIDIA H100 80GB HBM3, count: 8, free: 8, memory_mib: 81559}], ram_mib: 2000000, cpus: 128}\n"
    )
    asked = (BIG, "--quant", "fp16", "--cluster", str(file))
    found = json.loads(qwenpick("fit", *asked, "--link", "ib400", "--json").out)
    assert (
        found["fits"],
        found["kinds"][0]["nodes_a_copy"],
        found["kinds"][0]["link"],
        found["replicas"]["found"],
    ) == (True, 2, "ib400", 1)
    assert "16 GPUs on 2 nodes" in qwenpick("fit", *asked).out
    assert "kind: LeaderWorkerSet" in qwenpick("launch", *asked, "--kubernetes").out
    assert "#SBATCH --nodes=2" in qwenpick("launch", *asked, "--slurm").out
    assert "pipeline_parallel_size: 2" in qwenpick("launch", *asked, "--ray").out
