"""A Kubernetes cluster from its own records: lists of nodes, pods, ResourceSlices and ResourceClaims, as kubectl or the API prints them.

`kubectl get nodes,pods -A -o json` is enough; nodes alone leave open what is held. Field meanings: k8s.io/api core/v1 and resource/v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from qwenpick.i18n import N_
from qwenpick.machine.inventory import dra
from qwenpick.machine.inventory.cluster import Cluster, Node, Taint
from qwenpick.machine.inventory.labels import accelerators
from qwenpick.machine.inventory.nvidia_labels import HAMI
from qwenpick.machine.inventory.offers import Told
from qwenpick.machine.inventory.quantities import mappings, quantity, table, whole

KINDS = {
    "NodeList": "Node",
    "PodList": "Pod",
    "ResourceSliceList": "ResourceSlice",
    "ResourceClaimList": "ResourceClaim",
}
KEPT = ("Node", "Pod", "ResourceSlice", "ResourceClaim")
BLOCKING = ("NoSchedule", "NoExecute")
OVER = ("Succeeded", "Failed")  # phases of pods that hold nothing any more
# Labels by which a workload can choose a node; others (and all annotations) are nobody's business
SELECTING = (
    "nvidia.com/gpu.product", "nvidia.com/mig.config", "karpenter.k8s.aws/instance-gpu-name", "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-gpu-partition-size", "aliyun.accelerator/nvidia_name", "gpu.nvidia.com/class", "k8s.amazonaws.com/accelerator",
    "amd.com/gpu.product-name", "amd.com/gpu.device-id", "beta.amd.com/gpu.device-id", "gpu.intel.com/product",
    "node.kubernetes.io/npu.chip.name", "node.kubernetes.io/instance-type", "kubernetes.io/arch",
)  # fmt: skip


def objects(document: object) -> list[tuple[str, Mapping[str, Any]]]:
    """(kind, object) of a list as kubectl or the API writes it, of one object, or of nothing that is known. Items of API lists name no kind."""
    if not isinstance(document, Mapping):
        return []
    kind, items = str(document.get("kind", "")), document.get("items")
    if not isinstance(items, list):
        return [(kind, document)] if kind in KEPT else []
    usual = KINDS.get(kind)
    return [
        (named, item)
        for item in items
        if isinstance(item, Mapping)
        if (named := str(item.get("kind") or usual or _guess(item))) in KEPT
    ]


def parse(documents: Iterable[object]) -> Cluster:
    """The cluster in these lists. What pods hold is known only where a list of pods (empty ones count) is among them."""
    found: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in KEPT}
    pods_listed = False
    for document in documents:
        pods_listed = pods_listed or (isinstance(document, Mapping) and document.get("kind") == "PodList")
        for kind, item in objects(document):
            found[kind].append(item)
    pods_listed = pods_listed or bool(found["Pod"])
    held = _held(found["Pod"]) if pods_listed else None
    slices = dra.by_node(found["ResourceSlice"], found["ResourceClaim"])
    nodes = tuple(
        sorted((_node(item, held, slices) for item in found["Node"]), key=lambda node: node.name),
    )
    unclear = [
        N_("the list has no pods, so what they hold is not known: all that the nodes offer is taken as free")
    ] if held is None and nodes else []  # fmt: skip
    if found["ResourceSlice"] and not found["ResourceClaim"]:
        unclear.append(N_("the list has no ResourceClaims: devices of ResourceSlices are taken as free"))
    return Cluster("kubernetes", nodes, tuple(unclear))


def _guess(item: Mapping[str, Any]) -> str:
    spec = table(item.get("spec"))
    return "Pod" if "containers" in spec else "ResourceSlice" if "driver" in spec and "pool" in spec else "Node"


def _words(value: object) -> dict[str, str]:
    return {str(key): str(text) for key, text in table(value).items()}


def _node(item: Mapping[str, Any], held: Mapping[str, Mapping[str, float]] | None, slices: dra.Slices) -> Node:
    metadata, spec, status = (table(item.get(part)) for part in ("metadata", "spec", "status"))
    name, labels = str(metadata.get("name", "")), _words(metadata.get("labels"))
    capacity, allocatable = table(status.get("capacity")), table(status.get("allocatable"))
    taken = None if held is None else held.get(name, {})
    annotations = {key: text for key, text in _words(metadata.get("annotations")).items() if key == HAMI}
    found, notes = accelerators(Told(labels, capacity, allocatable or capacity, taken, annotations))
    if not found:
        found = slices.get(name, ())
    ram, cpus = whole((allocatable or capacity).get("memory")), quantity((allocatable or capacity).get("cpu"))
    taints = tuple(
        Taint(str(taint.get("key", "")), taint.get("value") and str(taint["value"]), str(taint.get("effect", "")))
        for taint in mappings(spec.get("taints"))
    )
    node = Node(
        name=name,
        accelerators=found,
        ram=ram,
        ram_free=None if ram is None or taken is None else max(0, ram - int(taken.get("memory", 0))),
        cpus=cpus,
        cpus_free=None if cpus is None or taken is None else max(0.0, round(cpus - taken.get("cpu", 0.0), 3)),
        labels={key: labels[key] for key in SELECTING if key in labels},
        taints=taints,
        notes=notes,
    )
    return replace(node, out=_out(node, spec, status, labels))


def _out(node: Node, spec: Mapping[str, Any], status: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
    """Why no pod can go there now: not ready, cordoned, going, under pressure, or tainted without a GPU that would be worth tolerating it."""
    ready = next((c.get("status") for c in mappings(status.get("conditions")) if c.get("type") == "Ready"), None)
    if ready is not None and ready != "True":
        return N_("not ready")
    blocking = [taint.key for taint in node.taints if taint.effect in BLOCKING]
    if spec.get("unschedulable") is True or "node.kubernetes.io/unschedulable" in blocking:
        return N_("cordoned")
    own = [key for key in blocking if key.startswith(("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"))]
    going = [key for key in blocking if key in ("karpenter.sh/disrupted", "ToBeDeletedByClusterAutoscaler")]
    if own or going:
        return N_("tainted {key}", key=(own or going)[0])
    if labels.get("kubernetes.io/os", "linux") != "linux":
        return N_("runs {system}", system=labels["kubernetes.io/os"])
    return N_("tainted {key}", key=blocking[0]) if blocking and not node.accelerators else None


def _held(pods: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """What the pods on each node hold, by resource, as the scheduler counts it."""
    held: dict[str, dict[str, float]] = {}
    for pod in pods:
        spec, status = table(pod.get("spec")), table(pod.get("status"))
        if (node := spec.get("nodeName")) and status.get("phase") not in OVER:
            taken = held.setdefault(str(node), {})
            for resource, amount in _asked(spec).items():
                taken[resource] = taken.get(resource, 0.0) + amount
    return held


def _asked(spec: Mapping[str, Any]) -> dict[str, float]:
    """What a pod asks for: its containers and sidecars together, or its largest init container, and its overhead (kubectl describe's own sum)."""
    running = [_resources(container) for container in mappings(spec.get("containers"))]
    starting: list[dict[str, float]] = []
    sidecars: list[dict[str, float]] = []
    for container in mappings(spec.get("initContainers")):
        asked = _resources(container)
        if container.get("restartPolicy") == "Always":
            sidecars.append(asked)
        else:
            starting.append(_sum([*sidecars, asked]))
    total = _sum([*running, *sidecars])
    for asked in starting:
        total = {key: max(total.get(key, 0.0), asked.get(key, 0.0)) for key in {*total, *asked}}
    total |= _resources(spec)  # a pod's own requests (Kubernetes 1.34) stand for its containers'
    return _sum([total, dict(_amounts(spec.get("overhead")))])


def _resources(container: Mapping[str, Any]) -> dict[str, float]:
    """Requests; limits where a resource has no request of its own."""
    resources = table(container.get("resources"))
    return {**dict(_amounts(resources.get("limits"))), **dict(_amounts(resources.get("requests")))}


def _amounts(value: object) -> Iterator[tuple[str, float]]:
    for key, text in table(value).items():
        if (number := quantity(text)) is not None:
            yield str(key), number


def _sum(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for key, amount in part.items():
            total[key] = total.get(key, 0.0) + amount
    return total
