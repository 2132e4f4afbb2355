"""What a cluster's records say, as frozen values: nodes, their accelerators, what is held, what is left open. Nothing is assumed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog.vendors import Vendor
    from qwenpick.machine.hardware import Machine

Source = Literal["kubernetes", "slurm", "ray", "file"]
Sharing = Literal["time-slicing", "mps"]
MOST_ACCELERATORS = 4096  # of a sort on one node; more is a slip of the pen, and none of them is counted
LARGEST_COUNT = 100_000  # of nodes in an entry, likewise


@dataclass(frozen=True, slots=True)
class Accelerator:
    """Equal accelerators of one node.

    `name` is the product as the records have it, None where they name none. `count` are those that a workload may be given at all, in physical GPUs
    (time-sliced replicas are no GPUs), MIG slices or replicas of MPS; `free` those of them that nothing holds, None where nobody says. `memory` is
    bytes of one; `rounded` where it is no driver's figure but a label's whole GiB or what a cloud advertises. `shared` is how many workloads one may
    be given to. `resource` is what a workload asks for: `nvidia.com/gpu`, `gpu:a100`, `GPU`. `pci_id` is `10de:2684` where it is known.
    """

    name: str | None
    count: int
    free: int | None = None
    memory: int | None = None
    rounded: bool = False
    vendor: Vendor | None = None
    kind: Literal["gpu", "mig", "vgpu", "npu"] = "gpu"
    shared: int = 1
    sharing: Sharing | None = None
    resource: str | None = None
    compute_capability: str | None = None
    pci_id: str | None = None
    unified: bool = False


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps pods away from a Kubernetes node unless they tolerate it."""

    key: str
    value: str | None = None
    effect: str = "NoSchedule"


@dataclass(frozen=True, slots=True)
class Node:
    """One node, or `count` equal ones that an inventory file writes as one.

    `ram` and `ram_free` are bytes, `cpus` and `cpus_free` cores or threads as the cluster counts them. `out` says why it takes no work: not ready,
    cordoned, drained, down; such a node never counts. `labels` are those by which a workload can choose it (Kubernetes), `features` and `partitions`
    Slurm's. `probed` is what our own probe saw there, which is believed before everything else.
    """

    name: str
    accelerators: tuple[Accelerator, ...] = ()
    ram: int | None = None
    ram_free: int | None = None
    cpus: float | None = None
    cpus_free: float | None = None
    out: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    features: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    probed: Machine | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Cluster:
    """All nodes of a cluster. `unclear` are sentences: what the records do not say, and what follows from that."""

    source: Source
    nodes: tuple[Node, ...]
    unclear: tuple[str, ...] = ()
