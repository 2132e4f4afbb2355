"""Several models at once: a place for every copy of each, GPUs never given twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fleet.kinds import Fleet, fleet
from qwenpick.fleet.pack import Workload, pack
from qwenpick.fleet.words import Asked, several
from qwenpick.machine.inventory.cluster import Accelerator, Cluster, Node
from qwenpick.recommending.request import Request
from tests.conftest import Run, validator

GIB, MIB = 2**30, 2**20


def nodes(catalog: Catalog, *entries: tuple[str, str, int, int, int]) -> Fleet:
    """(name, GPU, its MiB, GPUs, nodes) of each kind."""
    found = tuple(
        Node(
            name, (Accelerator(gpu, gpus, gpus, mib * MIB, vendor="nvidia"),), 512 * GIB, 512 * GIB, 64, 64, count=count
        )
        for name, gpu, mib, gpus, count in entries
    )
    return fleet(Cluster("file", found), catalog)


def wanted(catalog: Catalog, model: str, copies: int = 1, **asked: object) -> Workload:
    return Workload(catalog.models[model], Request(**asked), copies)  # type: ignore[arg-type]


def test_no_gpu_is_given_twice_and_each_copy_lies_on_one_node(catalog: Catalog) -> None:
    cluster = nodes(catalog, ("h", "NVIDIA H100 80GB HBM3", 81559, 4, 2), ("l", "NVIDIA L4", 23034, 2, 2))
    packing = pack(
        catalog, cluster, [wanted(catalog, "qwen3-32b", 3, quant="fp16"), wanted(catalog, "qwen3-8b", 4, quant="8bit")]
    )
    assert packing.fits and len(packing.placed) == 7
    held = Counter(
        (place.kind.nodes[0], place.node) for place in packing.placed for _gpu in place.plan.placement.devices
    )
    assert all(count <= (4 if name == "h" else 2) for (name, _node), count in held.items())
    assert all(node < (2) for (_name, node) in held)


def test_the_large_one_gets_the_only_node_that_holds_it(catalog: Catalog) -> None:
    """A small model first would take one of the two H100 that the large one needs both of."""
    cluster = nodes(catalog, ("h", "NVIDIA H100 80GB HBM3", 81559, 1, 1), ("l", "NVIDIA L4", 23034, 1, 1))
    packing = pack(
        catalog, cluster, [wanted(catalog, "qwen3-4b", quant="8bit"), wanted(catalog, "qwen3-32b", quant="8bit")]
    )
    assert packing.fits
    assert {place.plan.model.id: place.kind.nodes[0] for place in packing.placed} == {"qwen3-4b": "l", "qwen3-32b": "h"}


def test_what_has_no_place_is_named_and_the_rest_is_placed(catalog: Catalog) -> None:
    cluster = nodes(catalog, ("l", "NVIDIA L4", 23034, 2, 1))
    packing = pack(
        catalog,
        cluster,
        [wanted(catalog, "qwen3-32b", quant="fp16", gpu_only=True), wanted(catalog, "qwen3-4b", 2, quant="8bit")],
    )
    assert not packing.fits
    assert [one.model.id for one in packing.missing] == ["qwen3-32b"]
    assert len(packing.placed) == 2


def test_many_copies_on_many_nodes_are_placed_without_looking_at_each(catalog: Catalog) -> None:
    cluster = nodes(catalog, ("h", "NVIDIA H100 80GB HBM3", 81559, 8, 1000))
    packing = pack(catalog, cluster, [wanted(catalog, "qwen3-8b", 300)])
    assert packing.fits and len({place.node for place in packing.placed}) == 38  # 300 / 8


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["qwen3-8b", "+", "qwen", "3", "4b"], [Asked("qwen3-8b"), Asked("qwen 3 4b")]),
        (["qwen3:8b:4bit@32k*8", "+", "a*2@4k"], [Asked("qwen3:8b", "4bit", 32768, 8), Asked("a", None, 4096, 2)]),
        (["Qwen/Qwen3-8B:fp8"], [Asked("Qwen/Qwen3-8B", "fp8")]),
    ],
)
def test_each_model_may_say_format_context_and_users(words: list[str], asked: list[Asked]) -> None:
    assert several(words) == asked


@pytest.mark.parametrize("words", [["+"], ["a", "+"], ["a", "+", "+", "b"], ["a*0"]])
def test_a_plus_with_nothing_beside_it_is_a_sentence(words: list[str]) -> None:
    with pytest.raises(QwenpickError):
        several(words)


def test_the_command_answers_for_all_of_them(qwenpick: Run, tmp_path: Path) -> None:
    file = tmp_path / "nodes.yaml"
    file.write_text(
        "nodes:\n- {name: l, count: 2, gpus: [{name: NVIDIA L4, count: 2, free: 2, memory_mib: 23034}], ram_mib: 256000, cpus: 48}\n"
    )
    line = ("fit", "qwen3-8b:8bit@8k*4", "+", "qwen3-embedding-0.6b", "--cluster", str(file))
    result = qwenpick(*line, "--json")
    found = json.loads(result.out)
    validator("fit").validate(found)
    assert (result.code, found["fits"], found["together"], found["gpus"]) == (0, True, True, 2)
    assert found["models"][0]["plan"]["sequences"] == 4 and found["models"][0]["places"][0]["on"].startswith("l")
    assert "all of them have a place, on 2 GPUs" in qwenpick(*line).out
    many = qwenpick(*line, "--replicas", "3")
    assert many.code == 1 and "no place for" in many.out
