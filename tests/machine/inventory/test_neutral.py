"""The neutral file: what people write is read, what we write is read back equal, and what is wrong is a sentence with its place."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import pytest
import yaml

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.machine.inventory.cluster import Cluster
from qwenpick.machine.inventory.neutral import text
from qwenpick.machine.inventory.plain_yaml import load
from qwenpick.machine.inventory.read import read, recognised

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*"))
WRITTEN = """
nodes:
  - name: cg14
    count: 3               # identical nodes
    gpus: [{name: "NVIDIA A40", count: 2, free: 1, memory_mib: 46068, shared: 1, mig: null}]
    ram_mib: 512000
    cpus: 32
    source: slurm
  - names: [a, b]
    gpus:
      - {name: A100-SXM4-40GB, mig: 3g.20gb, count: 2}
    ram_mib: 1031000
    out: drained
"""


def test_what_people_write_is_read() -> None:
    one, a, b = recognised(WRITTEN, "f.yaml").nodes
    assert (one.name, one.count, one.ram, one.cpus) == ("cg14", 3, 512000 * 2**20, 32)
    assert (one.accelerators[0].name, one.accelerators[0].memory, one.accelerators[0].free) == (
        "NVIDIA A40",
        46068 * 2**20,
        1,
    )
    assert (a.name, b.name, a.out) == ("a", "b", "drained")
    assert (a.accelerators[0].kind, a.accelerators[0].name, a.accelerators[0].memory) == (
        "mig",
        "A100-SXM4-40GB MIG 3g.20gb",
        20 * 10**9,
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_what_is_saved_of_any_source_is_read_back_equal(catalog: Catalog, sample: Path, tmp_path: Path) -> None:
    cluster = read(str(sample), catalog)
    file = tmp_path / "saved.yaml"
    file.write_text(text(cluster))
    again = read(str(file), catalog)
    assert sorted(again.nodes, key=lambda node: node.name) == sorted(cluster.nodes, key=lambda node: node.name)
    assert again.unclear == cluster.unclear


def test_standard_input_is_read_and_recognised(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRITTEN.encode())))
    assert len(read("-", catalog).nodes) == 3


def test_a_saved_machine_is_a_cluster_of_one(catalog: Catalog, machines: Path) -> None:
    file = next(path for path in sorted(machines.glob("*.json")) if "h200" in path.name)
    (node,) = read(str(file), catalog).nodes
    assert node.probed is not None and len(node.accelerators) == len(node.probed.devices)


def test_two_documents_after_each_other_are_one_inventory() -> None:
    both = (
        '{"kind": "List", "items": [{"kind": "Node", "metadata": {"name": "n"}}]}\n{"kind": "PodList", "items": []}\n'
    )
    assert recognised(both, "f").unclear == ()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("nodes:\n- name: a\n  gpu: []\n", "there is no field 'nodes.1.gpu'; did you mean gpus?"),
        ("nodes:\n- name: a\n  gpus: [{name: L4, nam: 3}]\n", "did you mean name?"),
        ("nodes:\n- name: a\n  count: 0\n", "nodes.1.count"),
        ("nodes:\n- name: a\n  gpus: [{name: L4, count: 2, free: 3}]\n", "free is 3 of 2"),
        ("nodes:\n- name: a\n  ram_mib: lots\n", "nodes.1.ram_mib"),
        ("nodes:\n- names: [a]\n  count: 2\n", "names stands alone"),
        ("nodes: []\n", "nodes"),
        ("hello: 1\n", "not an inventory"),
        ("just words\n", "not an inventory"),
        ("nodes:\n- name: a\n  name: b\n", "f.yaml:3: 'name' appears twice"),
        ("nodes:\n- &a {name: x}\n- *a\n", "f.yaml:2: tags and anchors are not read here"),
        ("nodes: [a: b: c\n", "this is not YAML"),
        ("[" * 50 + "]" * 50, "no inventory|JSON"),
        ("nodes: " + "[" * 50 + "]" * 50, "more in it than an inventory has"),
        ("", "not an inventory"),
    ],
)
def test_what_is_wrong_is_a_sentence_with_its_place(written: str, sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence):
        recognised(written, "f.yaml")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"a":', b"NodeName=", b"\x00" * 100])
def test_bytes_that_are_no_text_are_a_sentence(catalog: Catalog, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    try:
        assert isinstance(read(str(tmp_path / "f"), catalog), Cluster)
    except QwenpickError as error:
        assert str(tmp_path) in str(error)


def test_a_name_of_no_file_says_what_could_be_meant(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="there is no file slrum; did you mean slurm"):
        read("slrum", catalog)


def test_the_fast_reader_reads_as_pyyaml_does() -> None:
    for written in (
        WRITTEN,
        "a: 1\nb: [x, 'y', \"z\", 1.5, true, ~, -3, 1e3x, '7']\nc: {d: null, e: text with blanks}\nf: |\n  lines\n  of text\n",
    ):
        assert load(written, "f") == yaml.safe_load(written)


def test_ten_thousand_nodes_are_read_in_far_less_than_pyyaml_takes(catalog: Catalog) -> None:
    lines = "".join(
        f"- name: n{i}\n  gpus: [{{name: NVIDIA A40, count: {i % 20 + 1}, memory_mib: 46068}}]\n  ram_mib: 512000\n"
        for i in range(10_000)
    )
    start = time.process_time()
    cluster = recognised("nodes:\n" + lines, "f.yaml")
    assert len(cluster.nodes) == 10_000
    # PyYAML's C loader takes 2.4 s for the file alone; this takes 0.7 s in all, on an idle machine
    assert time.process_time() - start < 4


def test_json_of_the_same_fields_is_read() -> None:
    assert recognised(json.dumps(yaml.safe_load(WRITTEN)), "f.json").nodes == recognised(WRITTEN, "f.yaml").nodes
