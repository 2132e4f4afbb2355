"""Listing a cluster through its API: page by page, begun anew when a list expires, and every refusal a sentence. Nothing but GET is sent."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from qwenpick.errors import QwenpickError
from qwenpick.machine.inventory import kubernetes_client
from qwenpick.machine.inventory.cluster import Cluster
from tests.machine.inventory.nodes import pod
from tests.machine.inventory.replay import replay

NODES = json.loads((Path(__file__).parent / "samples" / "kubernetes-nodes.json").read_text())["items"]
PODS = [pod({"nvidia.com/gpu": "1"}, on="a100-1") for _ in range(3)]
LISTS = {"/api/v1/nodes": NODES, "/api/v1/pods": PODS}
Get = Callable[[str], tuple[int, bytes]]


def getter(address: str, token: str) -> Get:
    """GET without any client."""

    def get(path: str) -> tuple[int, bytes]:
        request = urllib.request.Request(address + path, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    return get


def read(token: str) -> tuple[Cluster, list[tuple[str, str]]]:
    with replay(LISTS) as (address, log):
        return kubernetes_client.of(getter(address, token)), log


def test_a_list_is_read_page_by_page_with_get_alone() -> None:
    cluster, log = read("reader")
    assert [node.name for node in cluster.nodes] == ["a100-1", "cpu-1", "dead-1", "drain-1", "l40s-1", "mig-1"]
    assert cluster.nodes[0].accelerators[0].free == 5
    assert cluster.unclear == ()
    assert {method for method, _path in log} == {"GET"}
    assert sum(path == "/api/v1/nodes" for _method, path in log) == 3
    assert any("resourceslices" in path for _method, path in log)


def test_a_list_that_expires_between_two_pages_is_begun_anew() -> None:
    cluster, _log = read("expires-once")
    assert len(cluster.nodes) == 6


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("wrong", "does not know you"),
        ("nobody", "may not list nodes"),
        ("expires", "410"),
    ],
)
def test_every_refusal_is_a_sentence(token: str, sentence: str) -> None:
    with pytest.raises(QwenpickError, match=sentence):
        read(token)


def test_without_the_right_to_list_pods_what_they_hold_is_not_known() -> None:
    cluster, _log = read("no-pods")
    assert cluster.nodes[0].accelerators[0].free is None
    assert any("pods could not be listed" in line for line in cluster.unclear)


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kubernetes", None)
    with pytest.raises(QwenpickError, match=r"qwenpick\[kubernetes\]"):
        kubernetes_client.read()
