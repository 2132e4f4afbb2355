"""The official Kubernetes client against a loopback API, and every core object that we print against Kubernetes' own schemas."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from qwenpick.catalog import Catalog
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.launch import kubernetes, launch, run_of
from qwenpick.launch.target import Target
from qwenpick.machine.inventory import kubernetes_client
from qwenpick.machine.inventory.cluster import Taint
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from tests.machine.inventory.nodes import pod
from tests.machine.inventory.replay import replay

pytestmark = pytest.mark.services
SAMPLES = Path(__file__).parents[1] / "machine" / "inventory" / "samples"
NODES = json.loads((SAMPLES / "kubernetes-nodes.json").read_text())["items"]
LISTS = {"/api/v1/nodes": NODES, "/api/v1/pods": [pod({"nvidia.com/gpu": "2"}, on="a100-1")]}
CORE = {"persistentvolumeclaim", "deployment", "service", "resourceclaimtemplate"}
GIB = 2**30


def without(module: str) -> Any:
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None, reason=f"no {module} here (bash tools/services.sh installs it)"
    )


def kubeconfig(address: str, token: str, folder: Path) -> Path:
    file = folder / "config"
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": address}}], "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    file.write_text(yaml.safe_dump(content))
    return file


@without("kubernetes")
@pytest.mark.parametrize(
    ("token", "sentence"),
    [("reader", None), ("wrong", "does not know you"), ("nobody", "may not list nodes"), ("cut", "cannot be")],
)
def test_the_official_client_reads_pages_and_refusals(
    token: str, sentence: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replay(LISTS) as (address, log):
        monkeypatch.setattr(
            "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig(address, token, tmp_path))
        )
        if sentence:
            with pytest.raises(QwenpickError, match=sentence):
                kubernetes_client.read()
            return
        found = kubernetes_client.read()
        assert [node.name for node in found.nodes][:2] == ["a100-1", "cpu-1"]
        assert found.nodes[0].accelerators[0].free == 6
        assert {method for method, _path in log} == {"GET"}


@without("kubernetes")
def test_a_server_that_is_not_there_and_a_missing_kubeconfig_are_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION",
        str(kubeconfig("http://127.0.0.1:9", "t", tmp_path)),
    )
    with pytest.raises(QwenpickError, match=r"127.0.0.1:9 cannot be asked"):
        kubernetes_client.read()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(QwenpickError, match="kubeconfig cannot be used"):
        kubernetes_client.read()


@without("kubernetes_validate")
@pytest.mark.parametrize("runtime", ["vllm", "sglang", "llamacpp"])
@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "gpu.nvidia.com"])
def test_core_objects_keep_kubernetes_own_schemas(catalog: Catalog, runtime: str, resource: str) -> None:
    import kubernetes_validate

    box = simulate(catalog, ["8x h100"], None, 512 * GIB, False)
    run = run_of(fit(catalog, box, catalog.models["qwen3-8b"], Request(runtime=runtime)).plan)
    taints = (Taint("nvidia.com/gpu", "present"), Taint("x", None, "NoExecute"))
    target = Target(resource, 1, 4, 8 * GIB, 1, 2, {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}, taints)
    objects = kubernetes.objects(run, launch(run), target)
    assert set(objects) <= CORE
    for content in objects.values():
        kubernetes_validate.validate(yaml.safe_load(yaml.safe_dump(content)), "1.34", strict=True)
    broken = objects["deployment"] | {"spec": {**objects["deployment"]["spec"], "replicsa": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.34", strict=True)


@without("kubernetes_validate")
@pytest.mark.parametrize("runtime", ["vllm", "sglang"])
def test_the_pods_of_a_leader_worker_set_keep_them_too(catalog: Catalog, runtime: str) -> None:
    import kubernetes_validate

    box = simulate(catalog, ["8x h100"], None, 512 * GIB, False)
    run = run_of(fit(catalog, box, catalog.models["qwen3-8b"], Request(runtime=runtime)).plan)
    group = kubernetes.objects(run, launch(run), Target("nvidia.com/gpu", 8, 32, 64 * GIB, nodes=2))["leaderworkerset"]
    for name in ("leaderTemplate", "workerTemplate"):
        pods = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p"},
            **group["spec"]["leaderWorkerTemplate"][name],
        }
        kubernetes_validate.validate(pods, "1.34", strict=True)
