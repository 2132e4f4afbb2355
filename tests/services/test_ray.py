"""Against a real Ray: three nodes on one machine with declared GPUs, read through its API with our probe as a task on each."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fleet.kinds import fleet
from qwenpick.machine.inventory import ray_client

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="no ray here (bash tools/services.sh installs it)"
    ),
]
NODES = {
    "head-a": ["--num-cpus=16", "--num-gpus=4", "--memory=64000000000", '--resources={"accelerator_type:A100": 1}'],
    "worker-b": ["--num-cpus=32", "--num-gpus=8", "--memory=128000000000", '--resources={"accelerator_type:H100": 1}'],
    "worker-c": ["--num-cpus=8", "--num-gpus=0", "--memory=16000000000"],
}
HOLD = """
import ray, sys, time
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
@ray.remote(num_gpus=3, num_cpus=1, accelerator_type="H100")
class Holder:
    def ready(self): return True
held = Holder.remote()
ray.get(held.ready.remote())
print("held", flush=True)
time.sleep(300)
"""


@contextmanager
def cluster(port: int) -> Iterator[str]:
    """The address of a cluster of three nodes, each on a loopback address of its own, ended by process id."""
    root = Path(tempfile.mkdtemp(prefix="qwenpick-ray-", dir="/tmp"))
    program = [
        sys.executable,
        "-m",
        "ray.scripts.scripts",
        "start",
        "--block",
        "--disable-usage-stats",
        "--object-store-memory=80000000",
    ]
    environ = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    started: list[subprocess.Popen[bytes]] = []
    try:
        for index, (name, words) in enumerate(NODES.items()):
            address = f"127.0.0.{11 + index}"
            where = (
                ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={root}/rt"]
                if index == 0
                else [f"--address=127.0.0.11:{port}"]
            )
            log = root / f"{name}.log"
            with log.open("wb") as out:
                started.append(
                    subprocess.Popen(
                        [*program, f"--node-name={name}", f"--node-ip-address={address}", *where, *words], env=environ, stdin=subprocess.DEVNULL,
                        stdout=out, stderr=out, start_new_session=True,
                    )
                )  # fmt: skip
            for _attempt in range(600):  # one after the other: two at once may time out
                if b"Ray runtime started" in log.read_bytes():
                    break
                assert started[-1].poll() is None, log.read_text()[-2000:]
                time.sleep(0.1)
            else:
                raise RuntimeError(log.read_text()[-2000:])
        yield f"127.0.0.11:{port}"
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(root, ignore_errors=True)


def test_a_running_cluster_is_read_with_what_its_actors_hold(catalog: Catalog) -> None:
    with cluster(26379) as address:
        found = ray_client.read(address, catalog)
        nodes = {node.name: node for node in found.nodes}
        assert set(nodes) == set(NODES)
        assert [(e.name, e.count, e.free) for e in nodes["worker-b"].accelerators] == [("H100", 8, 8)]
        assert nodes["worker-c"].accelerators == ()
        installed = psutil.virtual_memory().total
        # our probe's, not what was declared
        assert all(node.ram is not None and node.ram <= installed for node in found.nodes)
        assert (
            any("our probe saw 0 GPUs there, Ray gives out 8" in note for note in nodes["worker-b"].notes)
            or nodes["worker-b"].probed
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            busy = {node.name: node for node in ray_client.read(address, catalog).nodes}
            assert busy["worker-b"].accelerators[0].free == 5
            kinds = {kind.nodes[0]: kind for kind in fleet(ray_client.read(address, catalog), catalog).kinds}
            assert kinds["worker-b"].free_gpus == 5
        finally:
            holder.kill()
            holder.wait(10)
    with pytest.raises(QwenpickError, match="cannot be asked"):
        ray_client.read("127.0.0.11:26379", catalog)
