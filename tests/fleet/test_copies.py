"""Where a model has room in a cluster: as often as a node's GPUs, RAM and cores hold its plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.fleet import rooms as rooms_
from qwenpick.fleet.copies import Deployment, plan_deployment
from qwenpick.fleet.kinds import ENGINE_RAM, Fleet, fleet
from qwenpick.fleet.rooms import times
from qwenpick.machine.inventory.cluster import Accelerator, Cluster, Node
from qwenpick.recommending.request import Request
from tests.conftest import Run, validator

GIB = 2**30
MIB = 2**20
H100 = Accelerator("NVIDIA H100 80GB HBM3", 8, 8, 81559 * MIB, vendor="nvidia")
A10G = Accelerator("NVIDIA A10G", 4, 4, 23028 * MIB, vendor="nvidia")
SAMPLES = Path(__file__).parents[1] / "machine" / "inventory" / "samples"
QWEN3_8B, QWEN3_32B = "qwen3-8b", "qwen3-32b"


def nodes(*entries: Node) -> Cluster:
    return Cluster("file", entries)


def node(name: str, *entries: Accelerator, ram: int = 512 * GIB, cpus: float = 64, count: int = 1) -> Node:
    return Node(name, entries, ram, ram, cpus, cpus, count=count)


def ask(
    catalog: Catalog, cluster: Cluster, model: str = QWEN3_8B, replicas: int | None = None, **request: object
) -> Deployment:
    return plan_deployment(catalog, fleet(cluster, catalog), catalog.models[model], Request(**request), replicas)  # type: ignore[arg-type]


def test_every_gpu_that_holds_the_model_holds_a_copy(catalog: Catalog) -> None:
    answer = ask(catalog, nodes(node("h", H100, count=2)))
    assert (answer.copies, answer.fits) == (16, True)  # 16 bits of 8.2e9 parameters are 15.3 GiB of 79.6: one GPU each
    (room,) = answer.rooms
    assert room.plan is not None and room.plan.speed is not None
    assert answer.together is not None and answer.together.value == pytest.approx(16 * room.plan.speed.together.value)


def test_a_plan_over_several_gpus_takes_them_all(catalog: Catalog) -> None:
    answer = ask(catalog, nodes(node("a", replace(A10G, count=8, free=8))), QWEN3_32B, quant="fp16")
    (room,) = answer.rooms
    assert room.plan is not None
    used = len(room.plan.placement.devices)
    assert used >= 4  # 16 bits of 32.8e9 parameters are 61 GiB; three A10G have 66 and no room for a cache
    assert answer.copies == 8 // used


def test_what_is_left_beside_the_best_plan_is_filled_with_the_same_format_only(catalog: Catalog) -> None:
    mixed = node("m", replace(H100, count=2, free=2), replace(A10G, count=2, free=2))
    answer = ask(catalog, nodes(mixed), QWEN3_8B, quant="fp16", runtime="vllm")
    formats = {way.plan.checkpoint.format for way in answer.rooms[0].ways}
    assert (answer.copies, formats) == (4, {"bf16"})


def test_ram_and_cores_are_shared_out_too(catalog: Catalog) -> None:
    cramped = ask(catalog, nodes(node("h", H100, ram=3 * ENGINE_RAM + GIB)))
    assert cramped.copies == 3
    assert ask(catalog, nodes(node("h", H100, cpus=2))).copies == 2


def test_a_node_without_gpus_holds_one_copy_and_one_with_gpus_is_never_planned_without_them(catalog: Catalog) -> None:
    answer = ask(catalog, nodes(node("c"), node("g", replace(A10G, free=0))), quant="4bit")
    rooms = {room.kind.nodes[0]: room for room in answer.rooms}
    assert (rooms["c"].copies, rooms["g"].copies) == (1, 0)
    assert rooms["g"].reason == "all of its GPUs are held"


def test_smaller_formats_are_tried_where_more_copies_are_asked_for_than_the_best_plan_leaves_room_for(
    catalog: Catalog,
) -> None:
    cluster = nodes(node("a", A10G))
    most = ask(catalog, cluster, QWEN3_32B)
    asked = ask(catalog, cluster, QWEN3_32B, replicas=most.copies + 1)
    assert asked.copies >= most.copies
    assert (
        asked.fits
        == (asked.copies > most.copies)
        == any("so that more copies have room" in note for note in asked.notes)
    )
    assert not ask(catalog, cluster, QWEN3_32B, replicas=2, quant="fp16").fits


def test_what_no_node_can_be_asked_is_a_bad_request(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="q9_z"):
        ask(catalog, nodes(node("h", H100)), quant="q9_z")


def test_equal_nodes_are_planned_once(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(rooms_, "fit", lambda *arguments: asked.append(arguments) or fit(*arguments))
    ask(catalog, nodes(*(node(f"h{i}", H100) for i in range(200))))
    assert len(asked) == 1


def test_more_nodes_never_hold_fewer_copies_and_held_gpus_never_more(catalog: Catalog) -> None:
    counts = [ask(catalog, nodes(node("h", replace(H100, free=free)))).copies for free in range(9)]
    assert counts == sorted(counts)


def test_a_plan_fits_as_often_as_its_scarcest_need(catalog: Catalog) -> None:
    box = fleet(nodes(node("h", H100)), catalog).kinds[0].machine
    plan = fit(catalog, box, catalog.models[QWEN3_8B], Request()).plan
    assert times(plan, box) == 8
    assert times(plan, replace(box, devices=box.devices[:3])) == 3
    assert times(plan, replace(box, ram_free=None)) == 8


def test_nodes_that_no_record_describes_leave_the_answer_open(catalog: Catalog) -> None:
    unknown = Node("u", (Accelerator(None, 8, 8),), 512 * GIB, 512 * GIB, 64, 64)
    assert ask(catalog, nodes(unknown)).exit_code == 3
    assert ask(catalog, nodes(unknown, node("h", H100))).exit_code == 0
    assert ask(catalog, nodes(node("a", A10G)), QWEN3_32B, replicas=99).exit_code == 1


def test_an_empty_cluster_has_no_room(catalog: Catalog) -> None:
    answer = plan_deployment(catalog, Fleet("file", "free", 0, (), {}, ()), catalog.models[QWEN3_8B], Request())
    assert (answer.fits, answer.together) == (False, None)


def test_the_command_answers_with_its_exit_code_and_the_promised_json(qwenpick: Run) -> None:
    sample = str(SAMPLES / "slurm-24.11-scontrol-show-nodes.busy.json")
    result = qwenpick("fit", QWEN3_8B, "--cluster", sample, "--replicas", "3", "--json")
    found = json.loads(result.out)
    validator("fit").validate(found)
    assert (result.code, found["fits"], found["exit_code"], found["when"]) == (0, True, 0, "free")
    assert found["cluster"]["source"] == "slurm" and found["cluster"]["nodes"] == 5
    assert found["replicas"]["asked"] == 3 and found["replicas"]["found"] >= 3
    kind = found["kinds"][0]
    assert kind.keys() >= {"nodes", "count", "free_gpus", "machine", "fits", "copies", "plan", "reason"}
    assert found["replicas"]["found"] == sum(kind["copies"] for kind in found["kinds"])
    assert qwenpick("fit", QWEN3_8B, "--cluster", sample, "--replicas", "500").code == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("fit", QWEN3_8B, "--cluster", "f", "--gpu", "l4"), "there is no file f"),
        (("fit", QWEN3_8B, "--replicas", "2", "--gpu", "l4"), "--replicas is about a cluster"),
        (("fit", QWEN3_8B, "--total", "--gpu", "l4"), "--total is about a cluster"),
        (("fleet",), "name a cluster"),
    ],
)
def test_what_cannot_be_asked_together_is_a_sentence(qwenpick: Run, words: tuple[str, ...], sentence: str) -> None:
    result = qwenpick(*words)
    assert result.code == 2 and sentence in result.err


def test_the_cluster_is_the_hardware(qwenpick: Run) -> None:
    result = qwenpick("fit", QWEN3_8B, "--cluster", str(SAMPLES / "kubernetes-nodes.json"), "--gpu", "l4")
    assert result.code == 2 and "--cluster names the hardware" in result.err
