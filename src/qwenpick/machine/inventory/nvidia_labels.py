"""NVIDIA's GPUs of a Kubernetes node, from GPU Feature Discovery's labels, what clouds label instead, and the resources of the device plugins.

Read from: NVIDIA/k8s-device-plugin 0.19 internal/lm/resource.go, Project-HAMi/HAMi 2.6, and the documentation of Karpenter's AWS provider, GKE,
Alibaba ACK, CoreWeave and EKS.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from qwenpick.i18n import N_
from qwenpick.machine.inventory.cluster import Accelerator, Sharing
from qwenpick.machine.inventory.offers import Told
from qwenpick.machine.inventory.quantities import count, whole
from qwenpick.units import MIB

MIG_RESOURCE = re.compile(r"nvidia\.com/mig-(\d+g\.\d+gb[a-z.+]*?)(?:\.shared)?")
VGPU_PROFILE = re.compile(r"-\d{1,3}[ABCQV]$")
HAMI = "hami.io/node-nvidia-register"  # [{"id", "count": replicas, "devmem": MiB, "type": name}]; before 2.5 the same parted by ',' and ':'
# GKE's names that say less than they mean: cloud.google.com/kubernetes-engine/docs/concepts/gpus
GKE = {
    "nvidia-tesla-a100": "A100-SXM4-40GB",
    "nvidia-a100-80gb": "A100-SXM4-80GB",
    "nvidia-h100-mega-80gb": "H100 80GB HBM3",
}


def nvidia(told: Told, notes: list[str]) -> Iterator[Accelerator]:
    """`nvidia.com/gpu`, and `nvidia.com/gpu.shared` where shared GPUs have a name of their own."""
    labels = told.labels
    for resource in ("nvidia.com/gpu", "nvidia.com/gpu.shared"):
        offered = told.offered(resource)
        if not offered:
            lost = whole(told.capacity.get(resource)) or 0
            if lost:
                notes.append(N_("{lost} of its {have} GPUs cannot be given out now", lost=lost, have=lost))
            continue
        if hami := _hami(told):
            yield hami
            continue
        strategy, replicas = _sharing(labels, resource)
        physical = _physical(labels, offered, replicas)
        replicas = max(replicas, offered // physical) if strategy or "-SHARED" in _product(labels)[0] else 1
        sharing: Sharing | None = None if replicas < 2 else strategy or "time-slicing"
        usable = min(physical, math.ceil(offered / replicas))
        have = whole(told.capacity.get(resource)) or offered
        if have > offered:
            notes.append(N_("{lost} of its {have} GPUs cannot be given out now", lost=have - offered, have=have))
        name, memory, rounded = _product(labels)
        profile = _profile(labels, name)
        left = told.left(resource, offered)
        base = Accelerator(
            name=_mig_name(name, profile) if profile else plain_name(name) or None,
            count=usable,
            # a pod that holds a replica may sit on any of the GPUs
            free=None if left is None else max(0, usable - (offered - left)) if sharing == "time-slicing" else left,
            memory=memory,
            rounded=rounded,
            vendor="nvidia",
            kind="mig" if profile else "vgpu" if _is_vgpu(labels, name) else "gpu",
            shared=replicas,
            sharing=sharing,
            resource=resource,
            compute_capability=_capability(labels),
        )
        if sharing == "mps":  # the plugin gives each replica its share of the memory, and a pod one replica
            each = memory // replicas if memory else None
            base = replace(base, count=offered, free=left, memory=each, kind="mig")
        yield base


def _sharing(labels: Mapping[str, str], resource: str) -> tuple[Sharing | None, int]:
    """(how, among how many) a GPU is shared, as GPU Feature Discovery or GKE says."""
    told = labels.get("nvidia.com/gpu.sharing-strategy") or labels.get("cloud.google.com/gke-gpu-sharing-strategy")
    replicas = count(labels.get("nvidia.com/gpu.replicas")) or count(
        labels.get("cloud.google.com/gke-max-shared-clients-per-gpu")
    )
    if (replicas or 1) < 2 and not resource.endswith(".shared"):
        return None, 1
    return "mps" if told == "mps" else "time-slicing", replicas or 1


def _physical(labels: Mapping[str, str], offered: int, replicas: int) -> int:
    """GPUs (or MIG slices) that exist: the label's count, which replicas do not enter; without it what is offered over the replicas."""
    for key in ("nvidia.com/gpu.count", "karpenter.k8s.aws/instance-gpu-count", "aliyun.accelerator/nvidia_count"):
        if (said := count(labels.get(key))) and said > 0:
            return said
    return max(1, offered // max(1, replicas))


def _product(labels: Mapping[str, str]) -> tuple[str, int | None, bool]:
    """(name, bytes of one, whether that is rounded): GPU Feature Discovery first, which asked the driver, then what clouds label."""
    memory = count(labels.get("nvidia.com/gpu.memory"))
    if name := labels.get("nvidia.com/gpu.product", ""):
        return name, memory * MIB if memory else None, False
    if name := labels.get("karpenter.k8s.aws/instance-gpu-name", ""):
        size = count(labels.get("karpenter.k8s.aws/instance-gpu-memory"))
        return name, memory * MIB if memory else size * MIB if size else None, memory is None
    if name := labels.get("cloud.google.com/gke-accelerator", ""):
        return GKE.get(name, name), memory * MIB if memory else None, False
    if name := labels.get("aliyun.accelerator/nvidia_name", ""):
        size = count(labels.get("aliyun.accelerator/nvidia_mem", "").removesuffix("MiB"))
        return name, size * MIB if size else None, False
    for key in ("gpu.nvidia.com/class", "k8s.amazonaws.com/accelerator"):  # CoreWeave; EKS, for the cluster autoscaler
        if name := labels.get(key, ""):
            return name, memory * MIB if memory else None, False
    return "", memory * MIB if memory else None, False


def plain_name(name: str) -> str:
    """A product as the catalogue's look-up reads it: GPU Feature Discovery joins words with '-', and says SHARED behind them."""
    name = name.removesuffix("-SHARED").replace("_NVLINK", "").replace("_", " ")  # CoreWeave: H100_NVLINK_80GB
    if VGPU_PROFILE.search(name):
        return f"GRID {name[5:]}" if name.startswith("GRID-") else name
    return name.replace("-", " ")


def _is_vgpu(labels: Mapping[str, str], name: str) -> bool:
    return labels.get("nvidia.com/vgpu.present") == "true" or bool(VGPU_PROFILE.search(name.removesuffix("-SHARED")))


def _profile(labels: Mapping[str, str], name: str) -> str | None:
    """The MIG profile where every GPU of the node is cut alike (strategy `single`, or GKE's partitions)."""
    return (
        name.removesuffix("-SHARED").partition("-MIG-")[2]
        or labels.get("cloud.google.com/gke-gpu-partition-size")
        or None
    )


def _mig_name(name: str, profile: str) -> str:
    return f"{plain_name(name.partition('-MIG-')[0])} MIG {profile}".strip()


def _capability(labels: Mapping[str, str]) -> str | None:
    major, minor = (count(labels.get(f"nvidia.com/gpu.compute.{part}")) for part in ("major", "minor"))
    return None if major is None or minor is None else f"{major}.{minor}"


def mig(told: Told) -> Iterator[Accelerator]:
    """Slices under names of their own (strategy `mixed`): `nvidia.com/mig-3g.40gb`, with labels beside each."""
    for resource in sorted(told.allocatable):
        found, offered = MIG_RESOURCE.fullmatch(resource), told.offered(resource)
        if not found or not offered:
            continue
        profile, labels = found[1], told.labels
        said = f"nvidia.com/mig-{profile}"
        memory = count(labels.get(f"{said}.memory"))
        replicas = count(labels.get(f"{said}.replicas")) or 1
        usable = count(labels.get(f"{said}.count")) if replicas > 1 else None
        usable = min(offered, usable or max(1, offered // replicas))
        left = told.left(resource, offered)
        card = _product(labels)[0].removesuffix("-SHARED").partition("-MIG-")[0]
        yield Accelerator(
            name=f"{plain_name(card)} MIG {profile}".strip(),
            count=usable,
            free=None if left is None else max(0, usable - (offered - left)) if replicas > 1 else left,
            memory=memory * MIB if memory else profile_memory(profile),
            rounded=memory is None,
            vendor="nvidia",
            kind="mig",
            shared=replicas,
            sharing="time-slicing" if replicas > 1 else None,
            resource=resource,
            compute_capability=_capability(labels),
        )


def profile_memory(profile: str) -> int | None:
    """Bytes that a MIG profile's name promises, its GB read as decimal: a 3g.40gb of an A100 has 40,192 MiB, 42.1e9 bytes.

    >>> profile_memory("3g.40gb")
    40000000000
    """
    found = re.search(r"\d+g\.(\d+)gb", profile)
    return int(found[1]) * 10**9 if found else None


def _hami(told: Told) -> Accelerator | None:
    """What HAMi registered: the physical GPUs behind the replicas that it offers."""
    text = told.annotations.get(HAMI)
    try:
        listed = json.loads(text) if text and text.startswith("[") else [
            dict(zip(("id", "count", "devmem", "devcore", "type"), entry.split(","), strict=False))
            for entry in (text or "").split(":")
            if entry.count(",") >= 4
        ]  # fmt: skip
        cards = [card for card in listed if isinstance(card, dict)]
        memory, name, replicas = int(cards[0]["devmem"]), str(cards[0]["type"]), int(cards[0]["count"])
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    offered, held = told.offered("nvidia.com/gpu"), None if told.held is None else told.held.get("nvidia.com/gpu", 0)
    usable = min(len(cards), offered)
    return Accelerator(
        name=name.removeprefix("NVIDIA-"),
        count=usable,
        free=None if held is None else max(0, usable - math.ceil(held)),
        memory=memory * MIB,
        vendor="nvidia",
        shared=replicas,
        sharing="time-slicing" if replicas > 1 else None,
        resource="nvidia.com/gpu",
        compute_capability=_capability(told.labels),
    )
