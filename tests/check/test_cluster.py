"""Requirements that must hold in a cluster."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Run

SAMPLE = Path(__file__).parents[1] / "machine" / "inventory" / "samples" / "slurm-24.11-scontrol-show-nodes.busy.json"
FILE = """
machine: {cluster: nodes.json}
models:
- {model: qwen3-8b, name: three, replicas: 3}
- {model: qwen3-8b, name: too many, replicas: 500}
- {model: qwen3-8b, name: too fast, min_speed: 9000}
- {model: qwen3-8b, name: elsewhere, quant: 4bit, machine: {gpus: [l4], ram: 32GiB}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SAMPLE, tmp_path / "nodes.json")
    return tmp_path


def test_entries_hold_where_the_cluster_has_room_for_their_copies(qwenpick: Run, folder: Path) -> None:
    (folder / "q.yaml").write_text(FILE)
    result = qwenpick("check", str(folder / "q.yaml"), "--json")
    found = {one["name"]: one for one in json.loads(result.out)["results"]}
    assert result.code == 1
    assert {name: one["status"] for name, one in found.items()} == {
        "three": "pass", "too many": "fail", "too fast": "fail", "elsewhere": "pass",
    }  # fmt: skip
    assert found["three"]["machine"] == "cluster nodes.json" and found["three"]["plan"]["model"] == "qwen3-8b"
    assert "3 required" in found["three"]["message"] and "500 required" in found["too many"]["message"]


def test_the_option_stands_for_the_machine_of_entries_that_name_none(qwenpick: Run, folder: Path) -> None:
    (folder / "q.yaml").write_text(
        "models:\n- {model: qwen3-8b, replicas: 2}\n- {model: qwen3-8b, machine: {gpus: [l40s], ram: 64GiB}}\n"
    )
    result = qwenpick("check", str(folder / "q.yaml"), "--cluster", str(folder / "nodes.json"), "--total", "--json")
    assert [one["status"] for one in json.loads(result.out)["results"]] == ["pass", "pass"]


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        ("{cluster: k8s, gpus: [l4]}", "cluster names the hardware"),
        ("{gpus: [l4], total: true}", "name it with cluster"),
    ],
)
def test_a_cluster_is_the_whole_hardware(qwenpick: Run, folder: Path, machine: str, sentence: str) -> None:
    (folder / "q.yaml").write_text(f"machine: {machine}\nmodels:\n- model: qwen3-8b\n")
    result = qwenpick("check", str(folder / "q.yaml"))
    assert result.code == 2 and sentence in result.err


def test_replicas_of_a_single_box_are_a_bad_request(qwenpick: Run, folder: Path) -> None:
    (folder / "q.yaml").write_text("machine: {gpus: [l4], ram: 32GiB}\nmodels:\n- {model: qwen3-8b, replicas: 2}\n")
    assert qwenpick("check", str(folder / "q.yaml")).code == 2
