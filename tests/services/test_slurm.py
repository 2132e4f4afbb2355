"""Against a real Slurm: read through scontrol as it changes, and what we print is accepted by its own sbatch."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.launch import launch, run_of, slurm
from qwenpick.launch.target import Target
from qwenpick.machine.inventory import slurm_client
from qwenpick.machine.inventory.machines import Machines
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from tests.conftest import Run
from tests.services.slurm_cluster import cluster, missing, path

pytestmark = [pytest.mark.services, pytest.mark.skipif(missing() is not None, reason=f"no Slurm: {missing()}")]
GIB = 2**30


@pytest.fixture(scope="module")
def conf(worker_id: str) -> Iterator[Path]:
    index = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    with cluster(17100 + 20 * index) as file:
        yield file


@pytest.fixture
def inside(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a login node."""
    monkeypatch.setenv("SLURM_CONF", str(conf))
    monkeypatch.setenv("PATH", path())


def run(*command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=30)


def free() -> dict[str, dict[str | None, int | None]]:
    return {
        node.name: {entry.resource: entry.free for entry in node.accelerators}
        for node in slurm_client.read().nodes
        if node.out is None
    }


@pytest.mark.usefixtures("inside")
def test_what_scontrol_says_is_read_and_follows_the_jobs(catalog: Catalog) -> None:
    idle = {
        "a100-1": {"gpu:a100": 8},
        "l40s-1": {"gpu:l40s": 4},
        "mig-1": {"gpu:a100": 3, "gpu:a100_3g.40gb": 2},
        "cpu-1": {},
    }
    assert free() == idle
    nodes = {node.name: node for node in slurm_client.read().nodes}
    assert nodes["gone-1"].out is not None and nodes["gone-1"].out.startswith("down")
    assert nodes["a100-1"].ram == 1031000 * 2**20
    machine = Machines(catalog).machine(nodes["a100-1"])
    assert [device.total for device in machine.devices] == [80 * GIB] * 8  # the feature a100_80gb says which

    asked = run("sbatch", "-w", "a100-1", "--gres=gpu:a100:3", "--mem=200G", "--output=/dev/null", "--wrap", "sleep 60")
    assert asked.returncode == 0, asked.stderr
    job = asked.stdout.split()[-1]
    for _attempt in range(100):
        if free()["a100-1"] == {"gpu:a100": 5}:
            break
        time.sleep(0.1)
    held = {node.name: node for node in slurm_client.read().nodes}["a100-1"]
    assert free()["a100-1"] == {"gpu:a100": 5}
    assert held.ram is not None and held.ram_free == held.ram - 200 * GIB
    run("scancel", job)

    assert (
        run("scontrol", "update", "NodeName=l40s-1", "State=DRAIN", 'Reason=bad "DIMM" | A1, State=IDLE').returncode
        == 0
    )
    assert "l40s-1" not in free()
    assert run("scontrol", "update", "NodeName=l40s-1", "State=RESUME").returncode == 0
    for _attempt in range(100):
        if free() == idle:
            break
        time.sleep(0.1)
    assert free() == idle


@pytest.mark.usefixtures("inside")
def test_the_printed_script_is_accepted_by_sbatch(qwenpick: Run, catalog: Catalog) -> None:
    result = qwenpick("launch", "qwen3-32b", "--cluster", "slurm", "--runtime", "vllm", "--replicas", "2")
    assert result.code == 0, result.err
    accepted = run("sbatch", "--test-only", text=result.out)
    assert accepted.returncode == 0, accepted.stderr
    assert run("sbatch", "--test-only", "--gres=gpu:a100:9", text=result.out).returncode != 0  # it would have refused

    box = simulate(catalog, ["a100 80gb"], None, 512 * GIB, False)
    planned = run_of(fit(catalog, box, catalog.models["qwen3-8b"], Request(runtime="vllm")).plan)
    several = slurm.script(planned, launch(planned), Target("gpu:a100", 2, 8, 32 * GIB, nodes=2, partitions=("gpu",)))
    both = run("sbatch", "--test-only", text=several)
    assert both.returncode == 0, both.stderr
    assert "a100-1,mig-1" in both.stderr  # the only two nodes with that type


@pytest.mark.usefixtures("inside")
def test_the_whole_command_answers_from_the_running_cluster(qwenpick: Run) -> None:
    result = qwenpick("fit", "qwen3-8b", "--cluster", "slurm", "--replicas", "10", "--json")
    found = json.loads(result.out)
    assert (result.code, found["cluster"]["source"], found["when"]) == (0, "slurm", "free")
    assert found["replicas"]["found"] >= 10


@pytest.mark.usefixtures("inside")
def test_a_reader_needs_no_rights(conf: Path) -> None:
    conf.chmod(0o644)
    asked = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "scontrol", "show", "nodes", "-d", "-o")
    assert asked.returncode == 0 and asked.stdout.count("NodeName=") == 5


def test_a_controller_that_does_not_answer_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conf: Path
) -> None:
    dead = tmp_path / "slurm.conf"
    dead.write_text(conf.read_text().replace("SlurmctldPort=", "SlurmctldPort=1"))
    monkeypatch.setenv("SLURM_CONF", str(dead))
    monkeypatch.setenv("PATH", path())
    with pytest.raises(QwenpickError, match="Slurm cannot be asked"):
        slurm_client.read()
