"""Kubernetes nodes and pods for tests, written short."""

from __future__ import annotations

from typing import Any


def node(
    labels: dict[str, str] | None = None,
    offered: dict[str, str] | None = None,
    capacity: dict[str, str] | None = None,
    name: str = "n",
    **spec: Any,
) -> dict[str, Any]:
    """A ready node that offers 64 CPUs, 512 GiB and what is said."""
    amounts = {"cpu": "64", "memory": "512Gi", **(offered or {})}
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}, "annotations": spec.pop("annotations", {})},
        "spec": spec,
        "status": {
            "allocatable": amounts,
            "capacity": {**amounts, **(capacity or {})},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod(asked: dict[str, str], on: str = "n", phase: str = "Running", **spec: Any) -> dict[str, Any]:
    """A pod of one container."""
    containers = [{"name": "c", "resources": {"requests": asked, "limits": asked}}]
    return {"kind": "Pod", "spec": {"nodeName": on, "containers": containers, **spec}, "status": {"phase": phase}}


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    """As kubectl prints them."""
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}
